"""The base classes of sessions and backends: what they accept unless a subclass says otherwise."""

from __future__ import annotations

import pytest
from twisted.cred.credentials import IUsernamePassword
from zope.interface.verify import verifyObject

from tests.encoding import b64
from txsmtpx import Connection, LoginBackend, OpenBackend, Session, SMTPError
from txsmtpx.extensions.dsn import DSN
from txsmtpx.extensions.vrfy_expn import EXPAND, VERIFY
from txsmtpx.interfaces import ICredentialsBackend, ISession
from txsmtpx.sasl.mechanism import UsernamePassword
from txsmtpx.testing import Conversation

CONNECTION = Connection("S", "localhost", lmtp=False)
MAIL = ("EHLO a", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA", "x", ".")


class Plain(Session):
    """A session that is made with a connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class Both(Plain):
    supports = (DSN,)

    def verify(self, address: str) -> str:
        return address

    def expand(self, address: str) -> list[str]:
        return [address]


# ---- Session


def test_a_session_accepts_everything_and_keeps_nothing():
    session = Session()
    assert verifyObject(ISession, session)
    assert session.supports == ()
    assert vars(session) == {}
    client = Conversation(OpenBackend(lambda connection: session))
    assert [line[:3] for line in client.ask(*MAIL) if line[3] == " "] == ["220", "250", "250", "250", "354", "250"]
    client.hang_up()


# ---- OpenBackend


@pytest.mark.parametrize("session", [Plain, lambda connection: Plain(connection), lambda *args: Plain(*args)])
def test_a_session_for_each_client(session):
    backend = OpenBackend(session)
    assert verifyObject(ICredentialsBackend, backend)
    one, other = backend.anonymous_login(CONNECTION), backend.anonymous_login(CONNECTION)
    assert one is not other
    assert one.connection is CONNECTION


@pytest.mark.parametrize("session", [Session, lambda: Session(), lambda a, b: Session()])
def test_what_cannot_be_called_with_a_connection_is_refused(session):
    name = session.__name__
    with pytest.raises(TypeError, match=rf"^OpenBackend: {name} does not take a connection: write OpenBackend\("):
        OpenBackend(session)


@pytest.mark.parametrize("session", [None, Session(), "txsmtpx.Session", 7], ids=type)
def test_what_cannot_be_called_is_refused(session):
    with pytest.raises(TypeError, match="session"):
        OpenBackend(session)


def test_a_function_whose_arguments_python_does_not_know():
    assert OpenBackend(dict.fromkeys).anonymous_login([]) == {}
    assert isinstance(OpenBackend(type).anonymous_login(CONNECTION), type)


def test_what_a_class_of_sessions_supports_is_known_before_there_is_a_session():
    assert OpenBackend(Both).supports == (DSN, VERIFY, EXPAND)
    assert OpenBackend(Plain).supports == ()
    assert OpenBackend(lambda connection: Both(connection)).supports == ()


@pytest.mark.parametrize("session", [Both, lambda connection: Both(connection)])
def test_a_backend_may_say_itself_what_it_supports(session):
    class Saying(OpenBackend):
        supports = (VERIFY,)

    supports = Saying(session).supports
    assert VERIFY in supports
    assert len(set(supports)) == len(supports)


def test_no_login_is_offered_or_accepted():
    backend = OpenBackend(Plain)
    assert backend.credential_interfaces == ()
    for refuse in (
        lambda: backend.login(CONNECTION, "me", "secret"),
        lambda: backend.authenticate(CONNECTION, UsernamePassword(b"me", b"secret")),
    ):
        with pytest.raises(SMTPError, match=r"^502 5\.5\.1 "):
            refuse()
    client = Conversation(backend, allow_insecure_auth=True)
    assert not any("AUTH" in line for line in client.ask("EHLO a"))
    client.hang_up()


# ---- LoginBackend


class Users(LoginBackend):
    """Knows one user."""

    def login(self, connection: Connection, username: str, password: str) -> Session:
        self.seen = (username, password)
        return Plain(connection)


def test_credentials_are_handed_to_login_as_text():
    backend = Users()
    assert verifyObject(ICredentialsBackend, backend)
    assert backend.credential_interfaces == (IUsernamePassword,)
    session = backend.authenticate(CONNECTION, UsernamePassword("üser".encode(), "gehëim".encode()))
    assert backend.seen == ("üser", "gehëim")
    assert session.connection is CONNECTION


def test_a_password_that_is_not_utf_8_is_none_that_a_user_could_have_typed():
    backend = Users()
    backend.authenticate(CONNECTION, UsernamePassword(b"me", b"\xff"))
    assert backend.seen == ("me", "\ufffd")


def test_a_login_comes_first_unless_the_backend_says_otherwise():
    with pytest.raises(SMTPError, match=r"^530 5\.7\.0 "):
        Users().anonymous_login(CONNECTION)
    client = Conversation(Users(), allow_insecure_auth=True)
    assert client.ask("EHLO a", "MAIL FROM:<>")[-1] == "530 5.7.0 Authentication required"
    credentials = b64(b"\0me\0secret")
    assert client.ask(f"AUTH PLAIN {credentials}", "MAIL FROM:<>")[-1] == "250 2.1.0 Sender ok"
    client.hang_up()


def test_a_backend_that_overrides_nothing_lets_nobody_in():
    with pytest.raises(SMTPError, match=r"^502 5\.5\.1 "):
        LoginBackend().login(CONNECTION, "me", "secret")
