"""A backend that records its calls: what it keeps, and each kind of prepared result."""

from __future__ import annotations

import pytest
from twisted.cred.credentials import IUsernamePassword
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from txsmtpx import Reply, SMTPError
from txsmtpx.interfaces import ICredentialsBackend, ISession
from txsmtpx.testing import Conversation, Outcome, RecordingBackend
from txsmtpx.testing.recording import BackendCrash, RecordingSession

ENVELOPE = ["MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>"]
REFUSED = (550, (5, 1, 1), "Unknown user")
NO = Reply(*REFUSED)


def said(backend, *lines):
    """The last reply."""
    return Conversation(backend).ask("HELO me", *lines)[-1]


def test_the_calls():
    backend = RecordingBackend()
    client = Conversation(backend)
    client.ask("HELO me", *ENVELOPE, "DATA")
    client.ask("Hi", ".", "QUIT")
    client.hang_up()
    assert backend.methods == ["anonymous_login", "mail", "rcpt", "data", "reset", "logout"]
    assert [call[1] for call in backend.calls[1:3]] == ["a@example.org", "b@example.org"]
    (message,) = backend.messages
    assert (message.sender, message.recipients, message.content) == ("a@example.org", ("b@example.org",), b"Hi\r\n")
    (session,) = backend.sessions
    assert (session.resets, session.logouts) == (1, 1)


def test_resets():
    backend = RecordingBackend()
    Conversation(backend).ask("HELO me", ENVELOPE[0], "RSET", ENVELOPE[0], "RSET")
    assert backend.sessions[0].resets == 2
    assert backend.methods.count("reset") == 2


def test_messages_are_numbered():
    backend = RecordingBackend()
    client = Conversation(backend)
    client.ask("HELO me")
    for _ in range(2):
        client.ask(*ENVELOPE, "DATA")
        client.ask("Hi", ".")
    assert [each.id for each in backend.messages] == [1, 2]


@pytest.mark.parametrize(
    "outcome",
    [
        NO,
        SMTPError(*REFUSED),
        Failure(SMTPError(*REFUSED)),
        succeed(NO),
        [NO],
        [SMTPError(*REFUSED)],
        lambda *arguments: NO,
        lambda *arguments: SMTPError(*REFUSED),
        [lambda *arguments: NO],
    ],
)
def test_kinds_of_results(outcome):
    assert said(RecordingBackend(rcpt=outcome), *ENVELOPE) == "550 5.1.1 Unknown user"


def test_the_arguments_of_a_function():
    backend = RecordingBackend(rcpt=lambda recipient, options: Reply(550, (5, 1, 1), f"No {recipient}"))
    assert said(backend, *ENVELOPE) == "550 5.1.1 No b@example.org"


def test_a_list_is_used_up():
    backend = RecordingBackend(rcpt=[None, NO])
    replies = Conversation(backend).ask("HELO me", *ENVELOPE, ENVELOPE[1], ENVELOPE[1])
    assert [reply[:3] for reply in replies[-3:]] == ["250", "550", "250"]


def test_results_may_change():
    backend = RecordingBackend(rcpt=NO)
    backend.outcomes["rcpt"] = None
    assert said(backend, *ENVELOPE).startswith("250")


def test_a_deferred_that_waits():
    waiting = Deferred()
    client = Conversation(RecordingBackend(mail=waiting))
    assert len(client.ask("HELO me", ENVELOPE[0])) == 2
    waiting.callback(NO)
    assert client.replies() == ["550 5.1.1 Unknown user"]


@pytest.mark.parametrize("outcome", [NO, SMTPError(*REFUSED), Failure(SMTPError(*REFUSED)), succeed(NO)])
def test_the_message_is_read_before_its_result(outcome):
    backend = RecordingBackend(data=outcome)
    client = Conversation(backend)
    client.ask("HELO me", *ENVELOPE, "DATA")
    assert client.ask("Hi", ".") == ["550 5.1.1 Unknown user"]
    assert [each.content for each in backend.messages] == [b"Hi\r\n"]


def test_a_function_reads_the_message_itself():
    """Or does not; or leaves it to `keep`."""
    backend = RecordingBackend(data=[lambda message, context: NO, lambda *both: backend.keep(*both, NO)])
    client = Conversation(backend)
    client.ask("HELO me")
    for kept in (0, 1):
        client.ask(*ENVELOPE, "DATA")
        assert client.ask("Hi", ".") == ["550 5.1.1 Unknown user"]
        assert len(backend.messages) == kept


def test_a_crash_is_in_the_log_and_not_in_the_reply(logged_failures):
    reply = said(RecordingBackend(mail=BackendCrash("secret")), ENVELOPE[0])
    assert reply.startswith("451")
    assert "secret" not in reply
    assert len(logged_failures.flush(BackendCrash)) == 1


def test_logins():
    backend = RecordingBackend({"me": "password"})
    assert list(backend.credential_interfaces) == [IUsernamePassword]
    session = backend.login(None, "me", "password")
    assert backend.sessions == [session]
    with pytest.raises(SMTPError, match=r"535 5\.7\.8"):
        backend.login(None, "me", "wrong")
    with pytest.raises(SMTPError, match=r"535 5\.7\.8"):
        backend.login(None, "you", "password")
    assert backend.calls == [
        ("login", None, "me", "password"),
        ("login", None, "me", "wrong"),
        ("login", None, "you", "password"),
    ]


def test_without_users_there_is_no_auth():
    assert list(RecordingBackend().credential_interfaces) == []


@pytest.mark.parametrize("method", ["anonymous_login", "login"])
def test_a_prepared_session(method):
    """A prepared one is used as it is, also by a Deferred; a Deferred of None makes one."""
    prepared = RecordingSession(RecordingBackend())
    backend = RecordingBackend({"me": "x"}, **{method: [prepared, succeed(prepared), succeed(None)]})
    arguments = [None] if method == "anonymous_login" else [None, "me", "x"]
    assert getattr(backend, method)(*arguments) is prepared
    assert Outcome(getattr(backend, method)(*arguments)).result() is prepared
    assert backend.sessions == []
    assert [Outcome(getattr(backend, method)(*arguments)).result()] == backend.sessions


def test_verify_and_expand_only_if_prepared():
    session = RecordingSession(RecordingBackend(verify=None))
    assert session.verify("you") is None
    assert not hasattr(session, "expand")
    assert not hasattr(session, "other")


def test_the_interfaces():
    backend = RecordingBackend()
    assert verifyObject(ICredentialsBackend, backend)
    assert verifyObject(ISession, RecordingSession(backend))


def test_no_such_method():
    with pytest.raises(TypeError, match="no argument rpct; did you mean rcpt"):
        RecordingBackend(rpct=NO)
