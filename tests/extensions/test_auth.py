"""Secrets stay secret (guarantee 7): what is said in AUTH is in no transcript, no log, no repr; guessing is slow."""

from __future__ import annotations

import pytest
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import eventAsText, globalLogPublisher

from tests.encoding import b64
from txsmtpx.sasl.mechanism import UsernamePassword
from txsmtpx.testing import BackendCrash, Conversation, Link, RecordingBackend

PASSWORD = "correct horse"


PLAIN = b64(f"\0user\0{PASSWORD}")
WRONG = b64("\0user\0battery staple")

SECRETS = [PASSWORD, "battery staple", PLAIN, WRONG, b64("user"), b64(PASSWORD), b64("battery staple"), "c2VjcmV0"]


@pytest.fixture
def log():
    """All that is logged, as an operator may see it: the text, and every value of every event."""
    seen = []

    def observe(event):
        seen.append(eventAsText(event))
        seen.extend(f"{value!r} {value!s}" for value in event.values())

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)


def leaked(*texts: object) -> list[str]:
    return [secret for secret in SECRETS for text in texts if secret in str(text)]


EXCHANGES = {
    "PLAIN with an initial response": [f"AUTH PLAIN {PLAIN}"],
    "PLAIN in two steps": ["AUTH PLAIN", PLAIN],
    "in small letters": [f"auth plain {PLAIN}"],
    "with spaces": [f"AUTH  PLAIN  {PLAIN}"],
    "LOGIN": ["AUTH LOGIN", b64("user"), b64(PASSWORD)],
    "LOGIN with an initial response": [f"AUTH LOGIN {b64('user')}", b64(PASSWORD)],
    "a wrong password": [f"AUTH PLAIN {WRONG}"],
    "a wrong password for LOGIN": ["AUTH LOGIN", b64("user"), b64("battery staple")],
    "cancelled": [f"AUTH LOGIN {b64('user')}", "*"],
    "no base64": [f"AUTH PLAIN {PASSWORD}"],
    "no base64 in the second step": ["AUTH PLAIN", PASSWORD],
    "malformed": ["AUTH PLAIN " + b64("c2VjcmV0")],
    "an unknown mechanism": [f"AUTH MAGIC {PLAIN}"],
    "twice": [f"AUTH PLAIN {PLAIN}", f"AUTH PLAIN {PLAIN}"],
    "for someone else": ["AUTH PLAIN " + b64(f"root\0user\0{PASSWORD}")],
    "in a transaction": ["MAIL FROM:<a@client.example>", f"AUTH PLAIN {PLAIN}", "RSET"],
    "in parts too many": [f"AUTH PLAIN {PLAIN} {PLAIN}"],
}


def test_the_secrets_are_those_that_are_said():
    said = "".join(line for lines in EXCHANGES.values() for line in lines)
    assert leaked(said) == [secret for secret in SECRETS if secret not in ("battery staple", "c2VjcmV0")]


@pytest.mark.parametrize("lines", EXCHANGES.values(), ids=EXCHANGES)
@pytest.mark.parametrize("tls", [True, False])
def test_nothing_of_it_is_seen(log, certificate, pem, lines, tls):
    clock, transcript = Clock(), []
    backend = RecordingBackend({"user": PASSWORD})
    client = Link.to(
        backend,
        clock=clock,
        tls=certificate,
        allow_insecure_auth=not tls,
        transcript=lambda *line: transcript.append(" ".join(line)),
    )
    client.ask("EHLO client.example")
    if tls:
        client.ask("STARTTLS")
        client.start_tls(pem.client_options())
        client.ask("EHLO client.example")
    for line in lines:
        client.ask(line)
        clock.advance(10)
    client.ask("NOOP")
    dialog = client.server.dialog
    reprs = [repr(each) for each in (client.server, dialog, dialog.connection, dialog.connection.tls)]
    client.hang_up()
    assert leaked(*log, *transcript, *reprs) == []
    assert any("[credentials]" in line for line in transcript)
    assert any(line.endswith("C NOOP") for line in transcript)


@pytest.mark.parametrize("line", [f"AUTH PLAIN {PLAIN}", f"auth plain {PLAIN}"])
@pytest.mark.parametrize("hello", [[], ["EHLO client.example"], ["HELO client.example"]])
def test_in_the_clear_where_it_is_not_allowed(log, certificate, line, hello):
    client = Link.to(RecordingBackend({"user": PASSWORD}), tls=certificate, transcript=True)
    said = client.ask(*hello, line)
    assert said[-1][:3] == ("538" if hello else "503")
    assert "AUTH" not in "".join(said)
    client.hang_up()
    assert leaked(*log) == []
    assert any("[credentials]" in line for line in log)


