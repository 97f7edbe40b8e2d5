"""Whose code has failed: the log names the extension of the user, or the backend."""

from __future__ import annotations

from functools import partial

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from tests.dialog.core import Core
from txsmtpx import Extension, Reply, Verb
from txsmtpx.dialog.failed_command import reply_to_failure
from txsmtpx.extensions.registry import EXTENSIONS
from txsmtpx.grammar.esmtp_parameter import Parameter
from txsmtpx.testing import RecordingBackend

pytestmark = pytest.mark.usefixtures("crashes")

HELLO, MAIL = "EHLO client.example", "MAIL FROM:<me@example.com>"
RCPT = "RCPT TO:<you@example.com>"
LOCAL_ERROR = "451 4.3.0 Local error in processing"


@pytest.fixture
def crashes(logged_failures):
    """Each test logs a failure."""
    yield
    assert logged_failures.flush(ZeroDivisionError)


def crash(*arguments):
    raise ZeroDivisionError("the words of an exception")


class Crashing:
    """An object that is called, and fails."""

    def __call__(self, *arguments):
        raise ZeroDivisionError("the words of an exception")

    def method(self, *arguments):
        raise ZeroDivisionError("the words of an exception")


async def crash_later(*arguments):
    raise ZeroDivisionError("the words of an exception")


def blamed(extension: Extension | None, *lines: str, backend: RecordingBackend | None = None) -> list[str]:
    """What the log names as the cause."""
    extensions = EXTENSIONS if extension is None else [*EXTENSIONS, extension]
    client = Core(backend or RecordingBackend(), extensions=extensions)
    with capturedLogs() as events:
        replies = client.ask(*lines)
    assert replies[-1].startswith(LOCAL_ERROR)
    assert "words of an exception" not in "".join(replies)
    return [event["what"] for event in events if "what" in event]


KEYS = ("XCOLOUR", "none yet")


def parameter(decode) -> Parameter:
    return Parameter("XCOLOUR", "colour", decode, str)


def verb(run) -> Verb:
    return Verb("XPAINT", run, "XPAINT")


@pytest.mark.parametrize("function", [crash, partial(crash, 1), Crashing(), Crashing().method])
@pytest.mark.parametrize(
    ("make", "lines"),
    [
        (lambda function: Extension(*KEYS, mail=(parameter(function),)), [HELLO, f"{MAIL} XCOLOUR=red"]),
        (lambda function: Extension(*KEYS, rcpt=(parameter(function),)), [HELLO, MAIL, f"{RCPT} XCOLOUR=red"]),
        (lambda function: Extension(*KEYS, check_mail=function), [HELLO, f"{MAIL} SIZE=1"]),
        (lambda function: Extension(*KEYS, announce=function), [HELLO]),
    ],
)
def test_a_function_of_an_extension(function, make, lines):
    assert blamed(make(function), *lines) == ["the extension XCOLOUR"]


@pytest.mark.parametrize(
    "run", [crash, crash_later, partial(crash, 1), Crashing(), lambda dialog, argument: fail(ZeroDivisionError())]
)
def test_a_command_of_an_extension(run):
    assert blamed(Extension(*KEYS, verbs=(verb(run),)), HELLO, "xpaint") == [
        "the command XPAINT of the extension XCOLOUR"
    ]


def test_an_extension_without_a_keyword_has_the_name_of_its_document():
    assert blamed(Extension("", "draft-paint", verbs=(verb(crash),)), "XPAINT", HELLO, "XPAINT")[-1:] == [
        "the command XPAINT of the extension draft-paint"
    ]


@pytest.mark.parametrize("method", ["mail", "rcpt"])
@pytest.mark.parametrize("give", [crash, crash_later, lambda *arguments: fail(ZeroDivisionError())])
def test_the_backend(method, give):
    """Also if the server has an extension that does not fail."""
    fine = Extension(*KEYS, mail=(parameter(str),), verbs=(verb(lambda dialog, argument: Reply(250, None, "ok")),))
    lines = [HELLO, f"{MAIL} XCOLOUR=red", RCPT][: 2 if method == "mail" else 3]
    assert blamed(fine, *lines, backend=RecordingBackend(**{method: give})) == ["the backend"]


def test_the_backend_below_a_later_command():
    waiting: Deferred[None] = Deferred()
    backend = RecordingBackend(mail=lambda *arguments: waiting)
    client = Core(backend)
    client.ask(HELLO, MAIL)
    with capturedLogs() as events:
        waiting.errback(ZeroDivisionError())
    assert [event["what"] for event in events if "what" in event] == ["the backend"]


@pytest.mark.parametrize(
    ("extension", "what"),
    [(Extension(*KEYS), "the backend"), (Extension(*KEYS, check_mail=crash), "the extension XCOLOUR")],
)
def test_functions_without_code_are_passed_over(extension, what):
    """Such as the type `str`, which reads the words of an extension by default."""
    try:
        crash()
    except ZeroDivisionError:
        failure = Failure()
    with capturedLogs() as events:
        assert reply_to_failure(failure, "s", "-", [extension], b"NOOP").code == 451
    assert [event["what"] for event in events] == [what]
