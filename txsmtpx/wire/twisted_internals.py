"""
Every use of a name that Twisted keeps private, or does not document: endpoints, TLS, PROXY, reactors.

Twisted may change such a name in any release, without notice.  So no other file of the package uses one, but for
`txsmtpx.wire.twisted_socket_internals`, which has sockets; a test reads the source of all of them.  Each
function and class of these two files says why it is needed.  Each has a test in
`tests/wire`, in the file of the same name, that fails when Twisted changes what is used.

The releases of Twisted that were read are 24.11, the oldest that the package supports, 25.5 and 26.10.  Where they
differ, the docstring says how.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar, cast

from OpenSSL import SSL
from twisted.internet import _sslverify
from twisted.internet._sslverify import IOpenSSLTrustRoot
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAcceptableCiphers, IReactorCore
from twisted.logger import ILogObserver, globalLogPublisher
from twisted.protocols.haproxy._wrapper import HAProxyProtocolWrapper
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from twisted.internet.epollreactor import EPollReactor

# Why: Twisted documents `IOpenSSLTrustRoot` as the type of ``trustRoot``, and the class of the wrapper as what the
# endpoint `proxyEndpoint` makes.  No public module has them.
__all__ = ["HAProxyProtocolWrapper", "IOpenSSLTrustRoot"]

W = TypeVar("W", bound=HAProxyProtocolWrapper)


# ---- Client endpoints


BindAddress = str | tuple[str | bytes, int] | None
"""The address of the client's end, as `TCP4ClientEndpoint` takes it; None for any."""


class TCPDestination(NamedTuple):
    """
    What the endpoint of a string such as ``tcp:HOST:PORT`` was made with.

    Attributes:
        host: A name or an IP address.
        port: The port.
        timeout: Seconds for a connection.
        bind_address: The address of the client's end.
    """

    host: str
    port: int
    timeout: float
    bind_address: BindAddress


def tcp_destination(endpoint: object) -> TCPDestination:
    """
    Return where a TCP endpoint of Twisted connects to.

    Why: failover tries the addresses of a host one after the other, until a server greets and starts TLS.  An endpoint
    stops at the first connection.  Twisted parses the string, and its endpoints have no public attributes.  Read in
    Twisted 24.11, 25.5 and 26.10.

    Args:
        endpoint: What ``clientFromString`` returns for ``tcp:``.

    Returns:
        The arguments of the endpoint.
    """
    made = cast(_TCPEndpoint, endpoint)
    return TCPDestination(endpoint_host(endpoint), made._port, made._timeout, made._bindAddress)


class _TCPEndpoint(Protocol):
    _port: int
    _timeout: float
    _bindAddress: BindAddress


def endpoint_host(endpoint: object) -> str:
    """
    Return the host that a client endpoint connects to: the name that a certificate is verified for.

    Why: see `tcp_destination`.  `HostnameEndpoint` has `_hostText`, the others `_host`, which may be bytes.

    Args:
        endpoint: Any client endpoint.

    Returns:
        A name or an IP address; "" if the endpoint has none, or is not one of Twisted's.
    """
    host: str | bytes = getattr(endpoint, "_hostText", "") or getattr(endpoint, "_host", "")
    return host.decode("ascii") if isinstance(host, bytes) else host


def unix_path(endpoint: object) -> str | None:
    """
    Return the path that a client endpoint connects to.

    Why: to a UNIX socket the default is no TLS, and an empty path is refused.

    Args:
        endpoint: Any client endpoint.

    Returns:
        The path; None if the endpoint is not a `UNIXClientEndpoint`.
    """
    path: str | None = getattr(endpoint, "_path", None)
    return path


# ---- Contexts of TLS


def set_tls_defaults(ciphers: IAcceptableCiphers, set_alpn: Callable[[SSL.Context, Sequence[bytes]], None]) -> None:
    """
    Change the cipher suites and the answer to ALPN of all contexts that Twisted makes from now on, in the process.

    Why: an endpoint string (``ssl:``, ``tls:``, ``txsni:``) has no option for either, and its parser makes a context
    each time it reads a certificate.  Twisted 24.11 and 25.5 leave ALPN alone.  26.10 ends the handshake if no protocol
    fits.

    Args:
        ciphers: The suites, in the place of Twisted's `defaultCiphers`.
        set_alpn: Sets the callback of a context, in the place of Twisted's `setupForALPN`.
    """
    _sslverify.defaultCiphers = ciphers
    if hasattr(_sslverify, "setupForALPN"):
        _sslverify.setupForALPN = set_alpn  # type: ignore[assignment]  # its arguments are given by position


