"""
The server's factory: what it was told, the connections it has, and their end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ServerFactory

from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.observer import Observers
from txsmtpx.dialog.settings import Settings
from txsmtpx.dialog.table import Tables
from txsmtpx.extensions import registry
from txsmtpx.extensions.lmtp import LMTP
from txsmtpx.extensions.smtp import SMTP
from txsmtpx.grammar.domain import to_a_label
from txsmtpx.grammar.host import plain_network
from txsmtpx.sasl import mechanisms
from txsmtpx.wire.descriptors import Descriptors
from txsmtpx.wire.server import SMTPServer
from txsmtpx.wire.server_certificate import adopt
from txsmtpx.wire.transcript import Transcript, to_log

if TYPE_CHECKING:
    _ServerFactory = ServerFactory[SMTPServer]
else:
    _ServerFactory = ServerFactory  # which takes no parameter before Twisted 25


class SMTPServerFactory(_ServerFactory):
    """
    A server, for any endpoint.

    Attributes:
        stopping: Whether new transactions are refused.
        connections: Those that are open.
        descriptors: Learns of each, where a service listens.

    Args:
        backend: An `txsmtpx.interfaces.IBackend`.
        domain: What the server calls itself.
        lmtp: Speak LMTP (RFC 2033).
        extensions: What is offered; None for those that the library honours alone, and those that the backend
            declares in its ``supports``.  STARTTLS and AUTH are left out where there is nothing to them.
        tls: For STARTTLS: a `Certificate`, or anything with ``getContext``, such as ``CertificateOptions``.
        require_tls: 530 until STARTTLS (RFC 3207 §4).
        require_auth: 530 until AUTH (RFC 4954 §6).
        allow_insecure_auth: Offer AUTH in the clear.
        without_mechanisms: Names of SASL mechanisms that are neither offered nor accepted, such as ``{"LOGIN"}``.
        read_timeout: Seconds to wait for the peer's next line or octets (RFC 5321 §4.5.3.2.7: at least 300).
        write_timeout: Seconds to wait for a peer that does not read.
        message_timeout: Seconds that a message may take from 354 to its end.
        greeting_delay: Seconds before the greeting (RFC 5321 §3.1); who speaks before it is sent away with 554.
        trusted_networks: Such as "10.0.0.0/8": who may say by XCLIENT and XFORWARD that he speaks for another.
        max_connections: At most, 0 for any number; the next is told 421.
        max_connections_per_host: Likewise for one client, an IPv4 address or an IPv6 network of 64 bits; peers
            in ``trusted_networks`` may have any number, but those they speak for by XCLIENT may not.
        transcript: True for every line in the log, or a function (`Transcript`).
        observers: Those who watch, each an `txsmtpx.interfaces.IServerObserver`.
        reactor: Its clock; the global one by default.
        settings: Those of `Settings` that are not named here: ``max_message_bytes``, ``max_recipients``,
            ``max_transactions``, ``max_recipient_domains``, ``max_errors``,
            ``max_line_length``, ``max_auth_failures``, ``auth_failure_delay``, ``delivery_timeout``,
            ``ident``, ``bare_newlines``, ``outcome_policy``, ``delivery_timed_out``.

    Raises:
        ValueError: A setting makes no sense.
        TypeError: There is no such setting.
    """

    noisy = False

    def __init__(
        self,
        backend: Any,
        *,
        domain: str = "localhost",
        lmtp: bool = False,
        extensions: Sequence[Extension] | None = None,
        tls: Any = None,
        require_tls: bool = False,
        require_auth: bool = False,
        allow_insecure_auth: bool = False,
        without_mechanisms: Collection[str] = (),
        read_timeout: float = 300,
        write_timeout: float = 300,
        message_timeout: float = 3600,
        greeting_delay: float = 0,
        trusted_networks: Sequence[str] = (),
        max_connections: int = 0,
        max_connections_per_host: int = 0,
        transcript: Transcript | bool = False,
        observers: Iterable[Any] = (),
        reactor: Any = None,
        **settings: Any,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self.tls = adopt(tls)
        offered = mechanisms.satisfied_by(backend, require_auth, without_mechanisms)
        if extensions is None:
            extensions = registry.offered_with(getattr(backend, "supports", ()))
        useless = _useless(self.tls is not None, bool(offered), bool(trusted_networks))
        available = [each for each in extensions if each.keyword not in useless]
        self.settings = Settings(
            backend=backend,
            domain=to_a_label(domain),  # RFC 6531 §3.7.1
            clock=reactor,
            from_thread=_from_thread(reactor),
            tables=Tables([LMTP if lmtp else SMTP, *available], known=registry.KNOWN),
            mechanisms=offered,
            lmtp=lmtp,
            require_tls=require_tls,
            require_auth=require_auth,
            tls_available=self.tls is not None,
            allow_insecure_auth=allow_insecure_auth,
            trusted_networks=tuple(plain_network(str(network)) for network in trusted_networks),
            observers=Observers(observers),
            **settings,
        )
        self.read_timeout = read_timeout
        self.write_timeout = write_timeout
        self.message_timeout = message_timeout
        self.greeting_delay = greeting_delay
        self.max_connections = max_connections
        self.max_connections_per_host = max_connections_per_host
        self.transcript = (to_log if transcript else None) if isinstance(transcript, bool) else transcript
        self.stopping = False
        self.descriptors: Descriptors | None = None
        self.connections: set[SMTPServer] = set()
        self._per_host: Counter[str] = Counter()
        self._drained: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> SMTPServer:
        """A connection."""
        return SMTPServer(self)

    def admit(self, connection: SMTPServer) -> bool:
        """Whether one more connection is taken; it counts until `dismiss` in any case."""
        self.connections.add(connection)
        if self.descriptors is not None:
            self.descriptors.taken(connection.transport)
        return not self.stopping and not 0 < self.max_connections < len(self.connections)

    def admit_host(self, host: str) -> bool:
        """Whether one more connection of ``host`` is taken, which then counts."""
        if host and 0 < self.max_connections_per_host <= self._per_host[host]:
            return False
        self._per_host[host] += 1
        return True

    def dismiss(self, connection: SMTPServer, host: str | None) -> None:
        """``connection`` has gone; it counted for ``host``."""
        self.connections.discard(connection)
        self.dismiss_host(host)
        if self._drained is not None and not self.connections:
            drained, self._drained = self._drained, None
            drained.callback(None)

    def dismiss_host(self, host: str | None) -> None:
        """A connection does not count for ``host`` any more."""
        if host is not None:
            self._per_host[host] -= 1
            if not self._per_host[host]:
                del self._per_host[host]

    def drain(self, timeout: float) -> Deferred[None]:
        """
        End every connection: the idle are told 421, the others when their transaction is done, or aborted.

        Args:
            timeout: Seconds until then.

        Returns:
            Fires when none is left.
        """
        self.stopping = True
        for connection in list(self.connections):
            connection.goodbye()
        if not self.connections:
            return succeed(None)
        drained = self._drained = Deferred[None]()
        deadline = self.settings.clock.callLater(timeout, self.abort)

        def over(result: None) -> None:
            if deadline.active():
                deadline.cancel()

        return drained.addCallback(over)

    def resume(self) -> None:
        """Take connections again, after `drain`."""
        self.stopping = False

    def abort(self) -> None:
        """Hang up on everybody, now."""
        for connection in list(self.connections):
            connection.abort()


def _useless(tls: bool, logins: bool, proxies: bool) -> set[str]:
    """Keywords of extensions that would promise what a server without these has not."""
    useless = set() if tls else {"STARTTLS"}
    useless |= set() if logins else {"AUTH"}
    useless |= set() if proxies else {"XCLIENT", "XFORWARD"}
    return useless


def _from_thread(reactor: Any) -> Any:
    """``callFromThread`` of ``reactor``; a clock that is no reactor has none, the global one lends it its own."""
    if not hasattr(reactor, "callFromThread"):
        from twisted.internet import reactor
    return reactor.callFromThread
