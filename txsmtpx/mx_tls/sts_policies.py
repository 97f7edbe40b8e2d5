"""
The MTA-STS policies of domains: looked up, fetched, kept and refreshed (RFC 8461).

Theory of operation.  The record ``_mta-sts.DOMAIN`` has an id.  If the policy that is kept has the same id, it is used.
Otherwise the policy is fetched by HTTPS.  If that fails, or if there is no record any more, the policy that is kept is
used until it expires: whoever can change answers of the DNS cannot take it away (RFC 8461 §10.2).  A policy that is
used is fetched again after a day, or when half of its time has passed if that is sooner.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, cast

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.names import dns
from twisted.python.failure import Failure

from txsmtpx.dialog.fields import printable
from txsmtpx.errors import TLSFailed
from txsmtpx.grammar.mta_sts import STSPolicy, record_id
from txsmtpx.interfaces import Reactor, clock_of
from txsmtpx.mx_tls.sts_cache import KeptPolicy, STSCache
from txsmtpx.wire.client_tls import TLSResult, TrustRoots
from txsmtpx.wire.dns_hosts import DNSHosts
from txsmtpx.wire.dns_records import DNSFailed, Records
from txsmtpx.wire.failover import Failover
from txsmtpx.wire.ttl_cache import TTLCache
from txsmtpx.wire.uncancelled import uncancelled
from txsmtpx.wire.web_request import WebClient, WebError

log = Logger(__name__)

MOST_OCTETS = 65536
"""Octets of a policy that are read: RFC 8461 §3.3 recommends to accept 64 KB."""
TIMEOUT = 60.0
"""Seconds for the fetch of a policy: RFC 8461 §3.3 recommends one minute."""
PAUSE = 300.0
"""Seconds between two attempts to fetch a policy that has failed (RFC 8461 §3.3)."""
HOUR = 3600.0
DAY = 86400.0
AT_ONCE = 10
"""Policies that are read from files before the reactor has its turn."""
FAILURES = 10_000
"""Failed fetches that are remembered."""


class FoundPolicy(NamedTuple):
    """
    What is known of the policy of a domain.

    Attributes:
        text: The policy as it was fetched; "" for none.
        policy: The policy; None for none.
        failure: Why no new policy was fetched, as reports name it (RFC 8460 §4.3); None if none had to be.
        reason: The same in words.
    """

    text: str = ""
    policy: STSPolicy | None = None
    failure: TLSResult | None = None
    reason: str = ""


ABORTED = FoundPolicy(reason="the fetch was aborted")
"""The result of a fetch that `MTASTS.stop` has aborted: it is not known whether there is a policy."""


class PolicyFailed(Exception):
    """
    A policy cannot be fetched or read.

    Args:
        failure: The failure, as reports name it.
        reason: The failure in words.  Those of a web server are made printable.
    """

    def __init__(self, failure: TLSResult, reason: str) -> None:
        super().__init__(printable(reason[:500]))
        self.failure = failure


class DNSEndpoint:
    """
    A host whose addresses the given resolver looks up.

    Args:
        reactor: Connects, and provides time.
        records: Looks up records.
        host: The name.
        port: The port.
        timeout: Seconds for a connection to each address.
    """

    def __init__(self, reactor: IReactorTime, records: Records, host: str, port: int, timeout: float) -> None:
        self._reactor = reactor
        self._hosts = DNSHosts(reactor, records, port, timeout)
        self._host = host

    def connect(self, protocolFactory: IProtocolFactory, /) -> Deferred[IProtocol]:
        """
        Connect to the first address that accepts a connection.

        Args:
            protocolFactory: Makes the protocol.

        Returns:
            A Deferred of the protocol.

        Raises:
            DNSFailed: The name has no address.
            ConnectError: No address accepts a connection.
        """

        def dial(address: str) -> Deferred[IProtocol]:
            return self._hosts.endpoint(address).connect(protocolFactory)

        async def prepare(protocol: IProtocol, name: str) -> IProtocol:
            return protocol

        found = Failover(self._reactor, self._hosts.addresses, lambda host: dial, prepare)
        return Deferred.fromCoroutine(found.run(self._host, [self._host]))


class MTASTS:
    """
    The MTA-STS policies of domains.  `txsmtpx.MXSecurity` creates it.

    Args:
        reactor: Connects, and provides time.
        cache: Keeps the policies.
        trust_roots: The authorities for the certificates of web servers; None for those of the system.
        port: The port of web servers.
        now: A function that returns seconds since the epoch.

    Raises:
        ImportError: treq is not installed.
    """

    def __init__(
        self,
        reactor: Reactor | None,
        cache: STSCache,
        trust_roots: TrustRoots | None = None,
        port: int = 443,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._reactor = cast(IReactorTime, clock_of(reactor))
        self._cache = cache
        self._trust_roots = trust_roots
        self._port = port
        self._now = now
        self._fetching: dict[str, Deferred[FoundPolicy]] = {}
        self._refreshing: Deferred[None] | None = None
        self._failed: TTLCache[str, PolicyFailed] = TTLCache(self._reactor, FAILURES)
        self._client()  # which raises an error if treq is missing

    async def policy(self, domain: str, records: Records) -> FoundPolicy:
        """
        Return the policy of a domain.

        Args:
            domain: The domain, as A-labels in lower case.
            records: Looks up records.

        Returns:
            The policy.

        Raises:
            CancelledError: `stop` was called meanwhile.
            TLSFailed: A stored policy cannot be read for now, so it is not known whether there is one.
        """
        try:
            kept = self._cache.get(domain, self._now())
        except OSError as error:
            raise TLSFailed(f"the stored MTA-STS policy of {domain} cannot be read: {error.strerror}") from error
        try:
            found_id = await self._record_id(domain, records)
        except DNSFailed as error:
            reason = f"the record of the policy could not be looked up: {error}"
            return _kept(kept, "sts-policy-fetch-error", reason) if kept else FoundPolicy()
        if found_id is None or (kept is not None and kept.record_id == found_id):
            if kept is not None and found_id is not None and self._is_due(kept):
                self._fetch(domain, found_id, records).addErrback(_unexpected)
            return _kept(kept) if kept else FoundPolicy()
        fetched = await uncancelled(self._fetch(domain, found_id, records))
        if fetched is ABORTED:
            raise CancelledError
        if fetched.policy is None and kept is not None:
            return _kept(kept, fetched.failure, fetched.reason)
        return fetched

    async def refresh(self, records: Records) -> None:
        """
        Fetch the policies again that are due, and forget those that have expired.

        Args:
            records: Looks up records.
        """
        for number, domain in enumerate(self._cache.domains(), 1):
            if number % AT_ONCE == 0:
                await deferLater(self._reactor, 0)
            try:
                kept = self._cache.get(domain, self._now())
                if kept is None:
                    self._cache.forget(domain, self._now())
            except OSError:
                continue
            if kept is None:
                continue
            if self._is_due(kept):
                try:
                    found_id = await self._record_id(domain, records)
                except DNSFailed:
                    continue
                if found_id is not None:
                    await uncancelled(self._fetch(domain, found_id, records))

    def refreshing(self, records: Callable[[], Records]) -> LoopingCall:
        """
        Return a call of `refresh` that repeats every hour, to be started.

        Args:
            records: Makes what looks up records.

        Returns:
            The call.
        """

        def refresh() -> Deferred[None]:
            self._refreshing = Deferred.fromCoroutine(self.refresh(records())).addErrback(_unexpected)
            return self._refreshing

        call = LoopingCall(refresh)
        call.clock = self._reactor
        return call

    def stop(self) -> None:
        """Abort a refresh and all fetches.  Callers of `policy` that wait for one get ``CancelledError``."""
        if self._refreshing is not None:
            self._refreshing.cancel()
        for fetching in list(self._fetching.values()):
            fetching.cancel()

    def _is_due(self, kept: KeptPolicy) -> bool:
        """Return whether a policy should be fetched again: also if the clock was wrong at its fetch, or is now."""
        return not 0 <= self._now() - kept.fetched < min(DAY, kept.policy.max_age / 2)

    async def _record_id(self, domain: str, records: Records) -> str | None:
        answer = await records.record_set(f"_mta-sts.{domain}", "TXT")
        texts = [b"".join(cast(dns.Record_TXT, each).data) for each in answer.records]
        return record_id([str(each, "ascii", "replace") for each in texts])

    def _fetch(self, domain: str, found_id: str, records: Records) -> Deferred[FoundPolicy]:
        """Fetch a policy, unless that is done already, or has failed a moment ago.  It does not fail."""
        failed = self._failed.get(domain)
        if failed is not None:
            return succeed(FoundPolicy(failure=failed.failure, reason=str(failed)))
        fetching = self._fetching.get(domain)
        if fetching is None:
            fetching = self._fetching[domain] = Deferred.fromCoroutine(self._fetched(domain, found_id, records))
            fetching.addBoth(self._no_longer_fetching, domain)
        return fetching

    def _no_longer_fetching(self, result: FoundPolicy, domain: str) -> FoundPolicy:
        self._fetching.pop(domain, None)
        return result

    async def _fetched(self, domain: str, found_id: str, records: Records) -> FoundPolicy:
        try:
            text = await self._downloaded(domain, records)
            try:
                policy = STSPolicy.parsed(text)
            except ValueError as error:
                raise PolicyFailed("sts-policy-invalid", f"the policy is invalid: {error}") from error
        except PolicyFailed as error:
            self._failed.put(domain, error, PAUSE)
            log.info("the MTA-STS policy of {domain} could not be fetched: {error}", domain=domain, error=error)
            return FoundPolicy(failure=error.failure, reason=str(error))
        except CancelledError:
            return ABORTED
        self._cache.put(domain, KeptPolicy(found_id, self._now(), text))
        return FoundPolicy(text, policy)

    async def _downloaded(self, domain: str, records: Records) -> str:
        """
        Fetch the text of a policy.

        Returns:
            The text.

        Raises:
            PolicyFailed: The web server gives none.
        """
        host = f"mta-sts.{domain}"
        client = self._client(DNSEndpoint(self._reactor, records, host, self._port, TIMEOUT))
        try:
            answer = await client.request("GET", f"https://{host}/.well-known/mta-sts.txt")
        except WebError as error:
            about_certificate = str(error).startswith(("the certificate ", "the name in the certificate "))
            failure: TLSResult = "sts-webpki-invalid" if about_certificate else "sts-policy-fetch-error"
            raise PolicyFailed(failure, f"{host}: {error}") from error
        except ValueError as error:
            raise PolicyFailed("sts-policy-fetch-error", f"{host}: {error}") from error
        finally:
            await client.close()
        if answer.status != 200:  # redirects are not followed (RFC 8461 §3.3)
            raise PolicyFailed("sts-policy-fetch-error", f"{host} answers {answer.status} {answer.reason}"[:200])
        if answer.media_type != "text/plain":
            raise PolicyFailed("sts-policy-invalid", f"the policy is no text/plain: {answer.media_type[:100]!r}")
        return str(answer.body, "utf-8", "replace")

    def _client(self, endpoint: DNSEndpoint | None = None) -> WebClient:
        return WebClient(
            self._reactor, self._trust_roots, timeout=TIMEOUT, max_answer_bytes=MOST_OCTETS, endpoint=endpoint
        )


def _kept(kept: KeptPolicy, failure: TLSResult | None = None, reason: str = "") -> FoundPolicy:
    return FoundPolicy(kept.text, kept.policy, failure, reason)


def _unexpected(failure: Failure) -> None:
    if not failure.check(CancelledError):  # by `MTASTS.stop`
        log.failure("an MTA-STS policy could not be refreshed", failure)
