"""The factory of a server: it checks the settings that a caller gives, and creates the protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorFromThreads, IReactorTime

from txsmtpx.arguments import names_checked
from txsmtpx.dialog import settings as of_dialog
from txsmtpx.dialog.client_policy import asking, policies_of
from txsmtpx.dialog.extension import Extension, supported_by
from txsmtpx.dialog.observer import Observers
from txsmtpx.dialog.settings import OutcomePolicy, Settings
from txsmtpx.dialog.table import Tables
from txsmtpx.extensions import registry
from txsmtpx.extensions.lmtp import LMTP
from txsmtpx.extensions.smtp import SMTP
from txsmtpx.grammar.domain import to_a_label
from txsmtpx.grammar.host import plain_network
from txsmtpx.grammar.reply import Reply
from txsmtpx.grammar.transparency import BareNewlines
from txsmtpx.interfaces import BackendLike, Policy, Reactor, ServerObserverLike, clock_of
from txsmtpx.sasl import mechanisms
from txsmtpx.setting import SettingError, shown
from txsmtpx.setting_kinds import takes
from txsmtpx.wire import server_settings as of_wire
from txsmtpx.wire.admission import Admission
from txsmtpx.wire.server import Server, SMTPServer
from txsmtpx.wire.server_certificate import Certificate, as_certificate
from txsmtpx.wire.server_settings import Network, ServerTLS
from txsmtpx.wire.shared_timers import SharedTimers
from txsmtpx.wire.transcript_recorder import Transcript, to_log


class SMTPServerFactory(Server):
    """
    A server, for any endpoint of Twisted.  `SMTPService` listens with it; ``endpoint.listen(factory)`` does too.

    Args:
        backend: Accepts the mail: an `IBackend`, such as ``OpenBackend(MySession)``.
        domain: The name of this server in the greeting and in replies: a domain or an address literal.
            Default: 'localhost'.
        lmtp: Serve LMTP (RFC 2033) instead of ESMTP.  Default: False.
        extensions: Offer these extensions; None: all that the library and the backend implement.  Default: None.
            STARTTLS is not offered without `tls`, AUTH not without logins, XCLIENT and XFORWARD not without
            `trusted_networks`.
        tls: The certificate for STARTTLS: a `Certificate`, or a context of Twisted such as `CertificateOptions`.
        require_tls: Accept mail only after STARTTLS (RFC 3207 §4).  Default: False.
        require_auth: Accept mail only after AUTH (RFC 4954 §6).  Default: False.
        allow_insecure_auth: Offer and accept AUTH on connections without TLS.  Default: False.
        without_mechanisms: The SASL mechanisms that are neither offered nor accepted, such as LOGIN.  Default: ().
        max_auth_failures: Disconnect after N failed logins (RFC 4954 §9 asks for three or more).  Default: 3.
        auth_failure_delay: Delay the reply to a failed login by N seconds, times the number of failures in the
            connection.  Default: 1.
        ident: The text of the greeting after the domain and ESMTP (RFC 5321 §4.2).  Default: 'txsmtpx'.
        bare_newlines: Repair, reject or accept a CR or LF that is not part of CRLF.  Default: 'normalize'.
        trusted_networks: The networks of proxies whose XCLIENT and XFORWARD commands count, such as 10.0.0.0/8.
            Default: ().
        max_message_bytes: Reject messages of more than N octets (0: no limit).  Default: 33554432.
        max_recipients: Reject the recipients of a message after the first N (0: no limit).  Default: 1000.
        max_transactions: Reject MAIL after N transactions in one connection (0: no limit, RFC 9422 §4.1).  Default: 0.
        max_recipient_domains: Reject recipients in more than N different domains in one connection (0: no limit,
            RFC 9422 §4.3).  Default: 0.
        max_errors: Disconnect after N rejected commands with no message accepted in between (0: never).  Default: 20.
            Under LMTP the server does not count them.
        max_line_length: Reject command lines of more than N octets, the line end included.  Default: 2000.
        max_connections: Reply 421 to connections beyond N at a time (0: no limit).  Default: 0.
        max_connections_per_host: Reply 421 to connections beyond N at a time from one IPv4 address or IPv6 /64 network
            (0: no limit).  Default: 0.  It does not hold for `trusted_networks`, but for the clients that these name
            by XCLIENT.
        read_timeout: Disconnect a client that sends nothing for N seconds (0: never, RFC 5321 §4.5.3.2.7: at least
            300).  Default: 300.
        write_timeout: Disconnect a client that does not read replies for N seconds (0: never).  Default: 300.
        message_timeout: Disconnect a client whose message is not complete N seconds after it began (0: never).
            Default: 3600.
        delivery_timeout: Reject a recipient for now if the backend has no outcome N seconds after the end of the
            message.  Default: 300.
        greeting_delay: Send the greeting after N seconds; clients that send before it are disconnected (RFC 5321
            §3.1).  Default: 0.
        outcome_policy: Choose the one reply of SMTP if the outcomes of the recipients differ.  Default: first_failure.
        delivery_timed_out: Return the reply for a recipient whose delivery timed out.
            Default: delivery_timed_out_420.
        deliver_by_minimum: The smallest by-time of DELIVERBY in seconds, which EHLO advertises (RFC 2852 §3, 0: none).
            Default: 0.
        priority_profile: The profile of MT-PRIORITY that EHLO advertises: MIXER, STANAG4406 or NSEP (RFC 6710 §10),
            empty for none.  Default: ''.
        max_hold: The longest time in seconds that FUTURERELEASE may hold a message (RFC 4865).  Default: 604800.
        now: Return the time in seconds since 1970, for FUTURERELEASE.  Default: time.
        transcript: Log every line both ways, without credentials.  Default: False.  A `Transcript` gets the lines
            instead of the log.
        policy: A function of the `Connection`, plain or async, which is called before the greeting.  It returns None
            for a client that may go on.  To refuse the client, it returns a `Reply` of 421, 521 or 554, or raises
            `SMTPError`.
        observers: The observers of the server, each an `IServerObserver`.
        reactor: The reactor.  None: the global one.

    Attributes:
        settings: The settings that its dialogs read.
        tls: The certificate, None for none.
        admission: The open connections, and the limits on them.
        timers: The timers of all connections.

    Raises:
        TypeError: A value has the wrong type, or there is no such setting.
        SettingError: A value cannot be used, or contradicts another.

    Example:
        >>> from txsmtpx import MemoryBackend
        >>> factory = SMTPServerFactory(MemoryBackend(), domain="mx.example.org", max_recipients=100)
        >>> SMTPServerFactory(MemoryBackend(), max_recipients="100")
        Traceback (most recent call last):
        TypeError: max_recipients must be an integer of 0 or more, not '100'
    """

    noisy = False

    @names_checked
    def __init__(
        self,
        backend: BackendLike,
        *,
        domain: str = of_dialog.DOMAIN.default,
        lmtp: bool = of_dialog.LMTP.default,
        extensions: Iterable[Extension] | None = of_wire.EXTENSIONS.default,
        tls: ServerTLS | None = None,
        require_tls: bool = of_dialog.REQUIRE_TLS.default,
        require_auth: bool = of_dialog.REQUIRE_AUTH.default,
        allow_insecure_auth: bool = of_dialog.ALLOW_INSECURE_AUTH.default,
        without_mechanisms: Iterable[str] = of_wire.WITHOUT_MECHANISMS.default,
        max_auth_failures: int = of_dialog.MAX_AUTH_FAILURES.default,
        auth_failure_delay: float = of_dialog.AUTH_FAILURE_DELAY.default,
        ident: str = of_dialog.IDENT.default,
        bare_newlines: BareNewlines = of_dialog.BARE_NEWLINES.default,
        trusted_networks: Iterable[Network] = of_wire.TRUSTED_NETWORKS.default,
        max_message_bytes: int = of_dialog.MAX_MESSAGE_BYTES.default,
        max_recipients: int = of_dialog.MAX_RECIPIENTS.default,
        max_transactions: int = of_dialog.MAX_TRANSACTIONS.default,
        max_recipient_domains: int = of_dialog.MAX_RECIPIENT_DOMAINS.default,
        max_errors: int = of_dialog.MAX_ERRORS.default,
        max_line_length: int = of_dialog.MAX_LINE_LENGTH.default,
        max_connections: int = of_wire.MAX_CONNECTIONS.default,
        max_connections_per_host: int = of_wire.MAX_CONNECTIONS_PER_HOST.default,
        read_timeout: float = of_wire.READ_TIMEOUT.default,
        write_timeout: float = of_wire.WRITE_TIMEOUT.default,
        message_timeout: float = of_wire.MESSAGE_TIMEOUT.default,
        delivery_timeout: float = of_dialog.DELIVERY_TIMEOUT.default,
        greeting_delay: float = of_wire.GREETING_DELAY.default,
        outcome_policy: OutcomePolicy = of_dialog.OUTCOME_POLICY.default,
        delivery_timed_out: Callable[[str], Reply] = of_dialog.DELIVERY_TIMED_OUT.default,
        deliver_by_minimum: int = of_dialog.DELIVER_BY_MINIMUM.default,
        priority_profile: str = of_dialog.PRIORITY_PROFILE.default,
        max_hold: int = of_dialog.MAX_HOLD.default,
        now: Callable[[], float] = of_dialog.NOW.default,
        transcript: Transcript | bool = of_wire.TRANSCRIPT.default,
        policy: Policy | None = None,
        observers: Iterable[ServerObserverLike] = (),
        reactor: Reactor | None = None,
    ) -> None:
        clock = _clock(reactor)
        _check_backend(backend)
        if extensions is not None:
            extensions = of_wire.EXTENSIONS.items(extensions)
        without_mechanisms = of_wire.WITHOUT_MECHANISMS.items(without_mechanisms)
        networks = tuple(map(_network, of_wire.TRUSTED_NETWORKS.items(trusted_networks)))
        of_wire.MAX_CONNECTIONS.check(max_connections)
        of_wire.MAX_CONNECTIONS_PER_HOST.check(max_connections_per_host)
        of_wire.READ_TIMEOUT.check(read_timeout)
        of_wire.WRITE_TIMEOUT.check(write_timeout)
        of_wire.MESSAGE_TIMEOUT.check(message_timeout)
        of_wire.GREETING_DELAY.check(greeting_delay)
        of_wire.TRANSCRIPT.check(transcript)
        self.tls: Certificate | None = as_certificate(tls)
        offered = mechanisms.satisfied_by(backend, require_auth, without_mechanisms)
        if extensions is None:
            extensions = registry.offered_with(supported_by(backend))
        useless = _useless(self.tls is not None, bool(offered), bool(networks))
        if not takes(policy, 1) and policy is not None:
            raise TypeError(f"policy must be a function of one argument, the connection, or None, not {shown(policy)}")
        notified = Observers(observers)
        asked = policies_of(policy, backend, clock, notified.filtered)
        protocol = LMTP if lmtp else SMTP
        if asked is not None:
            protocol = asking(protocol)
        self.settings: Settings = Settings(
            backend=backend,
            tables=_tables((protocol, *[each for each in extensions if each.keyword not in useless])),
            clock=clock,
            from_thread=_from_thread(clock),
            domain=_domain(domain),
            lmtp=lmtp,
            ident=ident,
            mechanisms=offered,
            max_message_bytes=max_message_bytes,
            max_recipients=max_recipients,
            max_transactions=max_transactions,
            max_recipient_domains=max_recipient_domains,
            max_errors=max_errors,
            max_line_length=max_line_length,
            require_auth=require_auth,
            require_tls=require_tls,
            tls_available=self.tls is not None,
            allow_insecure_auth=allow_insecure_auth,
            max_auth_failures=max_auth_failures,
            auth_failure_delay=auth_failure_delay,
            delivery_timeout=delivery_timeout,
            bare_newlines=bare_newlines,
            outcome_policy=outcome_policy,
            delivery_timed_out=delivery_timed_out,
            trusted_networks=networks,
            deliver_by_minimum=deliver_by_minimum,
            priority_profile=priority_profile,
            max_hold=max_hold,
            now=now,
            observers=notified,
            policy=asked,
        )
        self.read_timeout = read_timeout
        self.write_timeout = write_timeout
        self.message_timeout = message_timeout
        self.greeting_delay = greeting_delay
        recorded = (to_log if transcript else None) if isinstance(transcript, bool) else transcript
        self.transcript: Transcript | None = recorded
        self.timers: SharedTimers = SharedTimers(clock)
        self.admission: Admission[SMTPServer] = Admission(clock, max_connections, max_connections_per_host)

    @property
    def connections(self) -> Set[SMTPServer]:
        """The open connections."""
        return self.admission.connections

    def buildProtocol(self, addr: IAddress | None) -> SMTPServer:
        """
        Create the protocol of one connection.

        Args:
            addr: The address of the client.  The protocol asks its transport for it.

        Returns:
            The protocol.
        """
        return SMTPServer(self)

    def drain(self, timeout: float) -> Deferred[None]:
        """
        End every connection.  Idle clients get 421; the others get it when their transaction has ended.

        Args:
            timeout: Seconds after which the connections that are left are aborted.

        Returns:
            A Deferred that fires when no connection is left.
        """
        return self.admission.drain(timeout)

    def abort(self) -> None:
        """Abort every connection now."""
        self.admission.abort()


def _check_backend(backend: object) -> None:
    """
    Check that an object can be a backend.

    Raises:
        TypeError: It is a class, a session or something else.
    """
    if isinstance(backend, type):
        name = backend.__name__
        right = f"OpenBackend({name})" if hasattr(backend, "mail") else f"{name}(...)"
        raise TypeError(f"backend must be an object, not the class {name}: use {right}")
    if not callable(getattr(backend, "anonymous_login", None)):
        raise TypeError(f"backend must have anonymous_login, such as MemoryBackend(), not {shown(backend)}")


def _clock(reactor: Reactor | None) -> IReactorTime:
    clock = clock_of(reactor)
    if isinstance(clock, type) or not callable(getattr(clock, "callLater", None)):
        raise TypeError(f"reactor must be a reactor, a Clock or None, not {shown(reactor)}")
    return cast(IReactorTime, clock)


def _domain(domain: str) -> str:
    of_dialog.DOMAIN.check(domain)
    try:
        return to_a_label(domain)  # RFC 6531 §3.7.1
    except ValueError as error:
        raise SettingError("domain", f"is {error}") from error


def _network(network: Network) -> IPv4Network | IPv6Network:
    try:
        return plain_network(str(network))
    except ValueError as error:
        raise SettingError("trusted_networks", f"are networks such as 10.0.0.0/8: {error}") from error


@lru_cache(maxsize=64)
def _tables(extensions: tuple[Extension, ...]) -> Tables:
    """Compile extensions; servers that offer the same share the tables, which no setting changes."""
    try:
        return Tables(extensions, known=registry.KNOWN)
    except ValueError as error:
        raise SettingError("extensions", f"contradict each other: {error}") from error


def _useless(tls: bool, logins: bool, proxies: bool) -> set[str]:
    """Keywords of extensions that would promise what a server without these has not."""
    useless = set() if tls else {"STARTTLS"}
    useless |= set() if logins else {"AUTH"}
    useless |= set() if proxies else {"XCLIENT", "XFORWARD"}
    return useless


def _from_thread(clock: IReactorTime) -> Callable[..., object]:
    """Return ``callFromThread`` of `clock`; if it has none, as a `Clock` of tests, that of the global reactor."""
    found: object = clock
    if not hasattr(clock, "callFromThread"):
        from twisted.internet import reactor as found
    return cast(IReactorFromThreads, found).callFromThread