def test_without_logins_it_is_not_offered(log):
    client = Conversation(transcript=True)
    assert client.ask("EHLO client.example", f"AUTH PLAIN {PLAIN}")[-1][:3] == "502"
    client.hang_up()
    assert leaked(*log) == []


def test_the_log_tells_of_failures_without_what_was_tried(log):
    client = Conversation(RecordingBackend({"user": PASSWORD}), allow_insecure_auth=True)
    client.ask("EHLO client.example", f"AUTH PLAIN {WRONG}")
    client.clock.advance(1)
    client.hang_up()
    assert any("login refused" in line for line in log)
    assert leaked(*log) == []


def test_a_backend_that_breaks_at_a_login(log, logged_failures):
    client = Conversation(RecordingBackend({"user": PASSWORD}, login=BackendCrash("broken")), allow_insecure_auth=True)
    said = client.ask("EHLO client.example", f"AUTH PLAIN {PLAIN}")
    assert said[-1][:3] == "451"
    client.hang_up()
    assert len(logged_failures.flush(BackendCrash)) == 1
    assert leaked(*log) == []


def test_credentials_are_shown_without_the_password():
    credentials = UsernamePassword(b"user", PASSWORD.encode())
    assert repr(credentials) == "<UsernamePassword b'user'>"
    assert leaked(credentials, f"{credentials!r}") == []


@pytest.mark.parametrize(("right", "is_right"), [(b"correct horse", True), (b"correct hors", False), (b"", False)])
def test_passwords_are_compared(right, is_right):
    assert UsernamePassword(b"user", PASSWORD.encode()).checkPassword(right) is is_right
    assert UsernamePassword(b"user", PASSWORD.encode()).checkPassword(right.decode()) is is_right


def guessing(**settings):
    client = Conversation(RecordingBackend({"user": PASSWORD}), allow_insecure_auth=True, **settings)
    client.ask("EHLO client.example")
    return client


REFUSED = "535 5.7.8 Authentication credentials invalid"


def test_failures_are_slowed_the_more_there_are_then_the_connection_ends():
    client = guessing()
    for seconds in (1, 2):
        assert client.ask(f"AUTH PLAIN {WRONG}") == []
        client.clock.advance(seconds - 0.1)
        assert client.replies() == []
        client.clock.advance(0.1)
        assert client.replies() == [REFUSED]
    assert client.ask(f"AUTH PLAIN {WRONG}") == []
    client.clock.advance(3)
    assert client.replies() == [REFUSED, "421 4.7.0 Too many failed logins, closing the connection"]
    assert client.closed
    client.hang_up()


def test_nothing_is_done_meanwhile():
    client = guessing()
    assert client.ask(f"AUTH PLAIN {WRONG}", f"AUTH PLAIN {PLAIN}", "NOOP") == []
    assert len(client.backend.calls) == 1
    client.clock.advance(1)
    assert client.replies() == [REFUSED, "235 2.7.0 Authentication succeeded", "250 2.0.0 Ok"]
    client.hang_up()


def test_a_success_or_a_hello_between_does_not_forgive():
    client = guessing(max_auth_failures=2, auth_failure_delay=0.5)
    client.ask(f"AUTH PLAIN {WRONG}")
    client.clock.advance(0.5)
    client.ask("EHLO again.example", "RSET", f"AUTH PLAIN {WRONG}")
    client.clock.advance(1)
    assert client.replies()[-1][:3] == "421"
    client.hang_up()


def test_a_user_that_is_unknown_is_answered_as_a_known_one_is():
    client = guessing()
    client.ask("AUTH PLAIN " + b64("\0nobody\0x"))
    client.clock.advance(0.9)
    assert client.replies() == []
    client.clock.advance(0.1)
    assert client.replies() == [REFUSED]
    client.hang_up()


def test_a_refusal_that_comes_late_is_slowed_too():
    waiting = Deferred()
    client = guessing()
    client.backend.outcomes["login"] = waiting
    client.ask(f"AUTH PLAIN {PLAIN}")
    waiting.errback(UnauthorizedLogin())
    assert client.replies() == []
    client.clock.advance(1)
    assert client.replies() == [REFUSED]
    client.hang_up()


def test_the_mechanism_of_a_login_is_known_until_the_session_begins_anew():
    client = Conversation(RecordingBackend({"user": PASSWORD}), allow_insecure_auth=True)
    connection = client.protocol.dialog.connection
    assert connection.mechanism is None
    client.ask("EHLO client.example", "AUTH LOGIN", b64("user"), b64(PASSWORD))
    assert (connection.mechanism, connection.username) == ("LOGIN", "user")
    connection.forget()
    assert (connection.mechanism, connection.username) == (None, None)
    client.hang_up()
