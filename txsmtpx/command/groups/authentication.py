"""AUTH (RFC 4954): the logins that a server accepts, and the portal of `twisted.cred` that checks them."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Generator, Mapping, Sequence
from typing import cast

from twisted.application.service import IService
from twisted.cred.checkers import ICredentialsChecker, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IAnonymous, ICredentials, IUsernameHashedPassword, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.cred.strcred import AuthOptionMixin, ICheckerFactory, findCheckerFactory
from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred
from twisted.plugin import getPlugins
from twisted.python.usage import UsageError
from zope.interface import implementer

from txsmtpx.command.action import Action
from txsmtpx.command.chosen import Chosen
from txsmtpx.command.group import Group
from txsmtpx.command.groups.encryption import CLIENT_CA
from txsmtpx.command.kind import Kind
from txsmtpx.command.option import Option, OptionError, Values, option_of, repeated
from txsmtpx.command.plugin_settings import described_settings, parsed_settings, print_table
from txsmtpx.command.process import Listener, Question
from txsmtpx.dialog import settings as of_dialog
from txsmtpx.dialog.extension import supported_by
from txsmtpx.grammar import asciitext
from txsmtpx.interfaces import (
    BackendLike,
    CheckedFilter,
    Connection,
    Eventual,
    MechanismSupport,
    OneProcessBackend,
    ScramBackend,
    ScramMechanisms,
    SessionLike,
    TokenRefusal,
    provides,
)
from txsmtpx.logins.checkers import CheckerPlugin
from txsmtpx.logins.dovecot_exchange import IDovecotLogin
from txsmtpx.logins.plain_file import PlainFileChecker
from txsmtpx.logins.portal import BackendRealm, PortalBackend
from txsmtpx.sasl.external import IClientCertificate
from txsmtpx.sasl.mechanism import Mechanism
from txsmtpx.sasl.mechanisms import MECHANISMS, satisfied_by
from txsmtpx.sasl.oauth_bearer import IBearerToken
from txsmtpx.sasl.scram_proof import IScramProof
from txsmtpx.sasl.scram_verifier import HASHES, ScramVerifier
from txsmtpx.setting import SettingError, did_you_mean
from txsmtpx.setting_kinds import one_of
from txsmtpx.wire import server_settings as of_wire


def _mechanism(text: str) -> str:
    names = [mechanism.name for mechanism in MECHANISMS]
    if asciitext.upper(text) not in names:
        raise ValueError(f"must be {one_of(names)}, not {text!r}")
    return asciitext.upper(text)


ANY = "any"
"""The value of ``--auth`` that accepts each login."""

CERTIFICATE = "certificate"
"""The value of ``--auth`` for clients with a certificate."""

AUTH = repeated(
    "auth",
    Kind("TYPE:ARGUMENT", (str,), str),
    "Accept these logins, such as file:PATH, or jwt:KEYS SETTING=VALUE...; see --help-auth.  For development, any "
    "accepts each login.",
    secret=True,
)
REQUIRE_AUTH = option_of(of_dialog.REQUIRE_AUTH)
WITHOUT_MECHANISM = repeated(
    "without-mechanism",
    Kind("MECHANISM", (str,), _mechanism),
    "Neither offer nor accept a SASL mechanism, such as LOGIN.",
    setting=of_wire.WITHOUT_MECHANISMS,
)


class CheckerList(AuthOptionMixin, dict[str, object]):
    """The lists of ``--help-auth`` and ``--help-auth-type``, which `twisted.cred.strcred` prints."""

    supportedInterfaces: tuple[type[ICredentials], ...] = (
        IUsernamePassword, IUsernameHashedPassword, IScramProof, IDovecotLogin, IClientCertificate, IBearerToken,
        IAnonymous,
    )  # fmt: skip


def checker_of(description: str, option: Option[tuple[str, ...]]) -> ICredentialsChecker:
    """
    Create a checker of `twisted.cred` from its description.

    Args:
        description: The value of the option.
        option: The option, which errors name.

    Returns:
        The checker.

    Raises:
        OptionError: It cannot be created.  The text does not show the argument, which may hold a password.
    """
    kind, _, argument = description.partition(":")
    factories = {each.authType: each for each in getPlugins(ICheckerFactory)}
    if kind not in factories:
        what = f"there is no such type{did_you_mean(kind, factories) or ';'}" if kind else "it is empty;"
        raise option.fault(kind, f"{what} --help-auth lists the types")
    try:
        if kind == "file":  # that of Twisted reads the file at each login
            return _plain_file(argument)
        made = _made(factories[kind], description, option)
    except OptionError:
        raise
    except SettingError as error:
        raise option.fault(kind, f"{error.name.replace('_', '-')} {error.text}") from error
    except ImportError as error:
        raise option.fault(kind, f"packages are missing ({error})") from error
    except Exception as error:  # each plugin raises errors of its own
        text = "write memory:NAME:PASSWORD" if kind == "memory" else str(error) or type(error).__name__
        raise option.fault(kind, text) from error
    if not set(made.credentialInterfaces) & set(CheckerList.supportedInterfaces):
        raise option.fault(kind, "no mechanism of SMTP has such logins; --help-auth lists the types")
    if isinstance(made, InMemoryUsernamePasswordDatabaseDontUse):
        if not made.users:
            raise option.fault(kind, "there is no user; write memory:NAME:PASSWORD")
        # strcred fills it with text.  Names on the wire, and in every other checker, are octets.
        made.users = {_as_octets(name): _as_octets(word) for name, word in made.users.items()}
    return made


def _made(plugin: ICheckerFactory, description: str, option: Option[tuple[str, ...]]) -> ICredentialsChecker:
    if not isinstance(plugin, CheckerPlugin) or not plugin.settings:  # what others have as argument may be a password
        return cast(ICredentialsChecker, plugin.generateChecker(description.partition(":")[2]))
    chosen = Chosen.from_path(option.name, description)
    settings = parsed_settings(chosen, f"the login {plugin.authType}", plugin.settings)
    return plugin.create(chosen.use.partition(":")[2], settings)


def _plain_file(path: str) -> PlainFileChecker:
    if not path:
        raise ValueError("write file:PATH")
    try:
        return PlainFileChecker(path)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error


def _as_octets(text: str | bytes) -> bytes:
    return text.encode("utf-8") if isinstance(text, str) else text


Avatar = bytes | tuple[()]
"""The name of a user; () for an anonymous one, as Twisted has it."""


PASSWORDS = {IUsernamePassword, IUsernameHashedPassword, IScramProof, IDovecotLogin}
"""The credentials of mechanisms with a password, all of which Dovecot has."""


def _check_alone(checkers: Sequence[ICredentialsChecker], option: Option[tuple[str, ...]]) -> None:
    """
    Check that Dovecot alone has passwords, since each of its mechanisms goes to Dovecot.

    Raises:
        OptionError: Another checker has passwords too.
    """
    accepted = [PASSWORDS & set(checker.credentialInterfaces) for checker in checkers]
    if {IDovecotLogin} in accepted and sum(map(bool, accepted)) > 1:
        raise option.fault(
            "dovecot", f"another --{option.name} has passwords too; put all users into Dovecot, or leave one out"
        )


@implementer(ICredentialsChecker)
class AnyChecker:
    """
    Several checkers, of which one must accept the credentials.  A portal by itself asks one checker an interface.

    Args:
        checkers: The checkers.
        option: The option that has named them.

    Raises:
        OptionError: Two checkers are for SCRAM.  The server must send the salt of a user before it has a proof, so it
            must know whose salt that is.  Or Dovecot is given, and another checker for passwords.
    """

    def __init__(self, checkers: Sequence[ICredentialsChecker], option: Option[tuple[str, ...]] = AUTH) -> None:
        _check_alone(checkers, option)
        self._checkers = checkers
        self.credentialInterfaces = tuple({each for checker in checkers for each in checker.credentialInterfaces})
        self.mechanisms: Sequence[Mechanism] = ()
        self.token_refusal: Mapping[str, str] = {}
        for checker in checkers:
            if provides(checker, MechanismSupport[Mechanism]):
                self.mechanisms = checker.mechanisms
            if provides(checker, TokenRefusal):
                self.token_refusal = checker.token_refusal
        scram = [checker for checker in checkers if provides(checker, ScramBackend[ScramVerifier])]
        if len(scram) > 1:
            raise option.fault("scram", "it is given twice; put the users of both files into one")
        if scram:
            self.scram_verifier = scram[0].scram_verifier
            self.scram_mechanisms = scram[0].scram_mechanisms if provides(scram[0], ScramMechanisms) else tuple(HASHES)

    @inlineCallbacks
    def requestAvatarId(self, credentials: ICredentials) -> Generator[Deferred[Avatar], Avatar, Avatar]:
        """
        Ask the checkers, one after the other.

        Args:
            credentials: The credentials.

        Returns:
            A Deferred of the name of the user, from the first checker that accepts them.

        Raises:
            UnauthorizedLogin: No checker accepts them.
        """  # noqa: DOC402  # what inlineCallbacks waits for is no result
        for checker in self._checkers:
            if any(interface.providedBy(credentials) for interface in checker.credentialInterfaces):
                with contextlib.suppress(UnauthorizedLogin):
                    return (yield maybeDeferred(checker.requestAvatarId, credentials))
        raise UnauthorizedLogin()


class AuthBackend(PortalBackend):
    """
    The backend of ``--auth``: a portal for clients that log in, in front of another backend.

    Args:
        backend: The other backend, which has the sessions.
        checkers: The checkers of the portal.
        require_auth: True if a client that does not log in is rejected.
    """

    def __init__(self, backend: BackendLike, checkers: Sequence[ICredentialsChecker], require_auth: bool) -> None:
        super().__init__(Portal(BackendRealm(backend), [AnyChecker(checkers)]))
        self.supports = supported_by(backend)
        self.one_process = provides(backend, OneProcessBackend) and backend.one_process
        self._backend = backend
        self._require_auth = require_auth

    def anonymous_login(self, connection: Connection) -> Eventual[SessionLike]:
        """
        Return a session for a client that has not logged in.

        Args:
            connection: The connection.  If a proxy has logged in for the client (XCLIENT LOGIN), it has a username.

        Returns:
            The session, a Deferred or a coroutine.

        Raises:
            SMTPError: 530 5.7.0, a login is required.
        """
        if self._require_auth and connection.username is None:
            return super().anonymous_login(connection)
        return self._backend.anonymous_login(connection)


def _apply(values: Values, listener: Listener) -> None:
    given = values[AUTH]
    if ANY in given and given[1:]:
        raise AUTH.fault(ANY, "it accepts each login; leave out the others, or leave out any")
    checkers = [checker_of(each, AUTH) for each in given]
    if not checkers:
        for needing in (REQUIRE_AUTH, WITHOUT_MECHANISM):
            if values[needing]:
                raise needing.fault(values[needing], "there are no logins; add", AUTH.name)
    elif listener.backend is not None:
        _check_certificates(values)
        listener.backend = AuthBackend(listener.backend, checkers, values[REQUIRE_AUTH])
        for checker, given_as in zip(checkers, given, strict=True):
            if IService.providedBy(checker):
                listener.services = [*listener.services, checker]
            if provides(checker, CheckedFilter):
                complaint = functools.partial(AUTH.fault, given_as.partition(":")[0])
                listener.questions.append(Question(given_as.partition(":")[0], checker.check, complaint))
        _check_mechanisms(values, listener.backend)


def _check_certificates(values: Values) -> None:
    """
    Check that a client can show a certificate, if one type of login is that.

    Raises:
        OptionError: No certificate of a client is accepted.
    """
    if CERTIFICATE in values[AUTH] and not values[CLIENT_CA]:
        raise AUTH.fault(CERTIFICATE, "the server accepts no certificates of clients; add", CLIENT_CA.name)


def _check_mechanisms(values: Values, backend: AuthBackend) -> None:
    """
    Check that a client can log in.

    Raises:
        OptionError: There is no mechanism for the logins.
    """
    if satisfied_by(backend, values[REQUIRE_AUTH], values[WITHOUT_MECHANISM]):
        return
    if satisfied_by(backend, values[REQUIRE_AUTH]):
        text = "no mechanism is left for --auth; leave one of them out"
        raise WITHOUT_MECHANISM.fault(values[WITHOUT_MECHANISM], text)
    types = AUTH.shown(values[AUTH])
    if values[REQUIRE_AUTH]:
        text = f"no client can log in by --auth {types}; add another, such as file:PATH"
        raise REQUIRE_AUTH.fault(True, text)
    raise AUTH.fault(values[AUTH], "there is no mechanism for these logins; add another, such as file:PATH")


def _list(argument: str) -> None:
    CheckerList().opt_help_auth()  # type: ignore[no-untyped-call]  # a method of Twisted's, inherited


def _explain(argument: str) -> None:
    types = [each.authType for each in getPlugins(ICheckerFactory)]
    if argument not in types:
        text = f"there is no such type{did_you_mean(argument, types) or ';'} --help-auth lists the types"
        raise UsageError(f"--help-auth-type {argument}: {text}")
    with contextlib.suppress(SystemExit):
        CheckerList().opt_help_auth_type(argument)  # type: ignore[no-untyped-call]  # a method of Twisted's, inherited
    plugin = findCheckerFactory(argument)
    if isinstance(plugin, CheckerPlugin) and plugin.settings:
        print_table("Settings:", described_settings(plugin.settings))
    sys.exit(0)


AUTHENTICATION = Group(
    "Authentication",
    "AUTH (RFC 4954): the logins that a server accepts.",
    (AUTH, REQUIRE_AUTH, option_of(of_dialog.ALLOW_INSECURE_AUTH), WITHOUT_MECHANISM),
    _apply,
    actions=(
        Action("help-auth", "List the values of --auth and exit.", _list),
        Action("help-auth-type", "Explain a value of --auth and exit.", _explain, "TYPE"),
    ),
)