def tls_protocol(connection: SSL.Connection) -> TLSMemoryBIOProtocol | None:
    """
    Return the protocol of Twisted that a connection of OpenSSL belongs to.

    Why: the answer to ALPN depends on the factory of the port.  The callback of OpenSSL gets the connection only.  In
    Twisted 26.10 its application data are that protocol.  In 24.11 and 25.5 a connection may have none.

    Args:
        connection: A connection, in its handshake.

    Returns:
        The protocol; None if the connection has none.
    """
    data = connection.get_app_data()
    return data if isinstance(data, TLSMemoryBIOProtocol) else None


# ---- The wrapper of the PROXY protocol


def convert_proxy_wrapper(transport: object, kind: type[W]) -> W | None:
    """
    Change the class of the wrapper that reads the PROXY header of a connection.

    Why: Twisted's wrapper connects what it wraps before the header has come, and its parsers have faults
    (docs/upstream/haproxy.md).  It has no place for another parser.  An endpoint string, an endpoint of a user, and TLS
    above or below may all have put it there, so the server converts the wrapper that it finds, before the first octet
    arrives.

    Args:
        transport: The transport of the server, to which no octet has come yet.
        kind: A subclass of `HAProxyProtocolWrapper` without attributes of its own in ``__init__``.

    Returns:
        The wrapper, now of that class; None if there is no wrapper between the server and the socket.
    """
    below: object = transport
    while below is not None:
        if isinstance(below, HAProxyProtocolWrapper):
            below.__class__ = kind
            return cast(W, below)
        below = getattr(below, "transport", None)
    return None


# ---- The log

LOG_OBSERVERS: list[ILogObserver] = globalLogPublisher._observers
"""
The observers of the log, in the list that Twisted changes in place.

Why: a server that logs a line for each message need not create an event for each, if only the file of the log is
written.  The publisher has no public method for that.  Read in Twisted 24.11, 25.5 and 26.10.
"""


# ---- The reactors


def dispatch_events(reactor: EPollReactor, timeout: float | None) -> None:
    """
    Wait for events of epoll, and pass each one to the object that waits for it.

    Why: `EPollReactor.doPoll` sets up a log context for each event, which only the old `twisted.python.log` reads.
    docs/reactor.md has what that costs.  The rest is as in Twisted 24.11, 25.5 and 26.10, whose `epollreactor.py` is
    the same file.

    Args:
        reactor: The reactor.
        timeout: Seconds to wait at most; None for any time.
    """
    try:
        events = reactor._poller.poll(-1 if timeout is None else timeout, len(reactor._selectables))
    except InterruptedError:
        return
    for descriptor, event in events:
        selectable = reactor._selectables.get(descriptor)
        if selectable is not None:  # an event before this one may have closed it
            reactor._doReadOrWrite(selectable, descriptor, event)


def loop_of(reactor: object) -> AbstractEventLoop | None:
    """
    Return the loop of asyncio on which a reactor runs.

    Why: no public method of `AsyncioSelectorReactor` returns it.

    Args:
        reactor: A reactor, or anything else.

    Returns:
        The loop; None if it is no reactor of asyncio.
    """
    from twisted.internet.asyncioreactor import AsyncioSelectorReactor  # few programs need it

    return reactor._asyncioEventloop if isinstance(reactor, AsyncioSelectorReactor) else None


class _Waker(Protocol):
    def connectionLost(self, reason: Failure) -> None: ...


class _Wakeable(Protocol):
    waker: _Waker


def close_waker(reactor: IReactorCore) -> None:
    """
    Close the descriptors by which other threads wake a reactor.

    Why: a reactor that has stopped keeps them.  A program that runs one in a thread would leave them open.

    Args:
        reactor: A reactor that has stopped and does not run again.
    """
    cast(_Wakeable, reactor).waker.connectionLost(Failure(ConnectionDone()))
