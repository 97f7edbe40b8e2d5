"""Logins: `LoginBackend`, `OpenBackend` and, by `twisted.cred`, `PortalBackend`, whose avatars are sessions."""

from __future__ import annotations

import pytest
from twisted.cred.checkers import AllowAnonymousAccess, FilePasswordDB, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IAnonymous, ICredentials, IUsernameHashedPassword, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import Interface, implementer
from zope.interface.verify import verifyObject

from tests.conversations import greeted
from tests.encoding import b64
from txsmtpx import (
    BackendRealm,
    Connection,
    LoginBackend,
    MemoryBackend,
    OpenBackend,
    Plain,
    PortalBackend,
    Session,
    SMTPServerFactory,
)
from txsmtpx.interfaces import IBackend, ICredentialsBackend, ISession
from txsmtpx.logins.portal import AvatarSession
from txsmtpx.sasl.plain import PLAIN

MAIL = "MAIL FROM:<a@client.example>"
PASSWORDS = {"PLAIN", "LOGIN"}


def plain(username: str, password: str, authorization: str = "") -> str:
    return "AUTH PLAIN " + b64(f"{authorization}\0{username}\0{password}")


def conversation(backend, **settings):
    return greeted(backend, allow_insecure_auth=True, **settings)


def announced(client) -> set[str]:
    """The mechanisms on offer."""
    said = [line[4:] for line in client.ask("EHLO client.example")]
    return {mechanism for line in said if line.startswith("AUTH ") for mechanism in line.split()[1:]}


class Realm:
    """Avatars that remember who they are, and what they were told."""

    def __init__(self, ready=True):
        self.asked = []
        self.avatars = []
        self.loggedOut = []
        self._ready = ready

    def requestAvatar(self, avatarId, mind, *interfaces):
        self.asked.append((avatarId, mind, interfaces))
        avatar = Avatar(avatarId)
        self.avatars.append(avatar)
        result = (ISession, avatar, lambda: self.loggedOut.append(avatarId))
        return result if self._ready else succeed(result)


@implementer(ISession)
class Avatar:
    """A session that has nothing to do with ours, and no methods that it need not have."""

    def __init__(self, name):
        self.name = name
        self.calls = []

    def mail(self, sender, options):
        self.calls.append("mail")

    def rcpt(self, recipient, options):
        self.calls.append("rcpt")

    def data(self, message, context):
        self.calls.append("data")
        return message.content()

    def reset(self):
        self.calls.append("reset")

    def logout(self):
        self.calls.append("logout")


def users():
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    checker.addUser(b"user", b"secret")
    checker.addUser("jürgen".encode(), "süß".encode())
    return checker


@pytest.mark.parametrize("ready", [True, False])
def test_an_avatar_is_the_session(ready):
    realm = Realm(ready)
    client = conversation(PortalBackend(Portal(realm, [users()])))
    assert announced(client) >= PASSWORDS
    assert client.ask(plain("user", "secret")) == ["235 2.7.0 Authentication succeeded"]
    ((avatar_id, mind, interfaces),) = realm.asked
    assert (avatar_id, interfaces) == (b"user", (ISession,))
    assert mind is client.protocol.dialog.connection
    assert mind.username == "user"
    assert client.ask(MAIL, "RCPT TO:<b@localhost>", "VRFY b")[-1][:3] == "252"
    client.hang_up()
    assert realm.avatars[0].calls == ["mail", "rcpt", "reset"]
    assert realm.loggedOut == [b"user"]


def test_names_and_passwords_of_any_alphabet():
    realm = Realm()
    client = conversation(PortalBackend(Portal(realm, [users()])))
    client.ask("EHLO client.example")
    assert client.ask(plain("jürgen", "süß"))[0][:3] == "235"
    assert client.protocol.dialog.connection.username == "jürgen"
    assert realm.asked[0][0] == "jürgen".encode()
    client.hang_up()


@pytest.mark.parametrize(
    ("username", "password"),
    [("user", "wrong"), ("user", ""), ("nobody", "secret"), ("USER", "secret"), ("user", "secret ")],
)
def test_wrong_credentials(username, password):
    realm = Realm()
    client = conversation(PortalBackend(Portal(realm, [users()])))
    client.ask("EHLO client.example", plain(username, password))
    client.clock.advance(1)
    assert client.replies() == ["535 5.7.8 Authentication credentials invalid"]
    assert realm.asked == []
    client.hang_up()


def test_nobody_acts_as_someone_else():
    client = conversation(PortalBackend(Portal(Realm(), [users()])))
    client.ask("EHLO client.example", plain("user", "secret", "jürgen"))
    client.clock.advance(1)
    assert client.replies() == ["535 5.7.8 Authentication credentials invalid"]
    assert client.ask(plain("user", "secret", "user"))[0][:3] == "235"
    client.hang_up()


