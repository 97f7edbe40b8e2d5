"""
Failover among the servers that an endpoint stands for, and among the addresses of each: RFC 5321 §5.1, RFC 8305.

Theory of operation.  The hosts are tried in their order.  For each host there is a race among its addresses.  The
connection that wins is then prepared: txsmtpx.connect reads the greeting, sends EHLO, and starts TLS where that is
required.  If that fails, the addresses that have not failed race again.  After the last address the next host is tried.
So a connection that is established does not end the failover; only a connection that is ready does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from txsmtpx.errors import DeliveryError, NetworkError, NotOffered, ProtocolError, SMTPError
from txsmtpx.wire.address_lookup import AddressLookup
from txsmtpx.wire.dns_records import NoSuchDomain
from txsmtpx.wire.race import Race

MAX_HOSTS = 20
"""Exchangers of a domain that are tried.  Exim tries 5 hosts, and at most 50 (hosts_max_try_hardlimit)."""

MAX_ADDRESSES = 10
"""Addresses of a host that are tried.  Postfix tries 5 in all (smtp_mx_address_limit)."""

UNUSABLE = (SMTPError, NotOffered, ProtocolError, ConnectError, ConnectionClosed)
"""Errors of a server or of the network, after which another server is tried.  All others are errors of the caller."""

T = TypeVar("T")

Dial = Callable[[str], Deferred[Any]]
"""Connects to an address."""


@dataclass(frozen=True)
class Attempt:
    """
    A server that was tried and could not be used.

    Attributes:
        host: Its name, such as that of the exchanger.
        address: Its IP address, "" where none is known.
        error: The reason.
    """

    host: str
    address: str
    error: Exception

    def __str__(self) -> str:
        at = f" [{self.address}]" if self.address not in ("", self.host) else ""
        return f"{self.host}{at}: {self.error}"


class AllServersFailed(NetworkError, ConnectError):
    """
    None of several servers can be used.  The text has the reply or the error of each.

    It is temporary unless each of the servers has failed permanently.

    Attributes:
        domain: The domain or host whose servers were tried.
        attempts: The servers that were tried, in their order.

    Args:
        domain: The domain or host.
        attempts: The servers that were tried.

    Example:
        >>> attempt = Attempt("mx.example.org", "192.0.2.1", SMTPError(554, None, "No service", command="greeting"))
        >>> error = AllServersFailed("example.org", [attempt])
        >>> error.temporary
        False
        >>> print(error)
        no mail server of example.org can be used: mx.example.org [192.0.2.1]: greeting: 554 5.0.0 No service
    """

    command = "connect"

    def __init__(self, domain: str, attempts: Sequence[Attempt]) -> None:
        Exception.__init__(self, domain, attempts)
        self.domain = domain
        self.attempts: tuple[Attempt, ...] = tuple(attempts)
        self.temporary: bool = any(getattr(attempt.error, "temporary", True) for attempt in self.attempts)

    def __str__(self) -> str:
        return f"no mail server of {self.domain} can be used: {'; '.join(map(str, self.attempts))}"


class Servers(Protocol):
    """The servers that an endpoint stands for."""

    async def choose(self, failover: Failover[T]) -> T:
        """
        Run a failover among the servers.

        Args:
            failover: The failover.

        Returns:
            Its result.
        """

    def addresses(self, host: str) -> AddressLookup:
        """
        Begin to look up the addresses of one host.

        Args:
            host: The host.

        Returns:
            The look-up.
        """

    def endpoint(self, address: str) -> IStreamClientEndpoint:
        """
        Return the endpoint of one address.

        Args:
            address: The address.

        Returns:
            The endpoint.
        """


class SingleServer:
    """
    An endpoint that stands for one server, whose name and address are not known.

    Args:
        reactor: The reactor.
        endpoint: The endpoint.
    """

    def __init__(self, reactor: IReactorTime, endpoint: IStreamClientEndpoint) -> None:
        self._reactor = reactor
        self._endpoint = endpoint

    async def choose(self, failover: Failover[T]) -> T:
        """
        Connect.

        Args:
            failover: The failover.

        Returns:
            The result of the failover.
        """
        return await failover.run("", [""])

    def addresses(self, host: str) -> AddressLookup:
        """
        Return one address, which is empty.

        Args:
            host: The host, which is empty too.

        Returns:
            A look-up that is over.
        """
        return AddressLookup(self._reactor, [succeed([""])])

    def endpoint(self, address: str) -> IStreamClientEndpoint:
        """
        Return the endpoint.

        Args:
            address: The address, which is empty.

        Returns:
            The endpoint.
        """
        return self._endpoint


class Failover(Generic[T]):
    """
    One search for a server that can be used.

    Attributes:
        attempts: What has failed so far.

    Args:
        reactor: Measures delays.
        lookup: Begins to look up the addresses of a host.
        dial: Takes the name of a host; returns a function that connects to an address of it.
        prepare: Takes a connection and the name of its host; makes the connection ready.  If it raises an error of
            UNUSABLE, the next address is tried.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        lookup: Callable[[str], AddressLookup],
        dial: Callable[[str], Dial],
        prepare: Callable[[Any, str], Awaitable[T]],
    ) -> None:
        self.attempts: list[Attempt] = []
        self._reactor = reactor
        self._lookup = lookup
        self._dial = dial
        self._prepare = prepare

    async def run(self, domain: str, hosts: Sequence[str]) -> T:
        """
        Try the hosts.

        Args:
            domain: What the hosts belong to, for error messages.
            hosts: Their names, the preferred one first.

        Returns:
            The result of prepare for the first server that can be used.

        Raises:
            NoSuchDomain: None of the hosts has an address, and all of them were looked up.
            AllServersFailed: None of several servers can be used.
            Exception: The error of the server, where only one was tried; or an error that is not of UNUSABLE.
        """
        for host in hosts[:MAX_HOSTS]:
            addresses = self._lookup(host)
            try:
                ready = await self._host(host, addresses, self._dial(host))
            finally:
                addresses.stop()
            if ready is not None:
                return ready
        if len(hosts) > MAX_HOSTS:
            self.attempts.append(Attempt(hosts[MAX_HOSTS], "", _untried(MAX_HOSTS, "servers")))
        if all(isinstance(attempt.error, NoSuchDomain) for attempt in self.attempts):
            raise NoSuchDomain(f"{domain} has no mail server with an address")
        if len(self.attempts) == 1:
            error = self.attempts[0].error
            if isinstance(error, DeliveryError):
                error.server = self.attempts[0].host
            raise error
        raise AllServersFailed(domain, self.attempts)

    async def _host(self, host: str, addresses: AddressLookup, dial: Dial) -> T | None:
        """Try all addresses of a host; return None if none can be used."""
        tried: dict[str, None] = {}
        while found := await addresses.next_batch():
            new = [each for each in dict.fromkeys(found) if each not in tried]
            new, more = new[: MAX_ADDRESSES - len(tried)], new[MAX_ADDRESSES - len(tried) :]
            tried.update(dict.fromkeys(new))
            ready = await self._addresses(host, new, dial)
            if ready is not None:
                return ready
            self.attempts += [Attempt(host, each, _untried(MAX_ADDRESSES, "addresses")) for each in more[:1]]
        if not tried:
            self.attempts.append(Attempt(host, "", _no_address(host, addresses.failures)))
        return None

    async def _addresses(self, host: str, addresses: Sequence[str], dial: Dial) -> T | None:
        """Try some addresses of a host; return None if none can be used."""
        while addresses:
            race = Race(self._reactor, addresses, dial)
            winner = await race.run()
            addresses = race.left
            self.attempts += [Attempt(host, address, error) for address, error in race.failures]
            if winner is None:
                for _, error in race.failures:
                    if not isinstance(error, UNUSABLE):
                        raise error
                break
            address, connection = winner
            try:
                return await self._prepare(connection, host)
            except UNUSABLE as error:
                self.attempts.append(Attempt(host, address, error))
        return None


def _untried(most: int, what: str) -> Exception:
    """Return the error of a server that is one too many.  It is temporary, for that server has not failed."""
    return NetworkError.like(ConnectError, f"not tried after {most} {what}", "connect")


def _no_address(host: str, failures: Sequence[Exception]) -> Exception:
    """Return the reason why a host has no address.  The lack of an answer counts more than a negative answer."""
    unanswered = [failure for failure in failures if not isinstance(failure, NoSuchDomain)]
    return unanswered[0] if unanswered else NoSuchDomain(f"{host} has no address")
