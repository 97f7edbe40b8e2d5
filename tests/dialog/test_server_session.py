"""What a backend may give back (a value, a Deferred, a coroutine), what it is given, and what is not for the peer."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from zope.interface.verify import verifyObject

from tests.dialog.core import Core
from txsmtpx import IBackend, IDataContext, IMessage, ISession, OpenBackend, Reply, Session, SMTPError
from txsmtpx.dialog.message import MessageAborted
from txsmtpx.errors import auth_failed
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.testing import BackendCrash, Conversation, RecordingBackend, RecordingSession

HELLO = "HELO client.example"
WORDS = Reply(250, (2, 0, 0), "My own words")
REFUSAL = SMTPError(550, (5, 7, 1), "No")


async def coroutine(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


async def waiting(deferred: Deferred[Any], value: Any) -> Any:
    await deferred
    return await coroutine(value)


def value(given: Any) -> Any:
    if isinstance(given, Exception):
        raise given
    return given


def fired(given: Any) -> Deferred[Any]:
    return fail(given) if isinstance(given, Exception) else succeed(given)


@pytest.mark.parametrize("form", ["value", "fired", "later", "coroutine", "waiting coroutine"])
@pytest.mark.parametrize(
    ("given", "code"), [(None, "250"), (WORDS, "250"), (REFUSAL, "550"), (BackendCrash("secret"), "451")], ids=repr
)
@pytest.mark.parametrize("method", ["mail", "rcpt", "data", "verify"])
def test_every_form_of_every_outcome(method, given, code, form, logged_failures):
    later: Deferred[Any] = Deferred()

    def give(*_: Any) -> Any:
        if form == "later":
            return later.addCallback(lambda _: value(given))
        if form == "waiting coroutine":
            return waiting(later, given)
        return {"value": value, "fired": fired, "coroutine": coroutine}[form](given)

    conversation = Core(RecordingBackend(**{method: give}))
    conversation.ask(HELLO, "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA", ".", "RSET", "VRFY a", "NOOP")
    if form in ("later", "waiting coroutine"):
        later.callback(None)
    conversation.clock.advance(0)
    conversation.replies()
    conversation.hang_up()
    again = Core(RecordingBackend(**{method: give}))
    again.ask(HELLO)
    lines = {"mail": ["MAIL FROM:<>"], "rcpt": ["MAIL FROM:<>", "RCPT TO:<a@b>"], "verify": ["VRFY a"]}
    said = again.ask(*lines.get(method, ["MAIL FROM:<>", "RCPT TO:<a@b>", "DATA", "."]))[-1]
    assert said[:3] == ("252" if method == "verify" and given is None else code)
    assert "secret" not in said
    if given is WORDS or given is REFUSAL:
        assert said.endswith(given.text if given is WORDS else given.message)
    assert again.ask("NOOP") == ["250 2.0.0 Ok"]
    again.hang_up()
    assert bool(logged_failures.flush(BackendCrash)) is (code == "451")


@pytest.mark.parametrize("error", [UnauthorizedLogin(), auth_failed()])
def test_wrong_credentials_as_twisted_says_it(error):
    backend = RecordingBackend({"u": "p"}, login=lambda *_: fail(error))
    backend.authenticate = lambda connection, credentials: fail(error)
    conversation = Core(backend, allow_insecure_auth=True, auth_failure_delay=0)
    conversation.ask(HELLO, "AUTH PLAIN AHUAcA==")
    conversation.clock.advance(0)
    assert conversation.replies() == ["535 5.7.8 Authentication credentials invalid"]
    conversation.hang_up()


@pytest.mark.parametrize(("code", "closed"), [(499, False), (500, True)])
def test_a_refusal_for_good_counts_among_the_errors(code, closed):
    conversation = Core(RecordingBackend(mail=Reply(code, None, "No")), max_errors=1)
    said = conversation.ask(HELLO, "MAIL FROM:<>")
    assert [line[:3] for line in said[2:]] == ([str(code), "421"] if closed else [str(code)])
    conversation.hang_up()


def test_nobody_is_refused_as_twisted_says_it():
    backend = RecordingBackend()
    backend.anonymous_login = lambda connection: fail(UnauthorizedLogin())
    conversation = Core(backend)
    assert conversation.ask(HELLO, "MAIL FROM:<>")[-1] == "535 5.7.8 Authentication credentials invalid"
    conversation.hang_up()


@pytest.mark.parametrize("method", ["mail", "rcpt"])
def test_nonsense_is_a_crash(method, logged_failures):
    conversation = Core(RecordingBackend(**{method: "yes"}))
    said = conversation.ask(HELLO, "MAIL FROM:<>", "RCPT TO:<a@b>")
    assert [line[:3] for line in said[2:]] == (["451", "503"] if method == "mail" else ["250", "451"])
    assert len(logged_failures.flush(TypeError)) == 1
    conversation.hang_up()


def test_no_session_is_a_crash(logged_failures):
    backend = RecordingBackend()
    backend.anonymous_login = lambda connection: None
    conversation = Core(backend)
    assert conversation.ask(HELLO, "MAIL FROM:<>")[-1] == "451 4.3.0 Local error in processing"
    (failure,) = logged_failures.flush(TypeError)
    assert failure.getErrorMessage() == "the backend RecordingBackend must return a session (ISession), not None"
    conversation.hang_up()


def test_what_a_backend_is_given():
    given: list[tuple[Any, Any]] = []
    backend = RecordingBackend({"u": "p"})
    backend.outcomes["data"] = lambda message, context: given.append((message, context))
    conversation = Conversation(backend, allow_insecure_auth=True, domain="mx.example.org")
    conversation.ask(
        "EHLO client.example", "AUTH PLAIN AHUAcA==", "MAIL FROM:<jürgen@example.com> SIZE=3 BODY=8BITMIME SMTPUTF8",
        'RCPT TO:<@relay:"you"@example.com>', "RCPT TO:<Postmaster>", "DATA",
    )  # fmt: skip
    (message, context), connection = given[0], given[0][1].connection
    assert verifyObject(IMessage, message)
    assert verifyObject(IDataContext, context)
    assert context.sender == "jürgen@example.com"
    assert context.options == MailOptions(size=3, body="8BITMIME", smtputf8=True)
    assert context.recipients == ("you@example.com", "Postmaster")
    assert context.recipient_options == (RcptOptions(), RcptOptions())
    assert (connection.helo, connection.username, connection.domain) == ("client.example", "u", "mx.example.org")
    assert (connection.extended, connection.lmtp, connection.tls) == (True, False, None)
    assert connection.peer_host == "192.168.1.1"
    assert [connection.with_protocol(), connection.with_protocol(utf8=True)] == ["ESMTPA", "UTF8SMTPA"]
    assert backend.methods == ["login", "mail", "rcpt", "rcpt", "data"]
    assert conversation.ask(".") == [f"250 2.0.0 Ok: queued as {context.queue_id}"]
    conversation.hang_up()


def test_a_login_ends_the_anonymous_session():
    backend = RecordingBackend({"u": "p"})
    conversation = Core(backend, allow_insecure_auth=True)
    conversation.ask(HELLO, "MAIL FROM:<>", "RSET", "AUTH PLAIN AHUAcA==", "MAIL FROM:<>")
    anonymous, logged_in = backend.sessions
    assert (anonymous.logouts, logged_in.logouts) == (1, 0)
    conversation.hang_up()
    assert (anonymous.resets, anonymous.logouts, logged_in.resets, logged_in.logouts) == (1, 1, 1, 1)


def test_the_recording_backend_is_one():
    backend = RecordingBackend()
    assert verifyObject(IBackend, backend)
    assert verifyObject(ISession, RecordingSession(backend))


def test_secrets_stay_secret():
    """Guarantee 7: not in what is shown of the parts that know them."""
    backend = RecordingBackend({"u": "a secret"})
    seen: list[Any] = []
    authenticate = backend.authenticate
    backend.authenticate = lambda *args: (seen.extend(args), authenticate(*args))[1]
    lines: list[str] = []
    conversation = Conversation(
        backend, allow_insecure_auth=True, transcript=lambda session, speaker, line: lines.append(line)
    )
    conversation.ask(HELLO, "AUTH PLAIN AHUAYSBzZWNyZXQ=")
    conversation.ask("NOOP")
    conversation.hang_up()
    assert lines == ["220 localhost ESMTP txsmtpx", HELLO, "250 localhost", "AUTH PLAIN [credentials]",
                     "235 2.7.0 Authentication succeeded", "NOOP", "250 2.0.0 Ok"]  # fmt: skip
    assert len(seen) == 2
    assert "secret" not in repr(seen)


@pytest.mark.parametrize("method", ["reset", "logout"])
def test_the_log_names_the_method_that_failed(method, logged_failures):
    """Or says "a method", if it has no name."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)

    def crash() -> None:
        raise BackendCrash("x")

    for failing, named in ((crash, "crash"), (partial(crash), "a method")):
        session = Session()
        setattr(session, method, failing)
        client = Core(OpenBackend(lambda connection, session=session: session))
        client.ask(HELLO, "MAIL FROM:<a@b>", "RSET")
        client.hang_up()
        (event,) = [each for each in events if "log_failure" in each]
        assert formatEvent(event).endswith(f" {named} failed")
        events.clear()
    globalLogPublisher.removeObserver(events.append)
    logged_failures.flush(BackendCrash)


def test_a_reader_learns_that_the_client_has_aborted_the_message():
    learnt: list[str] = []

    async def data(message: Any, context: Any) -> None:
        try:
            async for _ in message:
                pass
        except MessageAborted as error:
            learnt.append(str(error))
            raise

    client = Core(RecordingBackend(data=data))
    client.ask(HELLO.replace("HELO", "EHLO"), "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "BDAT 3\r\nabc")
    assert client.ask("RSET")[-1].startswith("250")
    client.hang_up()
    assert learnt == ["the client has aborted the message"]
