"""One query to a name server, by UDP or by TCP (RFC 1035, RFC 7766)."""

from __future__ import annotations

from typing import cast

from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IReactorTime, IReactorUDP, ITCPTransport
from twisted.internet.protocol import DatagramProtocol, connectionDone
from twisted.names import dns
from twisted.protocols.basic import Int16StringReceiver
from twisted.python.failure import Failure

from txsmtpx.wire.udp_port import udp_port
from txsmtpx.wire.unlogged_factory import UnloggedFactory


class UnusableAnswer(Exception):
    """The octets that a name server sent are not an answer to the query."""


async def by_udp(reactor: IReactorTime, server: tuple[str, int], query: dns.Query) -> dns.Message:
    """
    Ask a name server by UDP.

    Args:
        reactor: Provides sockets.
        server: Its address and port.
        query: The query.

    Returns:
        The answer, which may be truncated.

    Raises:
        UnusableAnswer: The octets that it sends are no answer.
        ConnectionRefusedError: No server listens there.
    """
    octets = _encoded(query)
    datagrams = _Datagrams(octets[:2])
    interface = "::" if isIPv6Address(server[0]) else ""
    port = udp_port(cast(IReactorUDP, reactor), datagrams, interface)
    try:
        port.connect(*server)
        port.write(octets)
        return _decoded(server[0], query, await datagrams.answer)
    finally:
        datagrams.answer.addErrback(lambda failure: None)  # nothing waits for it any more
        port.stopListening()


async def by_tcp(reactor: IReactorTime, server: tuple[str, int], query: dns.Query, seconds: float) -> dns.Message:
    """
    Ask a name server by TCP.

    Args:
        reactor: Provides sockets.
        server: Its address and port.
        query: The query.
        seconds: Seconds for the connection.

    Returns:
        The answer.

    Raises:
        UnusableAnswer: The octets that it sends are no answer.
    """
    kind = TCP6ClientEndpoint if isIPv6Address(server[0]) else TCP4ClientEndpoint
    made = kind(reactor, *server, seconds).connect(UnloggedFactory.forProtocol(_Stream))
    stream = cast(_Stream, await made)
    try:
        stream.sendString(_encoded(query))  # type: ignore[no-untyped-call]
        return _decoded(server[0], query, await stream.answer)
    finally:
        stream.transport.abortConnection()


def _encoded(query: dns.Query) -> bytes:
    """Return a message with a query, a random ID, recursion desired, and the question whether the answer is secure."""
    message = dns.Message(dns.randomSource(), recDes=1, authenticData=1)
    message.queries = [query]
    return message.toStr()


def _decoded(server: str, query: dns.Query, octets: bytes) -> dns.Message:
    """
    Decode an answer.

    Args:
        server: The name server, for error messages.
        query: What it was asked.
        octets: What it sent.

    Returns:
        The answer.

    Raises:
        UnusableAnswer: The octets are malformed, or do not answer the query.
    """
    message = dns.Message()
    try:
        message.fromStr(octets)
    except Exception as error:  # of several classes
        raise UnusableAnswer(f"{server} answers with malformed octets") from error
    echoed = message.queries == [query]  # RFC 1035 §4.1.2; a server that cannot read the query may not repeat it
    if not message.answer or not (echoed or (not message.queries and message.rCode not in (dns.OK, dns.ENAME))):
        raise UnusableAnswer(f"{server} answers another question")
    return message


class _Datagrams(DatagramProtocol):
    """
    Waits for one answer by UDP.

    Attributes:
        answer: Fires with the octets of the answer.

    Args:
        number: The ID of the query, two octets.
    """

    noisy = False

    def __init__(self, number: bytes) -> None:
        self.answer: Deferred[bytes] = Deferred()
        self._number = number

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Take the first message with the ID of the query."""
        if datagram[:2] == self._number and not self.answer.called:
            self.answer.callback(datagram)

    def connectionRefused(self) -> None:
        """Fail: no server listens on that port.  Reactors that use poll or select call this."""
        if not self.answer.called:
            self.answer.errback(ConnectionRefusedError())

    def stopProtocol(self) -> None:
        """Fail: the socket is closed.  A reactor that uses epoll closes it if no server listens on that port."""
        self.connectionRefused()


class _Stream(Int16StringReceiver):
    """
    Waits for one answer by TCP (RFC 7766).

    Attributes:
        answer: Fires with the octets of the answer.
    """

    transport: ITCPTransport

    def __init__(self) -> None:
        self.answer: Deferred[bytes] = Deferred()

    def stringReceived(self, string: bytes) -> None:
        """Take the first message."""
        if not self.answer.called:
            self.answer.callback(string)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail, if no answer has come."""
        if not self.answer.called:
            self.answer.errback(reason)
