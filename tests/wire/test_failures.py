"""
A backend's failure is not the peer's business (guarantee 8): raised at once, later, or nonsense given, in every method.
"""

from __future__ import annotations

import pytest
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail

from txsmtpx import SMTPError
from txsmtpx.testing import BackendCrash, Conversation, RecordingBackend

HELLO = ("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>")

SAID = {
    "anonymous_login": HELLO[:2],
    "login": ("EHLO client.example", "AUTH PLAIN AHVzZXIAc2VjcmV0"),
    "mail": HELLO[:2],
    "rcpt": HELLO,
    "data": (*HELLO, "DATA", "hi", "."),
    "verify": ("EHLO client.example", "VRFY somebody"),
    "expand": ("EHLO client.example", "EXPN everybody"),
}

LATER = "later"


def conversation(method, outcome):
    backend = RecordingBackend({"user": "secret"}, **{method: [outcome]})
    return Conversation(backend, allow_insecure_auth=True)


def goes_on(client, method):
    """The connection can still be used."""
    if method == "rcpt":
        assert client.ask(HELLO[2]) == ["250 2.1.5 Recipient ok"]
    assert client.ask("RSET", "NOOP") == ["250 2.0.0 Ok"] * 2
    assert not client.closed
    client.hang_up()


@pytest.mark.parametrize("method", SAID)
@pytest.mark.parametrize("when", ["at once", "failed", "later"])
def test_a_crash(method, when, logged_failures):
    crash = BackendCrash("a secret of the backend's")
    outcome = {"at once": crash, "failed": None, "later": Deferred()}[when] or fail(crash)
    client = conversation(method, outcome)
    said = client.ask(*SAID[method])
    if when == "later":
        outcome.errback(crash)
        said += client.replies()
    assert said[-1].startswith("451 4.3.0 Local error in processing")
    assert "secret" not in "".join(said)
    assert "BackendCrash" not in "".join(said)
    assert [failure.value for failure in logged_failures.flush(BackendCrash)] == [crash]
    goes_on(client, method)


@pytest.mark.parametrize("method", SAID)
@pytest.mark.parametrize("later", [False, True])
def test_a_refusal_is_answered_to_the_letter(method, later):
    refusal = SMTPError(554, (5, 7, 1), "Not\nlike this")
    outcome = Deferred() if later else refusal
    client = conversation(method, outcome)
    said = client.ask(*SAID[method])
    if later:
        outcome.errback(refusal)
        said += client.replies()
    client.clock.advance(1)  # a failed login is answered late
    said += client.replies()
    assert said[-2:] == ["554-5.7.1 Not", "554 5.7.1 like this"]
    goes_on(client, method)


@pytest.mark.parametrize("method", SAID)
@pytest.mark.parametrize("nonsense", [42, object(), b"250 ok", (250, "ok"), False])
def test_nonsense(method, nonsense, logged_failures):
    client = conversation(method, nonsense)
    said = client.ask(*SAID[method])
    if said[-1][:3] == "235":  # what is no session shows only when it is asked
        said = client.ask("MAIL FROM:<a@client.example>")
    assert said[-1].startswith("451 4.3.0 Local error in processing")
    assert len(logged_failures.flush()) == 1
    assert client.ask("NOOP") == ["250 2.0.0 Ok"]
    client.hang_up()
    logged_failures.flush()  # nor can it log out


@pytest.mark.parametrize("method", ["anonymous_login", "login"])
def test_no_session_at_all(method, logged_failures):
    waiting = Deferred()
    client = conversation(method, waiting)
    client.backend._with_session = lambda outcome: outcome
    client.backend.outcomes[method] = [None]
    said = client.ask(*SAID[method])
    assert said[-1].startswith("451 4.3.0 ")
    assert len(logged_failures.flush(TypeError)) == 1
    client.hang_up()


def test_unauthorized_login_is_535():
    client = conversation("login", UnauthorizedLogin("the user's name"))
    client.ask(*SAID["login"])
    client.clock.advance(1)
    assert client.replies() == ["535 5.7.8 Authentication credentials invalid"]
    client.hang_up()


def test_a_mail_refused_opens_no_transaction():
    client = conversation("mail", SMTPError(550, (5, 7, 1), "Not you"))
    assert client.ask(*HELLO)[-2:] == ["550 5.7.1 Not you", "503 5.5.1 MAIL comes first"]
    assert client.ask(HELLO[1]) == ["250 2.1.0 Sender ok"]
    client.hang_up()


def test_a_body_is_consumed_whatever_becomes_of_its_reader(logged_failures):
    client = Conversation(RecordingBackend(data=lambda message, context: fail(BackendCrash("at once"))))
    assert client.ask(*HELLO, "DATA")[-1][:3] == "354"
    assert client.ask("QUIT", "MAIL FROM:<evil@evil.example>") == []
    (answer,) = client.ask(".")
    assert answer.startswith("451 4.3.0 ")
    assert len(logged_failures.flush(BackendCrash)) == 1
    client.hang_up()


def test_a_reply_that_ends_the_connection():
    client = conversation("rcpt", SMTPError(421, (4, 3, 2), "Enough for today"))
    assert client.ask(*HELLO, "NOOP")[-1] == "421 4.3.2 Enough for today"
    assert client.closed
    client.hang_up()


@pytest.mark.parametrize("method", ["reset", "logout"])
def test_reset_and_logout_fail_in_silence(method, logged_failures):
    client = conversation(method, BackendCrash("at the end"))
    assert client.ask(*HELLO, "RSET")[-1] == "250 2.0.0 Ok"
    client.hang_up()
    assert len(logged_failures.flush(BackendCrash)) == 1