def test_a_checker_that_answers_late():
    class Slow:
        credentialInterfaces = (IUsernamePassword,)
        found = Deferred()

        def requestAvatarId(self, credentials):
            return self.found

    realm, checker = Realm(), Slow()
    client = conversation(PortalBackend(Portal(realm, [checker])))
    client.ask("EHLO client.example")
    assert client.ask(plain("user", "secret"), MAIL) == []
    checker.found.callback(b"user")
    assert [line[:3] for line in client.replies()] == ["235", "250"]
    client.hang_up()


def test_a_checker_that_breaks(logged_failures):
    class Broken:
        credentialInterfaces = (IUsernamePassword,)

        def requestAvatarId(self, credentials):
            return fail(OSError("the database is down"))

    client = conversation(PortalBackend(Portal(Realm(), [Broken()])))
    (answer,) = client.ask("EHLO client.example", plain("user", "secret"))[-1:]
    assert answer.startswith("451 4.3.0 ")
    assert len(logged_failures.flush(OSError)) == 1
    client.hang_up()


@pytest.mark.parametrize(
    "avatar",
    [
        None, Session(), (ISession, Session()), (ISession, None, print), (ISession, Session, print),
        (ISession, Session(), None),
    ],
    ids=["None", "a session", "a pair", "no session", "a class", "no logout"],
)  # fmt: skip
def test_a_realm_that_returns_anything_else_is_named(avatar, logged_failures):
    @implementer(IRealm)
    class Wrong:
        def requestAvatar(self, avatar_id, mind, *interfaces):
            return avatar

    backend = PortalBackend(Portal(Wrong(), [InMemoryUsernamePasswordDatabaseDontUse(me=b"secret")]))
    client = conversation(backend)
    assert client.ask("EHLO client.example", plain("me", "secret"))[-1].startswith("451 4.3.0 ")
    (failure,) = logged_failures.flush(TypeError)
    assert failure.getErrorMessage().startswith("the realm must return (ISession, session, logout function), not ")
    client.hang_up()


@pytest.mark.parametrize("mechanisms", [PLAIN, ["PLAIN"], [Plain], "PLAIN"], ids=type)
def test_mechanisms_of_another_type_are_refused(mechanisms):
    backend = PortalBackend(Portal(Realm(), []))
    backend.mechanisms = mechanisms
    with pytest.raises(TypeError, match=r"^PortalBackend\.mechanisms must be a tuple of Mechanism objects, such as "):
        SMTPServerFactory(backend)


def test_anonymous_only_where_a_checker_lets_them():
    client = conversation(PortalBackend(Portal(Realm(), [users()])))
    assert client.ask("EHLO client.example", MAIL)[-1] == "530 5.7.0 Authentication required"
    client.hang_up()
    realm = Realm()
    client = conversation(PortalBackend(Portal(realm, [users(), AllowAnonymousAccess()])))
    assert client.ask("EHLO client.example", MAIL)[-1] == "250 2.1.0 Sender ok"
    client.hang_up()
    assert realm.asked[0][0] == ()
    assert realm.loggedOut == [()]
    assert realm.avatars[0].calls == ["mail", "reset"]


def test_a_login_follows_an_anonymous_session():
    realm = Realm()
    client = conversation(PortalBackend(Portal(realm, [users(), AllowAnonymousAccess()])))
    client.ask("EHLO client.example", MAIL, "RSET", plain("user", "secret"), MAIL)
    assert realm.loggedOut == [()]
    client.hang_up()
    assert realm.loggedOut == [(), b"user"]


class IFingerprint(ICredentials):
    """Credentials that no mechanism gives."""


@pytest.mark.parametrize(
    ("interfaces", "mechanisms"),
    [
        ([IUsernamePassword], PASSWORDS),
        ([IUsernameHashedPassword], {"CRAM-MD5"}),
        ([IUsernamePassword, IUsernameHashedPassword], {"CRAM-MD5", *PASSWORDS}),
        ([IFingerprint], set()),
        ([IAnonymous], {"ANONYMOUS"}),
    ],
)
def test_mechanisms_are_those_whose_credentials_the_checkers_take(interfaces, mechanisms):
    class Checker:
        credentialInterfaces = interfaces

    backend = PortalBackend(Portal(Realm(), [Checker()]))
    assert set(backend.credential_interfaces) == set(interfaces)
    client = conversation(backend)
    assert announced(client) == mechanisms
    client.hang_up()


def test_a_file_of_passwords(tmp_path):
    file = tmp_path / "passwords"
    file.write_text("user:secret\njürgen:süß\n", encoding="utf-8")
    client = conversation(PortalBackend(Portal(Realm(), [FilePasswordDB(str(file))])))
    client.ask("EHLO client.example")
    assert client.ask(plain("jürgen", "süß"))[0][:3] == "235"
    client.hang_up()


def test_any_backend_behind_a_portal():
    backend = MemoryBackend()
    client = conversation(PortalBackend(Portal(BackendRealm(backend), [users()])))
    client.ask("EHLO client.example", plain("user", "secret"), MAIL, "RCPT TO:<b@localhost>", "DATA", "hi", ".")
    client.hang_up()
    (message,) = backend.messages
    assert message.username == "user"


