"""
A resolver for MX, A, AAAA, PTR and TXT records that asks the name servers of this machine (RFC 1035), by UDP and TCP.

Theory of operation.  twisted.names.client.getResolver reads the clock of the global reactor and keeps a timer for ever.
It leaves timers behind when a query is cancelled, and asks a second name server only if the first one is silent.  This
resolver uses the messages of twisted.names.dns.  The rest works as in the resolver of the C library:

  1. /etc/hosts answers for addresses.
  2. The name servers of /etc/resolv.conf are asked in their order.  The next server is asked if a server is silent,
     cannot be reached, or answers with SERVFAIL, REFUSED or malformed octets.
  3. Servers that were silent are asked again, as often as "attempts" allows.

Each query has a socket of its own, on a port chosen by the system, and a random ID (RFC 5452 §9).  The socket is
connected, so datagrams from other addresses are not received.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, cast

from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IReactorTime, IReactorUDP, ITCPTransport
from twisted.internet.protocol import DatagramProtocol, connectionDone
from twisted.names import dns, hosts
from twisted.names.error import DNSNameError, DNSQueryTimeoutError, DNSServerError, DomainError
from twisted.protocols.basic import Int16StringReceiver
from twisted.python.failure import Failure

from txsmtpx.grammar import asciitext
from txsmtpx.wire.udp_port import udp_port
from txsmtpx.wire.unlogged_factory import UnloggedFactory

Answer = tuple[Sequence[dns.RRHeader], Sequence[dns.RRHeader], Sequence[dns.RRHeader]]
"""The records of the answer, authority and additional sections, as resolvers of twisted.names return them."""

MAX_SERVERS = 3
"""Name servers that are used: MAXNS of the C library."""

RCODES = {dns.EFORMAT: "FORMERR", dns.ESERVER: "SERVFAIL", dns.ENOTIMP: "NOTIMP", dns.EREFUSED: "REFUSED"}
"""The names of response codes (RFC 1035 §4.1.1)."""


class UnusableAnswer(Exception):
    """The octets that a name server sent are not an answer to the query."""


@dataclass(frozen=True)
class Configuration:
    """
    The settings of resolv.conf(5).

    Attributes:
        servers: Addresses and ports of name servers.
        timeout: Seconds to wait for one answer.
        attempts: How often a silent server is asked.
    """

    servers: Sequence[tuple[str, int]]
    timeout: float = 5.0
    attempts: int = 2

    @classmethod
    def read(cls, path: str) -> Configuration:
        """
        Read a file in the format of resolv.conf(5).

        Args:
            path: The file.

        Returns:
            The settings.  If the file is missing or names no server, the server is 127.0.0.1.
        """
        try:
            text = Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        servers: list[tuple[str, int]] = []
        options = {"timeout": 5, "attempts": 2}
        for words in map(asciitext.words, text.split("\n")):
            if words[:1] == ["nameserver"] and len(words) > 1:
                servers.append((words[1], dns.PORT))
            elif words[:1] == ["options"]:
                for name, _, number in (word.partition(":") for word in words[1:]):
                    if name in options and asciitext.is_number(number) and int(number):
                        options[name] = int(number)
        found = servers[:MAX_SERVERS] or [("127.0.0.1", dns.PORT)]
        return cls(found, min(options["timeout"], 30), min(options["attempts"], 5))  # the maxima of the C library


class SystemResolver:
    """
    Looks up records as the machine is configured to.  MXEndpoint creates one if it is given no resolver.

    Args:
        reactor: Provides sockets and time.
        configuration: The name servers; None to read resolv_conf for each query.
        resolv_conf: The file with the name servers.
        hosts_file: The file with the addresses of hosts.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        configuration: Configuration | None = None,
        resolv_conf: str = "/etc/resolv.conf",
        hosts_file: str = "/etc/hosts",
    ) -> None:
        self._reactor = reactor
        self._configuration = configuration
        self._resolv_conf = resolv_conf
        self._hosts = hosts.Resolver(hosts_file.encode())

    def lookupMailExchange(self, name: str) -> Deferred[Answer]:
        """
        Look up MX records.

        Args:
            name: A domain.

        Returns:
            A Deferred of the sections of the answer.
        """
        return Deferred.fromCoroutine(self._ask_servers(name, dns.MX))

    def lookupAddress(self, name: str) -> Deferred[Answer]:
        """
        Look up A records.

        Args:
            name: The name of a host.

        Returns:
            A Deferred of the sections of the answer.
        """
        return Deferred.fromCoroutine(self._address(name, self._hosts.lookupAddress, dns.A))

    def lookupIPV6Address(self, name: str) -> Deferred[Answer]:
        """
        Look up AAAA records.

        Args:
            name: The name of a host.

        Returns:
            A Deferred of the sections of the answer.
        """
        return Deferred.fromCoroutine(self._address(name, self._hosts.lookupIPV6Address, dns.AAAA))

    def lookupPointer(self, name: str) -> Deferred[Answer]:
        """
        Look up PTR records.

        Args:
            name: The name below in-addr.arpa or ip6.arpa that stands for an address.

        Returns:
            A Deferred of the sections of the answer.
        """
        return Deferred.fromCoroutine(self._ask_servers(name, dns.PTR))

    def lookupText(self, name: str) -> Deferred[Answer]:
        """
        Look up TXT records.

        Args:
            name: A domain.

        Returns:
            A Deferred of the sections of the answer.
        """
        return Deferred.fromCoroutine(self._ask_servers(name, dns.TXT))

    async def _address(self, name: str, in_file: Callable[[str], Deferred[Answer]], kind: int) -> Answer:
        try:
            return await in_file(name)
        except (DomainError, OSError):  # the file does not have the name, or does not exist
            return await self._ask_servers(name, kind)

    async def _ask_servers(self, name: str, kind: int) -> Answer:
        """
        Ask the name servers, one after the other.

        Returns:
            The answer of the first that has one.

        Raises:
            DNSNameError: A name server has answered NXDOMAIN.  Its second argument is the answer.
            Exception: No name server has answered; the error of the last one.
        """
        configuration = self._configuration or Configuration.read(self._resolv_conf)
        query = dns.Query(name, kind, dns.IN)
        silent = list(configuration.servers)
        why: Exception = DNSServerError("no name server")
        for _ in range(configuration.attempts):
            for server in list(silent):
                try:
                    return await self._ask(server, query, configuration.timeout)
                except (DNSNameError, CancelledError):
                    raise
                except DNSQueryTimeoutError as error:
                    why = error
                except Exception as error:  # of many classes; the next server may answer
                    why = error
                    silent.remove(server)
        raise why

    async def _ask(self, server: tuple[str, int], query: dns.Query, seconds: float) -> Answer:
        """Ask one name server.  Only NOERROR and NXDOMAIN are answers."""
        answer = await self._within(seconds, self._by_udp(server, query))
        if answer.trunc:
            answer = await self._within(seconds, self._by_tcp(server, query, seconds))
        if answer.rCode not in (dns.OK, dns.ENAME):
            text = f"{server[0]} answers {RCODES.get(answer.rCode, answer.rCode)}"
            raise self._hosts.exceptionForCode(answer.rCode)(text)
        if answer.trunc:
            raise UnusableAnswer(f"{server[0]} truncates its answer, by TCP too")
        if answer.rCode == dns.ENAME:
            raise DNSNameError(f"{server[0]} answers NXDOMAIN", answer)
        kinds = {record.type for record in answer.authority}
        if not answer.answers and dns.NS in kinds and dns.SOA not in kinds:
            # RFC 2308 §2.2: that is a referral, not "no data".
            raise UnusableAnswer(f"{server[0]} refers to other name servers")
        return answer.answers, answer.authority, answer.additional

    def _within(
        self, seconds: float, asking: Coroutine[Deferred[object], object, dns.Message]
    ) -> Deferred[dns.Message]:
        def silent(_: object, __: float) -> NoReturn:
            raise DNSQueryTimeoutError(0)

        return Deferred.fromCoroutine(asking).addTimeout(seconds, self._reactor, silent)

    async def _by_udp(self, server: tuple[str, int], query: dns.Query) -> dns.Message:
        octets = _encoded(query)
        datagrams = _Datagrams(octets[:2])
        interface = "::" if isIPv6Address(server[0]) else ""
        port = udp_port(cast(IReactorUDP, self._reactor), datagrams, interface)
        try:
            port.connect(*server)
            port.write(octets)
            return _decoded(server[0], query, await datagrams.answer)
        finally:
            datagrams.answer.addErrback(lambda failure: None)  # nothing waits for it any more
            port.stopListening()

    async def _by_tcp(self, server: tuple[str, int], query: dns.Query, seconds: float) -> dns.Message:
        kind = TCP6ClientEndpoint if isIPv6Address(server[0]) else TCP4ClientEndpoint
        made = kind(self._reactor, *server, seconds).connect(UnloggedFactory.forProtocol(_Stream))
        stream = cast(_Stream, await made)
        try:
            stream.sendString(_encoded(query))  # type: ignore[no-untyped-call]
            return _decoded(server[0], query, await stream.answer)
        finally:
            stream.transport.abortConnection()


def _encoded(query: dns.Query) -> bytes:
    """Return a message with a query, a random ID, and recursion desired."""
    message = dns.Message(dns.randomSource(), recDes=1)
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
