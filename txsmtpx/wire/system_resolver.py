"""
A resolver that asks the name servers of this machine (RFC 1035), by UDP and TCP.

Theory of operation.  twisted.names.client.getResolver reads the clock of the global reactor and keeps a timer for ever.
It leaves timers behind when a query is cancelled, and asks a second name server only if the first one is silent.  This
resolver uses the messages of twisted.names.dns.  The rest works as in the resolver of the C library:

  1. /etc/hosts answers for addresses.
  2. The name servers of /etc/resolv.conf are asked in their order.  The next server is asked if a server is silent,
     cannot be reached, or answers with SERVFAIL, REFUSED or malformed octets.
  3. Servers that were silent are asked again, as often as "attempts" allows.

Each query has a socket of its own, on a port chosen by the system, and a random ID (RFC 5452 §9).  The socket is
connected, so datagrams from other addresses are not received.

Each query asks whether the name server has validated the answer by DNSSEC (the AD bit, RFC 6840 §5.7).  An answer is
secure if it has that bit and the server is trusted to set it: a server of this machine, or any with ``trust-ad`` in
resolv.conf(5).  Between other servers and this machine anyone could set the bit.

SERVFAIL is what a server that validates answers if records are forged.  So if a trusted server answers that, or is
silent, servers that are not trusted are not asked.  Otherwise the forged records would be accepted from them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.names import dns, hosts
from twisted.names.error import DNSNameError, DNSQueryTimeoutError, DNSServerError, DomainError

from txsmtpx.grammar import asciitext
from txsmtpx.wire.description import is_loopback
from txsmtpx.wire.dns_query import UnusableAnswer, by_tcp, by_udp

Answer = tuple[Sequence[dns.RRHeader], Sequence[dns.RRHeader], Sequence[dns.RRHeader]]
"""The records of the answer, authority and additional sections, as resolvers of twisted.names return them."""

TLSA = 52
"""The type of TLSA records (RFC 6698 §2), which twisted.names does not have."""

MAX_SERVERS = 3
"""Name servers that are used: MAXNS of the C library."""

RCODES = {dns.EFORMAT: "FORMERR", dns.ESERVER: "SERVFAIL", dns.ENOTIMP: "NOTIMP", dns.EREFUSED: "REFUSED"}
"""The names of response codes (RFC 1035 §4.1.1)."""


class LookedUp(NamedTuple):
    """
    The result of a query.

    Attributes:
        answer: The records.
        secure: True if a trusted name server has validated them by DNSSEC.
    """

    answer: Answer
    secure: bool = False


@dataclass(frozen=True)
class Configuration:
    """
    The settings of resolv.conf(5).

    Attributes:
        servers: Addresses and ports of name servers.
        timeout: Seconds to wait for one answer.
        attempts: How often a silent server is asked.
        trust_ad: Trust each server to validate by DNSSEC, not only those of this machine.
    """

    servers: Sequence[tuple[str, int]]
    timeout: float = 5.0
    attempts: int = 2
    trust_ad: bool = False

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
        trust_ad = False
        for words in map(asciitext.words, text.split("\n")):
            if words[:1] == ["nameserver"] and len(words) > 1:
                servers.append((words[1], dns.PORT))
            elif words[:1] == ["options"]:
                trust_ad = trust_ad or "trust-ad" in words
                for name, _, number in (word.partition(":") for word in words[1:]):
                    if name in options and asciitext.is_number(number) and int(number):
                        options[name] = int(number)
        found = servers[:MAX_SERVERS] or [("127.0.0.1", dns.PORT)]
        # the maxima are those of the C library
        return cls(found, min(options["timeout"], 30), min(options["attempts"], 5), trust_ad)

    def trusts(self, server: tuple[str, int]) -> bool:
        """
        Return whether the AD bit of a server counts.

        Args:
            server: Its address and port.

        Returns:
            True for a server of this machine, or if all are trusted.
        """
        return self.trust_ad or is_loopback(server[0])


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
        return Deferred.fromCoroutine(self._records(name, dns.MX))

    def lookupAddress(self, name: str) -> Deferred[Answer]:
        """
        Look up A records.

        Args:
            name: The name of a host.

        Returns:
            A Deferred of the sections of the answer.
        """
        return Deferred.fromCoroutine(self._records(name, dns.A))

    def lookupIPV6Address(self, name: str) -> Deferred[Answer]:
        """
        Look up AAAA records.

        Args:
            name: The name of a host.

        Returns:
            A Deferred of the sections of the answer.
        """
        return Deferred.fromCoroutine(self._records(name, dns.AAAA))

    def lookupPointer(self, name: str) -> Deferred[Answer]:
        """
        Look up PTR records.

        Args:
            name: The name below in-addr.arpa or ip6.arpa that stands for an address.

        Returns:
            A Deferred of the sections of the answer.
        """
        return Deferred.fromCoroutine(self._records(name, dns.PTR))

    def lookupText(self, name: str) -> Deferred[Answer]:
        """
        Look up TXT records.

        Args:
            name: A domain.

        Returns:
            A Deferred of the sections of the answer.
        """
        return Deferred.fromCoroutine(self._records(name, dns.TXT))

    def look_up(self, name: str, kind: int) -> Deferred[LookedUp]:
        """
        Look up records of any type, and whether they are secure.

        Args:
            name: A name.
            kind: The type of the records, such as `TLSA`.

        Returns:
            A Deferred of the records.
        """
        in_file = {dns.A: self._hosts.lookupAddress, dns.AAAA: self._hosts.lookupIPV6Address}.get(kind)
        found = self._ask_servers(name, kind) if in_file is None else self._look_up_address(name, in_file, kind)
        return Deferred.fromCoroutine(found)

    async def _records(self, name: str, kind: int) -> Answer:
        return (await self.look_up(name, kind)).answer

    async def _look_up_address(self, name: str, in_file: Callable[[str], Deferred[Answer]], kind: int) -> LookedUp:
        try:
            return LookedUp(await in_file(name))
        except (DomainError, OSError):  # the file does not have the name, or does not exist
            return await self._ask_servers(name, kind)

    async def _ask_servers(self, name: str, kind: int) -> LookedUp:
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
        only_trusted = False  # an answer may be bogus, and a server that does not validate would deliver it
        for _ in range(configuration.attempts):
            for server in list(silent):
                trusted = configuration.trusts(server)
                if only_trusted and not trusted:
                    continue
                try:
                    message = await self._ask(server, query, configuration.timeout)
                    records = (message.answers, message.authority, message.additional)
                    return LookedUp(records, bool(message.authenticData) and trusted)
                except (DNSNameError, CancelledError):
                    raise
                except DNSQueryTimeoutError as error:
                    why = error
                    only_trusted = only_trusted or trusted
                except Exception as error:  # of many classes; the next server may answer
                    why = error
                    silent.remove(server)
                    only_trusted = only_trusted or (trusted and isinstance(error, DNSServerError))  # SERVFAIL
        raise why

    async def _ask(self, server: tuple[str, int], query: dns.Query, seconds: float) -> dns.Message:
        """Ask one name server.  Only NOERROR and NXDOMAIN are answers."""
        answer = await self._within(seconds, by_udp(self._reactor, server, query))
        if answer.trunc:
            answer = await self._within(seconds, by_tcp(self._reactor, server, query, seconds))
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
        return answer

    def _within(
        self, seconds: float, asking: Coroutine[Deferred[object], object, dns.Message]
    ) -> Deferred[dns.Message]:
        def silent(_: object, __: float) -> NoReturn:
            raise DNSQueryTimeoutError(0)

        return Deferred.fromCoroutine(asking).addTimeout(seconds, self._reactor, silent)