@pytest.mark.parametrize("later", [False, True])
def test_the_realm_logs_out_what_it_gave(later):
    ended = []

    class Ending(Session):
        def logout(self):
            ended.append(self)

    session = Ending()
    backend = OpenBackend(lambda connection: succeed(session) if later else session)
    client = conversation(PortalBackend(Portal(BackendRealm(backend), [users()])))
    client.ask("EHLO client.example", plain("user", "secret"))
    client.hang_up()
    assert ended == [session]


def test_the_realm_gives_sessions_only():
    class IOther(Interface):
        """Something else."""

    with pytest.raises(NotImplementedError):
        BackendRealm(MemoryBackend()).requestAvatar(b"user", None, IOther)


def test_login_by_name_and_password():
    realm = Realm()
    backend = PortalBackend(Portal(realm, [users()]))
    sessions = []
    backend.login(None, "user", "secret").addCallback(sessions.append)
    assert [type(session) for session in sessions] == [AvatarSession]
    refused = []
    backend.login(None, "user", "wrong").addErrback(refused.append)
    assert [failure.type for failure in refused] == [UnauthorizedLogin]


class Backend(LoginBackend):
    """As a user writes it."""

    def __init__(self, result=None):
        self.asked = []
        self._result = result

    def login(self, connection, username, password):
        self.asked.append((username, password))
        return Session() if self._result is None else self._result


def test_login_backend_gets_text():
    backend = Backend()
    client = conversation(backend)
    assert announced(client) == PASSWORDS
    client.ask(plain("jürgen", "süß"), MAIL)
    assert backend.asked == [("jürgen", "süß")]
    client.hang_up()


def test_login_backend_in_a_coroutine():
    async def later():
        return await session

    session = Deferred()
    client = conversation(Backend(later()))
    client.ask("EHLO client.example")
    assert client.ask(plain("user", "secret")) == []
    session.callback(Session())
    assert client.replies() == ["235 2.7.0 Authentication succeeded"]
    client.hang_up()


def test_login_backend_wants_a_login_first():
    client = conversation(Backend())
    assert client.ask("EHLO client.example", MAIL)[-1] == "530 5.7.0 Authentication required"
    assert client.ask(plain("user", "x"), MAIL)[-1] == "250 2.1.0 Sender ok"
    client.hang_up()


def test_login_backend_that_overrides_nothing():
    client = conversation(LoginBackend())
    client.ask("EHLO client.example", plain("user", "secret"))
    client.clock.advance(1)
    assert client.replies() == ["502 5.5.1 Command not offered here"]
    client.hang_up()


def test_open_backend_knows_no_logins():
    backend = OpenBackend(lambda connection: Session())
    client = conversation(backend)
    assert announced(client) == set()
    assert client.ask(plain("user", "secret"))[0][:3] == "502"
    assert client.ask(MAIL)[0][:3] == "250"
    client.hang_up()
    with pytest.raises(ValueError, match="require_auth"):
        SMTPServerFactory(backend, require_auth=True)


@pytest.mark.parametrize("require_auth", [True, False])
def test_require_auth(require_auth):
    backend = PortalBackend(Portal(Realm(), [users(), AllowAnonymousAccess()]))
    client = conversation(backend, require_auth=require_auth)
    assert client.ask("EHLO client.example", MAIL)[-1][:3] == ("530" if require_auth else "250")
    client.ask("RSET", plain("user", "secret"))
    assert client.ask(MAIL)[0][:3] == "250"
    client.hang_up()


@pytest.mark.parametrize(
    "backend",
    [LoginBackend(), OpenBackend(lambda connection: Session()), MemoryBackend(), PortalBackend(Portal(Realm()))],
    ids=lambda backend: type(backend).__name__,
)
def test_interfaces(backend):
    assert verifyObject(IBackend, backend)
    assert verifyObject(ICredentialsBackend, backend)


def test_sessions_provide_their_interface():
    assert verifyObject(ISession, Session())
    assert verifyObject(ISession, AvatarSession(Session(), lambda: None))


def test_a_plain_backend_is_offered_names_and_passwords():
    """One that implements `IBackend` alone."""

    @implementer(IBackend)
    class Plain:
        def login(self, connection, username, password):
            self.asked = (username, password)
            return Session()

        def anonymous_login(self, connection):
            return Session()

    backend = Plain()
    client = conversation(backend)
    assert announced(client) == PASSWORDS
    assert client.ask(plain("user", "secret"))[0][:3] == "235"
    assert backend.asked == ("user", "secret")
    client.hang_up()


def test_a_realm_takes_a_backend_whose_login_is_a_coroutine() -> None:
    class Slow(OpenBackend):
        async def anonymous_login(self, connection: Connection) -> Session:
            return await super().anonymous_login(connection)

    session = Session()
    realm = BackendRealm(Slow(lambda connection: succeed(session)))
    avatar = realm.requestAvatar(b"me", Connection("1", "localhost", False), ISession)
    assert avatar == (ISession, session, session.logout)
