"""
What a backend may answer in each place, and what becomes of anything else: 451, and a line in the log that names it.

A backend never asks the client for more input (3xx), nor says that the connection is closed (221) when it is not.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed

from tests.dialog.core import Core
from txsmtpx import Extension, OpenBackend, Reply, Session, SMTPError, TeeBackend, Verb
from txsmtpx.dialog.outcome_reply import accepts, answer, chosen
from txsmtpx.extensions.chunking import CHUNKING
from txsmtpx.testing import RecordingBackend

HELLO = "EHLO client.example"
MAIL, RCPT = "MAIL FROM:<me@example.com>", "RCPT TO:<you@example.com>"
LOGIN = "AUTH PLAIN AHUAcA=="
COMMANDS = {
    "anonymous_login": [HELLO, MAIL],
    "login": [HELLO, LOGIN],
    "mail": [HELLO, MAIL],
    "rcpt": [HELLO, MAIL, RCPT],
    "data": [HELLO, MAIL, RCPT, "DATA", "."],
    "verify": [HELLO, "VRFY you"],
    "expand": [HELLO, "EXPN list"],
}
LOCAL_ERROR = "451 4.3.0 Local error in processing"

WRONG_REPLIES = [
    Reply(334, None, "more"), Reply(354, None, "go on"), Reply(300, None, "hm"), Reply(221, (2, 0, 0), "bye"),
]  # fmt: skip
NO_REPLIES = [True, 250, 3.5, b"250 ok", NotImplemented, 250j]


def conversation(method: str, give: Any, **settings: Any) -> Core:
    backend = RecordingBackend({"u": "p"}, **({} if method.endswith("login") else {method: give}))
    if method == "anonymous_login":
        backend.anonymous_login = give
    if method == "login":
        backend.authenticate = give
    return Core(backend, allow_insecure_auth=True, auth_failure_delay=0, **settings)


def last(client: Core, *lines: str) -> str:
    """The last thing said to these; those that need an hour of the clock have it."""
    said = client.ask(*lines)
    client.clock.advance(0)
    return (said + client.replies())[-1]


async def coroutine(value: Any) -> Any:
    return value


@pytest.mark.parametrize("form", [lambda value: value, succeed, coroutine], ids=["value", "Deferred", "coroutine"])
@pytest.mark.parametrize("given", [*WRONG_REPLIES, *NO_REPLIES], ids=repr)
@pytest.mark.parametrize("method", ["mail", "rcpt", "data", "verify", "expand"])
def test_what_may_not_be_given(method, given, form, logged_failures):
    client = conversation(method, lambda *_: form(given))
    assert last(client, *COMMANDS[method]).startswith(LOCAL_ERROR)
    (failure,) = logged_failures.flush(TypeError)
    name = f"RecordingSession.{method}()"
    assert failure.getErrorMessage().startswith(f"{name} returned {given!r}: return None")
    assert client.ask("NOOP") == ["250 2.0.0 Ok"]
    client.hang_up()


@pytest.mark.parametrize("method", ["mail", "rcpt"])
def test_text_is_for_outcomes_only(method, logged_failures):
    client = conversation(method, lambda *_: "ok")
    assert last(client, *COMMANDS[method]).startswith(LOCAL_ERROR)
    assert len(logged_failures.flush(TypeError)) == 1
    client.hang_up()


@pytest.mark.parametrize("form", ["raised", "failed", "coroutine"])
@pytest.mark.parametrize("code", [334, 354, 221, 250, 235])
@pytest.mark.parametrize("method", COMMANDS)
def test_what_may_not_be_raised(method, code, form, logged_failures):
    """A yes that is raised is one for the outcome of a message alone, as a filter that throws it away gives it."""

    async def come(error: Exception) -> Any:
        raise error

    def give(*_: Any) -> Any:
        error = SMTPError(code, None, "My words")
        if form == "raised":
            raise error
        return fail(error) if form == "failed" else come(error)

    client = conversation(method, give)
    said = last(client, *COMMANDS[method])
    if method == "data" and code in (250, 235):
        assert said == f"{code} 2.0.0 My words"
    else:
        assert said.startswith(LOCAL_ERROR)
        assert len(logged_failures.flush(SMTPError)) == 1
    assert client.dialog.connection.username is None
    assert client.ask("NOOP") == ["250 2.0.0 Ok"]
    client.hang_up()


@pytest.mark.parametrize("raised", [False, True])
@pytest.mark.parametrize("method", COMMANDS)
def test_421_closes_the_connection(method, raised):
    """RFC 5321 §3.8: the client may expect it."""

    def give(*_: Any) -> Any:
        if raised or method.endswith("login"):
            raise SMTPError(421, (4, 3, 2), "Going down")
        return Reply(421, (4, 3, 2), "Going down")

    client = conversation(method, give)
    assert last(client, *COMMANDS[method]) == "421 4.3.2 Going down"
    assert client.closed
    client.hang_up()


@pytest.mark.parametrize("code", [250, 251, 252, 450, 521, 550, 599])
@pytest.mark.parametrize("method", ["mail", "rcpt", "data", "verify", "expand"])
def test_what_may_be_given(method, code):
    client = conversation(method, Reply(code, None, "My words"))
    assert last(client, *COMMANDS[method]) == f"{code} {code // 100}.0.0 My words"
    assert client.ask("NOOP") == ["250 2.0.0 Ok"]
    client.hang_up()


def test_mail_and_rcpt_are_accepted_by_none_and_by_2xx():
    assert all(map(accepts, [None, Reply(250, None, "ok"), Reply(251, (2, 1, 5), "ok")]))
    assert not any(map(accepts, [Reply(450, None, "no"), Reply(550, None, "no"), *WRONG_REPLIES, *NO_REPLIES, "ok"]))


class Unshowable:
    """Its repr fails."""

    def __repr__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("x" * 198, f"'{'x' * 198}'"),
        ("x" * 199, f"'{'x' * 199}...[+1]"),
        ("x" * 300, f"'{'x' * 199}...[+102]"),
        (Unshowable(), "a Unshowable that cannot be shown"),
    ],
    ids=["just short enough", "too long", "far too long", "without a repr"],
)
def test_how_a_wrong_value_is_shown(given, shown, logged_failures):
    with pytest.raises(TypeError) as raised:
        answer(given, Session(), "mail")
    assert str(raised.value).startswith(f"Session.mail() returned {shown}: return None or a Reply of ")
    assert chosen(lambda: given, "s", "-", "the policy").code == 451
    (failure,) = logged_failures.flush(TypeError)
    assert failure.getErrorMessage().startswith(f"the policy returned {shown}: return a Reply of ")


@pytest.mark.parametrize("given", WRONG_REPLIES, ids=repr)
def test_a_recipient_that_was_no_recipient(given, logged_failures):
    client = conversation("rcpt", [given, None])
    said = client.ask(HELLO, MAIL, RCPT, "DATA", RCPT, "DATA")
    assert [line[:3] for line in said[-5:]] == ["250", "451", "503", "250", "354"]
    assert len(logged_failures.flush(TypeError)) == 1
    client.hang_up()


@pytest.mark.parametrize("given", [*WRONG_REPLIES, None, "no", object], ids=repr)
def test_the_servers_own_functions(given, logged_failures):
    """``outcome_policy`` and ``delivery_timed_out``."""

    def deliver(message: Any, context: Any) -> None:
        context.start_delivery(0, timeout=1)

    client = conversation("data", deliver, outcome_policy=lambda outcomes, outcome: given)
    client.ask(HELLO, MAIL, RCPT, "DATA", ".")
    client.clock.advance(1)
    assert client.replies()[-1].startswith(LOCAL_ERROR)
    assert client.ask("NOOP", MAIL) == ["250 2.0.0 Ok", "250 2.1.0 Sender ok"]
    client.hang_up()
    other = conversation("data", deliver, delivery_timed_out=lambda recipient: given, lmtp=True)
    other.ask("LHLO client.example", MAIL, RCPT, "DATA", ".")
    other.clock.advance(1)
    assert other.replies()[-1].startswith("451 4.3.0 <you@example.com> Local error in processing")
    other.hang_up()
    messages = [failure.getErrorMessage() for failure in logged_failures.flush(TypeError)]
    assert [message.split(" returned ")[0] for message in messages] == ["outcome_policy", "delivery_timed_out"]


def test_a_policy_that_breaks(logged_failures):
    def policy(outcomes: Any, outcome: Any) -> Any:
        raise ZeroDivisionError

    client = conversation("data", lambda message, context: context.set_status(0) and None, outcome_policy=policy)
    assert client.ask(HELLO, MAIL, RCPT, "DATA", ".")[-1].startswith(LOCAL_ERROR)
    assert len(logged_failures.flush(ZeroDivisionError)) == 1
    assert client.ask(MAIL) == ["250 2.1.0 Sender ok"]
    client.hang_up()


@pytest.mark.parametrize("status", [*WRONG_REPLIES, SMTPError(354, None, "x"), True, b"ok", object], ids=repr)
@pytest.mark.parametrize("lmtp", [False, True])
def test_no_outcome_for_a_recipient(status, lmtp, logged_failures):
    client = conversation("data", lambda message, context: context.set_status(0, status) and None, lmtp=lmtp)
    hello = "LHLO client.example" if lmtp else HELLO
    assert client.ask(hello, MAIL, RCPT, "DATA", ".")[-1].startswith("451 4.3.0 ")
    assert len(logged_failures.flush(TypeError, SMTPError)) == 1
    client.hang_up()


@pytest.mark.parametrize("size", [3, 0])
def test_the_end_of_a_bdat(size, logged_failures):
    client = conversation("data", Reply(354, None, "go on"), extensions=[CHUNKING])
    client.ask(HELLO, MAIL, RCPT)
    client.send(b"BDAT %d LAST\r\n" % size + b"x" * size)
    assert client.replies()[-1].startswith(LOCAL_ERROR)
    assert len(logged_failures.flush(TypeError)) == 1
    client.hang_up()


@pytest.mark.parametrize("given", [*WRONG_REPLIES[:3], "yes", True, 250], ids=repr)
def test_a_verb_of_ones_own(given):
    """3xx is right where the verb expects more input, and only there."""
    verb = Verb("XVERB", lambda dialog, argument: given, "XVERB")
    client = Core(extensions=[Extension("XVERB", "none yet", verbs=(verb,))])
    assert client.ask(HELLO, "XVERB", "NOOP")[-2:] == ["451 4.3.0 Local error in processing", "250 2.0.0 Ok"]
    client.hang_up()


def test_a_verb_of_ones_own_that_converses():
    def take(line: bytes) -> Reply:
        dialog.end_exchange()
        return Reply(250, (2, 0, 0), line.decode())

    def run(of: Any, argument: str) -> Reply:
        of.converse(take)
        return Reply(334, None, "more")

    client = Core(extensions=[Extension("XVERB", "none yet", verbs=(Verb("XVERB", run, "XVERB"),))])
    dialog = client.dialog
    assert client.ask(HELLO, "XVERB", "hello", "NOOP")[-3:] == ["334 more", "250 2.0.0 hello", "250 2.0.0 Ok"]
    client.hang_up()


def test_a_verb_of_ones_own_that_says_goodbye():
    """221 is the end of the connection (RFC 5321 §4.2.1)."""
    verb = Verb("XBYE", lambda dialog, argument: Reply(221, (2, 0, 0), "Bye"), "XBYE")
    client = Core(extensions=[Extension("XBYE", "none yet", verbs=(verb,))])
    assert client.ask(HELLO, "XBYE", "NOOP")[-1] == "221 2.0.0 Bye"
    assert client.closed
    client.hang_up()


@pytest.mark.parametrize("method", ["mail", "rcpt"])
@pytest.mark.parametrize("given", [*WRONG_REPLIES, "yes", True], ids=repr)
def test_the_second_backend_of_a_tee(given, method, logged_failures):
    """Its words are held to the same, and refuse the message where the copy is required."""
    copies = RecordingBackend(**{method: lambda *_: given})
    client = Core(TeeBackend(RecordingBackend(), copies, required=True))
    assert client.ask(HELLO, MAIL, RCPT, "DATA", ".")[-1].startswith(LOCAL_ERROR)
    assert len(logged_failures.flush(TypeError)) == 1
    assert copies.messages == []
    client.hang_up()


EXITS = [KeyboardInterrupt(), SystemExit(1), GeneratorExit(), CancelledError(), asyncio.CancelledError()]


@pytest.mark.parametrize("error", EXITS, ids=lambda error: f"{type(error).__module__}.{type(error).__name__}")
@pytest.mark.parametrize("form", ["raised", "coroutine", "failed", "later coroutine", "later"])
@pytest.mark.parametrize("method", [*COMMANDS, "reset", "logout"])
def test_an_exception_of_any_kind_raised_at_once_or_later(method, form, error, logged_failures):
    later: Deferred[None] = Deferred()

    async def come(first: Deferred[None] | None = None) -> None:
        if first is not None:
            await first
        raise error

    def broken(_: object) -> None:
        raise error

    def give(*_: Any) -> Any:
        if form == "raised":
            raise error
        if form == "coroutine":
            return come()
        if form == "failed":
            return fail(error)
        return come(later) if form == "later coroutine" else later.addCallback(broken)

    client = conversation(method, give)
    client.ask(*COMMANDS.get(method, [HELLO, MAIL, "RSET"])[:-1])
    client.send((COMMANDS.get(method, [HELLO, MAIL, "RSET"])[-1] + "\r\n").encode())
    if method == "logout":
        client.hang_up()
    if form.startswith("later"):
        later.callback(None)
    client.clock.advance(0)
    if method not in ("reset", "logout"):
        assert client.replies()[-1].startswith(LOCAL_ERROR)
    elif method == "reset":
        assert client.replies()[-1] == "250 2.0.0 Ok"
    if method != "logout":
        assert client.ask("NOOP") == ["250 2.0.0 Ok"]
    client.hang_up()
    cancelled = method == "logout" and isinstance(error, CancelledError | asyncio.CancelledError)  # as we do, too
    assert len(logged_failures.flush(type(error))) == (0 if cancelled else 1)


def test_a_reply_is_no_session(logged_failures):
    client = Core(OpenBackend(lambda connection: Reply(354, None, "go on")))
    assert client.ask(HELLO, MAIL)[-1].startswith(LOCAL_ERROR)
    assert "Reply(354" in logged_failures.flush(TypeError)[0].getErrorMessage()
    client.hang_up()


def test_what_reset_gives_is_of_no_consequence():
    class Says(Session):
        def reset(self) -> Reply:
            return Reply(354, None, "go on")

    client = Core(OpenBackend(lambda connection: Says()))
    assert client.ask(HELLO, MAIL, "RSET")[-1] == "250 2.0.0 Ok"
    client.hang_up()
