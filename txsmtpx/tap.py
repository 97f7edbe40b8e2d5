"""
C{twistd smtpx}: options into a service.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Generator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from twisted.application.service import MultiService
from twisted.cred.checkers import ICredentialsChecker, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IAnonymous, IUsernameHashedPassword, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.cred.strcred import AuthOptionMixin
from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.usage import Options as BaseOptions
from twisted.python.usage import UsageError
from zope.interface import implementer

from txsmtpx.backends.plugin import backend_named, plugins
from txsmtpx.backends.portal import BackendRealm, PortalBackend
from txsmtpx.backends.relay import RelayBackend
from txsmtpx.dialog.connection import Connection
from txsmtpx.extensions import box
from txsmtpx.extensions.extension import Extension
from txsmtpx.interfaces import IBackend
from txsmtpx.sasl.bearer import IBearerToken
from txsmtpx.sasl.external import IClientCertificate
from txsmtpx.sasl.scram import IScramProof
from txsmtpx.sasl.verifier import HASHES
from txsmtpx.wire.certificate import Certificate
from txsmtpx.wire.factory import SMTPServerFactory
from txsmtpx.wire.service import SMTPService

log = Logger()

DEFAULT_PORT = "tcp:1025:interface=127.0.0.1"

FLAGS = ("lmtp", "require-auth", "allow-insecure-auth", "require-tls", "transcript")

PASSED_ON = (
    "max-message-bytes",
    "max-recipients",
    "max-transactions",
    "max-recipient-domains",
    "max-errors",
    "read-timeout",
    "write-timeout",
    "message-timeout",
    "delivery-timeout",
    "greeting-delay",
    "max-connections",
    "max-connections-per-host",
    "bare-newlines",
)
"""Options that are parameters of L{SMTPServerFactory}, as every flag is."""


def _name(option: str) -> str:
    return option.replace("-", "_")


def _number(option: str) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not text.isdecimal():
            raise ValueError(f"--{option} takes a number, not {text!r}")
        return int(text)

    return convert


def _seconds(option: str) -> Callable[[str], float]:
    def convert(text: str) -> float:
        with contextlib.suppress(ValueError):
            if 0 <= float(text) < float("inf"):
                return float(text)
        raise ValueError(f"--{option} takes a number of seconds, not {text!r}")

    return convert


def _parameter(option: str, default: int, convert: Callable[[str], Callable[[str], float]], text: str) -> list[Any]:
    return [option, None, default, text, convert(option)]


class Options(BaseOptions, AuthOptionMixin):
    """The options of C{twistd smtpx}."""

    synopsis = "[options]"
    longdesc = "Receives mail over ESMTP or LMTP and hands it to a backend."
    supportedInterfaces = (
        IUsernamePassword, IUsernameHashedPassword, IScramProof, IClientCertificate, IBearerToken, IAnonymous
    )  # fmt: skip

    optFlags = [
        ["lmtp", None, "Speak LMTP."],
        ["require-auth", None, "Take mail only after AUTH."],
        ["allow-insecure-auth", None, "Allow AUTH without TLS."],
        ["require-tls", None, "Take mail only after STARTTLS."],
        ["transcript", None, "Log every line both ways, credentials blacked out."],
    ]
    optParameters = [
        ["backend", "b", "log", "Who takes the mail: NAME or NAME:ARGUMENT, see --help-backends."],
        ["domain", None, None, "The name of this server [default: the host's]."],
        ["tls-certificate", None, None, "A PEM file with certificate and chain, for STARTTLS; read again on SIGHUP."],
        ["tls-key", None, None, "A PEM file with its key [default: the same file]."],
        ["tls-client-ca", None, None, "A PEM file: who signs the certificates of clients, for --auth certificate."],
        ["bare-newlines", None, "normalize", "What becomes of a bare CR or LF: normalize, reject or accept."],
        _parameter("max-message-bytes", 32 * 1024 * 1024, _number, "The largest message, in octets, 0 for none."),
        _parameter("max-recipients", 1000, _number, "Recipients a message, 0 for any number."),
        _parameter("max-transactions", 0, _number, "Messages a connection, 0 for any number."),
        _parameter("max-recipient-domains", 0, _number, "Domains of recipients a connection, 0 for any number."),
        _parameter("max-errors", 20, _number, "Refused commands without a message, 0 for any number."),
        _parameter("max-connections", 0, _number, "Connections at a time, 0 for any number."),
        _parameter("max-connections-per-host", 0, _number, "Connections at a time from one address, 0 for any number."),
        _parameter("read-timeout", 300, _seconds, "Seconds to wait for the peer."),
        _parameter("write-timeout", 300, _seconds, "Seconds to wait for a peer that does not read."),
        _parameter("message-timeout", 3600, _seconds, "Seconds a message may take to come."),
        _parameter("delivery-timeout", 300, _seconds, "Seconds the backend may take after the end of a message."),
        _parameter("greeting-delay", 0, _seconds, "Seconds before the greeting; who speaks before it is sent away."),
        _parameter("shutdown-timeout", 30, _seconds, "Seconds that open transactions are given on exit."),
    ]

    def __init__(self) -> None:
        BaseOptions.__init__(self)
        self.ports: list[str] = []
        self.relay_domains: list[str] = []
        self.trusted_networks: list[str] = []
        self.extensions: list[Extension] = []

    def opt_port(self, endpoint: str) -> None:
        """
        A port number or any server endpoint string; repeatable [default: tcp:1025:interface=127.0.0.1].
        """
        self.ports.append(f"tcp:{endpoint}" if endpoint.isdecimal() else endpoint)

    opt_p = opt_port

    def opt_auth(self, description: str) -> None:
        """
        Who may log in, such as file:PATH, see --help-auth; repeatable.
        """
        kind, _, argument = description.partition(":")
        if kind == "file" and not Path(argument).is_file():
            raise UsageError(f"--auth {description}: no such file")  # of which Twisted only warns
        AuthOptionMixin.opt_auth(self, description)

    def opt_relay_domain(self, name: str) -> None:
        """
        A domain to which a relay takes mail from anybody; repeatable.
        """
        self.relay_domains.append(name)

    def opt_trusted_network(self, network: str) -> None:
        """
        A network, such as 10.0.0.0/8, whose XCLIENT and XFORWARD are believed; repeatable.
        """
        try:
            ip_network(network)
        except ValueError as error:
            raise UsageError(f"--trusted-network takes a network, such as 10.0.0.0/8: {error}") from error
        self.trusted_networks.append(network)

    def opt_extension(self, keyword: str) -> None:
        """
        Announce an extension, such as DSN, whose promise the backend keeps without declaring it; repeatable.
        """
        self.extensions.append(box.named(keyword))

    def opt_help_backends(self) -> None:
        """
        List the backends and exit.
        """
        print("Backends:")
        for _, plugin in sorted(plugins().items()):
            print(f"  {plugin.syntax:<14} {plugin.description}")
        print(f"  {'DOTTED.NAME':<14} any importable backend or maker of one; DOTTED.NAME:ARGUMENT gives it ARGUMENT")
        sys.exit(0)

    def parseOptions(self, options: Any = None) -> None:
        """
        Parse.

        @raise SystemExit: an option is wrong: one clear line, exit status 1.
        """
        try:
            BaseOptions.parseOptions(self, options)
        except (UsageError, ValueError) as error:
            sys.exit(f"twistd smtpx: {' '.join(str(error).split())}")

    def postOptions(self) -> None:
        """Everything that can be wrong is found wrong here."""
        from twisted.internet import reactor

        self["endpoints"] = [_endpoint(reactor, port) for port in self.ports or [DEFAULT_PORT]]
        self["factory"] = self._factory()

    def _factory(self) -> SMTPServerFactory:
        if self["tls-key"] and not self["tls-certificate"]:
            raise UsageError("--tls-key needs --tls-certificate")
        if self["tls-client-ca"] and not self["tls-certificate"]:
            raise UsageError("--tls-client-ca needs --tls-certificate")
        if self["require-tls"] and not self["tls-certificate"]:
            raise UsageError("--require-tls needs --tls-certificate")
        if self["require-auth"] and not self.get("credCheckers"):
            raise UsageError("--require-auth needs --auth")
        settings: dict[str, Any] = {_name(flag): bool(self[flag]) for flag in FLAGS}
        settings |= {_name(option): self[option] for option in PASSED_ON}
        backend = self._backend()
        settings["extensions"] = box.offered_with({*getattr(backend, "supports", ()), *self.extensions})
        settings["trusted_networks"] = self.trusted_networks
        settings["domain"] = self["domain"] or socket.gethostname()
        return SMTPServerFactory(backend, tls=self._certificate(), **settings)

    def _certificate(self) -> Certificate | None:
        if not self["tls-certificate"]:
            return None
        try:
            return Certificate(self["tls-certificate"], self["tls-key"], self["tls-client-ca"])
        except OSError as error:
            raise UsageError(f"cannot read {error.filename}: {error.strerror}") from error

    def _backend(self) -> Any:
        backend = backend_named(self["backend"])
        checkers = self.get("credCheckers")
        if isinstance(backend, RelayBackend):
            backend.domains = frozenset(domain.lower() for domain in self.relay_domains)
            if not checkers and not backend.domains:
                raise UsageError("a relay for all to everywhere: say for whom (--auth) or where to (--relay-domain)")
        elif self.relay_domains:
            raise UsageError("--relay-domain needs --backend relay: or lmtp:")
        self["pools"] = getattr(backend, "pools", ())
        if not checkers:
            return backend
        for checker in checkers:
            if isinstance(checker, InMemoryUsernamePasswordDatabaseDontUse):
                # strcred fills it with text; names on the wire, and in every other checker, are octets.
                checker.users = {_as_octets(name): _as_octets(word) for name, word in checker.users.items()}
        return PortalOrAnybody(backend, checkers, bool(self["require-auth"]))


def _as_octets(text: str | bytes) -> bytes:
    return text.encode("utf-8") if isinstance(text, str) else text


@implementer(ICredentialsChecker)
class OneOfThem:
    """Several checkers, of which one must know who it is; a portal by itself asks but one for each interface."""

    def __init__(self, checkers: Any) -> None:
        self._checkers = checkers
        self.credentialInterfaces = tuple({each for checker in checkers for each in checker.credentialInterfaces})
        scram = [checker for checker in checkers if hasattr(checker, "scram_verifier")]
        if len(scram) > 1:  # it must be known whose verifier is shown before anybody has proved anything
            raise UsageError("--auth scram: goes once")
        if scram:
            self.scram_verifier = scram[0].scram_verifier
            self.scram_mechanisms = getattr(scram[0], "scram_mechanisms", tuple(HASHES))

    @inlineCallbacks
    def requestAvatarId(self, credentials: Any) -> Generator[Deferred[Any], Any, Any]:
        """
        @raise UnauthorizedLogin: none of them does.
        """
        for checker in self._checkers:
            if any(interface.providedBy(credentials) for interface in checker.credentialInterfaces):
                with contextlib.suppress(UnauthorizedLogin):
                    return (yield maybeDeferred(checker.requestAvatarId, credentials))
        raise UnauthorizedLogin()


class PortalOrAnybody(PortalBackend):
    """C{--auth}: a portal for those who log in; the others get in too, unless that was forbidden."""

    def __init__(self, backend: IBackend, checkers: Any, require_auth: bool) -> None:
        super().__init__(Portal(BackendRealm(backend), [OneOfThem(checkers)]))
        self.supports = getattr(backend, "supports", ())
        self._backend = backend
        self._require_auth = require_auth

    def anonymous_login(self, connection: Connection) -> Any:
        """A session; where a login is required, for whom a proxy has logged in (XCLIENT LOGIN)."""
        if self._require_auth and connection.username is None:
            return super().anonymous_login(connection)
        return self._backend.anonymous_login(connection)


def _endpoint(reactor: Any, description: str) -> Any:
    try:
        return serverFromString(reactor, description)
    except Exception as error:  # each endpoint parser has its own
        raise UsageError(f"--port {description}: {error or type(error).__name__}") from error


class SMTPXService(MultiService):
    """The service of the command: its errors are for an operator, and SIGHUP reads the certificate again."""

    def __init__(self, factory: SMTPServerFactory, endpoints: Any, shutdown_timeout: float) -> None:
        MultiService.__init__(self)
        self._certificate = factory.tls
        MultiService.addService(self, SMTPService(factory, endpoints, shutdown_timeout))

    def privilegedStartService(self) -> None:
        """
        @raise SystemExit: a port is not to be had.
        """
        try:
            MultiService.privilegedStartService(self)
        except (CannotListenError, OSError, OverflowError) as error:
            print(f"twistd smtpx: {error}", file=sys.__stderr__)  # what sys.stderr gets is in the log by now
            sys.exit(1)

    def startService(self) -> None:
        """Start, and listen for SIGHUP."""
        MultiService.startService(self)
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._hang_up)

    def _hang_up(self, signum: int, frame: object) -> None:
        from twisted.internet import reactor

        reactor.callFromThread(self.reload)  # type: ignore[attr-defined]  # typed as a module

    def reload(self) -> None:
        """Read the certificate again; one that cannot be read changes nothing."""
        if self._certificate is None:
            log.info("SIGHUP: there is no certificate to read again")
            return
        try:
            self._certificate.reload()
        except (OSError, ValueError) as error:
            log.error("certificate not read again: {error}", error=str(error))
        else:
            log.info("certificate read again")


def makeService(options: Options) -> SMTPXService:
    """The service that C{options} describe."""
    service = SMTPXService(options["factory"], options["endpoints"], options["shutdown-timeout"])
    for pool in options["pools"]:
        MultiService.addService(service, pool)
    return service
