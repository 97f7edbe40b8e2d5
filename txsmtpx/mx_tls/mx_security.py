"""
What decides about TLS to the exchangers of domains: `MXSecurity`.

Theory of operation.  For each connection to an exchanger, `MXSecurity.host` is asked after EHLO.  A policy of the
operator comes first.  Without one, DANE comes before MTA-STS (RFC 8461 §2): TLSA records count if DNSSEC has validated
the MX records, the addresses and the TLSA records.  If the MX records are not validated, they count only where there is
no MTA-STS policy that is enforced.  An answer that is bogus defers the mail: it may hide TLSA records.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import NoReturn, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.names import dns
from twisted.names.error import DNSNameError

from txsmtpx.errors import TLSFailed
from txsmtpx.grammar.domain import domain_key
from txsmtpx.grammar.tlsa import strongest
from txsmtpx.interfaces import Reactor, clock_of
from txsmtpx.mx_tls.host_decision import HostDecision, MakeTLS
from txsmtpx.mx_tls.sts_cache import STSCache
from txsmtpx.mx_tls.sts_policies import MTASTS, FoundPolicy
from txsmtpx.mx_tls.tls_policy_table import TLSPolicy, TLSPolicyTable
from txsmtpx.mx_tls.tls_session import TLSReporter, TLSSession
from txsmtpx.mx_tls.tlsa_lookup import TLSARecords, tlsa_records
from txsmtpx.wire.client_settings import ClientSettings, TLSMode
from txsmtpx.wire.client_tls import ClientTLS, TLSResult, UnverifiedTLS
from txsmtpx.wire.dane_tls import DANETLS
from txsmtpx.wire.dns_records import DNSFailed, Records
from txsmtpx.wire.system_resolver import SystemResolver
from txsmtpx.wire.transport_security import Exchangers, Host, HostTLS

log = Logger(__name__)

LOOKUP = 30.0
"""Seconds for each look-up that is not for a message."""


class MXSecurity:
    """
    Decides about TLS to the exchangers of domains, by a table of policies, DANE (RFC 7672) and MTA-STS (RFC 8461).

    Args:
        policies: The policies of some domains, or of all.  "auto" is the level of other domains.
        mta_sts: Finds MTA-STS policies; None to use none.
        reporters: Objects that get the result of each connection, such as a `txsmtpx.TLSRPTCollector`.

    Attributes:
        reporters: As in the arguments, as a list.

    Raises:
        ValueError: Two policies are for the same domain.

    Example:
        ::

            sts = MTASTS(reactor, STSCache("/var/lib/txsmtpx/mta-sts"))
            security = MXSecurity([TLSPolicy("example.org", "secure")], mta_sts=sts)
            await connect(MXEndpoint(reactor, "example.net", security=security))
    """

    def __init__(
        self,
        policies: Iterable[TLSPolicy] = (),
        *,
        mta_sts: MTASTS | None = None,
        reporters: Iterable[TLSReporter] = (),
    ) -> None:
        self.reporters: list[TLSReporter] = list(reporters)
        self._table = TLSPolicyTable(policies)
        self._mta_sts = mta_sts
        self._refreshing: LoopingCall | None = None
        self._probing: Deferred[None] | None = None

    # ---- as long as a queue runs

    def start(self, reactor: Reactor | None, resolver: SystemResolver | None = None) -> None:
        """
        Begin to refresh MTA-STS policies, and log whether DNSSEC is validated.

        Args:
            reactor: The reactor; None for the global one.
            resolver: The resolver; None for that of the system.
        """
        clock = cast(IReactorTime, clock_of(reactor))
        asked = SystemResolver(clock) if resolver is None else resolver
        self._probing = Deferred.fromCoroutine(_probe(asked))
        self._probing.addErrback(lambda failure: failure.trap(CancelledError))

        def records() -> Records:
            return Records(clock, asked, LOOKUP)

        if self._mta_sts is not None:
            self._refreshing = self._mta_sts.refreshing(records)
            self._refreshing.start(3600)

    def stop(self) -> None:
        """Stop to refresh policies, and abort fetches that are in progress."""
        if self._probing is not None:
            self._probing.cancel()
        if self._refreshing is not None and self._refreshing.running:
            self._refreshing.stop()
        if self._mta_sts is not None and self._refreshing is not None:
            self._mta_sts.stop()

    # ---- one connection (txsmtpx.wire.transport_security.TransportSecurity)

    async def host(self, exchangers: Exchangers, host: Host, records: Records) -> HostTLS:
        """
        Decide about a connection to an exchanger.

        Args:
            exchangers: The exchangers of the domain.
            host: The one that is connected.
            records: Looks up records with the resolver that has found them.

        Returns:
            The decision.

        Raises:
            TLSFailed: The exchanger must not get mail for the domain, or the DNS gives no usable answer about it.
        """
        policy = self._table.policy(domain_key(exchangers.domain))
        connection = _Connection(self, exchangers, host, records)
        if policy.level in ("auto", "dane", "dane-only"):
            return await connection.by_dns(policy.level)
        return connection.by_table(policy)

    async def sts_policy(self, domain: str, records: Records) -> FoundPolicy:
        """
        Return the MTA-STS policy of a domain.

        Args:
            domain: The domain, as A-labels.
            records: Looks up records.

        Returns:
            The policy; none for an address literal, or if none are used.
        """
        if self._mta_sts is None or domain.startswith("["):
            return FoundPolicy()
        return await self._mta_sts.policy(domain_key(domain), records)

    def tell(self, records: Records, session: TLSSession) -> None:
        """
        Pass the result of a connection to each reporter.

        Args:
            records: Looks up records.
            session: The connection.
        """
        for reporter in self.reporters:
            try:
                reporter.ended(session, records)
            except Exception:  # what reports must not stop mail
                log.failure("a connection to {domain} could not be reported", domain=session.domain)


def default_security(
    reactor: Reactor | None,
    policies: Iterable[TLSPolicy] = (),
    sts_cache: str | None = None,
    reporters: Iterable[TLSReporter] = (),
) -> MXSecurity:
    """
    Return the decisions of a queue: with MTA-STS if treq is installed.

    Args:
        reactor: The reactor; None for the global one.
        policies: As for `MXSecurity`.
        sts_cache: The directory for MTA-STS policies; None to keep them in memory.
        reporters: As for `MXSecurity`.

    Returns:
        The decisions.
    """
    try:
        mta_sts = MTASTS(reactor, STSCache(sts_cache))
    except ImportError as error:
        log.warn("MTA-STS is not used: {error}", error=error)
        return MXSecurity(policies, reporters=reporters)
    return MXSecurity(policies, mta_sts=mta_sts, reporters=reporters)


class _Connection:
    """The decision about one connection, while it is made."""

    def __init__(self, security: MXSecurity, exchangers: Exchangers, host: Host, records: Records) -> None:
        self._security = security
        self._exchangers = exchangers
        self._host = host
        self._records = records
        self._session = TLSSession(exchangers.domain, "no-policy-found", host=host.name)

    def by_table(self, policy: TLSPolicy) -> HostTLS:
        """
        Decide by a policy of the operator.

        Args:
            policy: The policy.

        Returns:
            The decision.
        """
        exchangers, names = self._exchangers, tuple(policy.names)
        if policy.level == "none":
            return self._decided("none", self._any_certificate)
        if policy.level in ("may", "encrypt"):
            return self._decided("opportunistic" if policy.level == "may" else "required", self._any_certificate)
        if policy.level == "secure" and not names:
            domain = domain_key(exchangers.domain)
            names = (domain, f".{domain}")
        # The name of the exchanger comes from the DNS, the names of the policy do not.
        trusted = bool(names) or exchangers.secure
        return self._decided("required", partial(self._verified, names, trusted, True))

    async def by_dns(self, level: str) -> HostTLS:
        """
        Decide by what the domain has published.

        Args:
            level: "auto", "dane" or "dane-only".

        Returns:
            The decision.

        Raises:
            TLSFailed: The exchanger must not get mail for the domain, or the DNS gives no usable answer about it.
        """
        exchangers, host = self._exchangers, self._host
        try:
            tlsa = await tlsa_records(host, exchangers.port, self._records)
        except DNSFailed as error:
            self._session = TLSSession(exchangers.domain, "tlsa", host=host.name, base=host.name)
            self._refuse("dnssec-invalid", f"it is not known whether {host.name} has TLSA records: {error}", error)
        if level == "dane-only" and (tlsa is None or not exchangers.secure):
            missing = "TLSA records of it" if exchangers.secure else "the MX records"
            self._refuse("dane-required", f"{host.name} gets mail only by DANE; DNSSEC has not validated {missing}")
        if tlsa is not None and exchangers.secure:
            return self._by_dane(tlsa, level)
        if level == "auto":
            found = await self._security.sts_policy(exchangers.domain, self._records)
            if found.failure is not None:
                self._tell(TLSSession(exchangers.domain, "sts", _lines(found)), found.failure, found.reason, True)
            mode = "none" if found.policy is None else found.policy.mode
            if mode == "enforce" or (mode == "testing" and tlsa is None):
                return self._by_sts(found)
        if tlsa is not None:
            return self._by_dane(tlsa, level)
        return self._decided("opportunistic", self._any_certificate)

    def _by_dane(self, tlsa: TLSARecords, level: str) -> HostTLS:
        exchangers, host = self._exchangers, self._host
        text = tuple(map(str, tlsa.records))
        self._session = TLSSession(exchangers.domain, "tlsa", text, host=host.name, base=tlsa.base)
        usable = strongest(tlsa.records)
        if not usable:
            if level == "dane-only":
                self._refuse("tlsa-invalid", f"no TLSA record of {host.name} can be used")
            return self._decided("required", self._any_certificate)  # RFC 7672 §2.2
        names = [tlsa.base, host.name]
        if exchangers.secure:
            names += [exchangers.domain, exchangers.canonical]
        names = list(dict.fromkeys(each for each in names if each))

        def make(settings: ClientSettings) -> DANETLS:
            return DANETLS(tlsa.base, usable, names, settings.client_certificate, exchangers.secure)

        return self._decided("required", make)

    def _by_sts(self, found: FoundPolicy) -> HostTLS:
        policy, host = found.policy, self._host
        assert policy is not None
        self._session = TLSSession(self._exchangers.domain, "sts", _lines(found), policy.mx, host.name)
        enforced = policy.mode == "enforce"
        if not policy.allows(host.name):
            text = f"{host.name} is not in the MTA-STS policy of {self._exchangers.domain}"
            if enforced:
                self._refuse("certificate-host-mismatch", text)
            self._session = replace(self._session, failure="certificate-host-mismatch", text=text)
        mode: TLSMode = "required" if enforced else "opportunistic"
        return self._decided(mode, partial(self._verified, (), enforced, enforced))

    def _decided(self, mode: TLSMode, make: MakeTLS) -> HostDecision:
        return HostDecision(mode, make, self._session, partial(self._security.tell, self._records))

    def _any_certificate(self, settings: ClientSettings) -> UnverifiedTLS:
        return UnverifiedTLS(self._host.name, settings.client_certificate, warns=False)

    def _verified(
        self, names: Sequence[str], authenticates: bool, enforces: bool, settings: ClientSettings
    ) -> ClientTLS:
        return ClientTLS(
            self._host.name, settings.trust_roots, settings.client_certificate, names, authenticates, enforces
        )

    def _tell(self, session: TLSSession, failure: TLSResult, text: str, delivers: bool) -> None:
        told = replace(session, failure=failure, text=text, delivers=delivers)
        self._security.tell(self._records, told)

    def _refuse(self, failure: TLSResult, text: str, cause: Exception | None = None) -> NoReturn:
        """Report that the exchanger gets no mail, and raise the error for that."""
        self._tell(self._session, failure, text, False)
        raise TLSFailed(text) from cause


def _lines(found: FoundPolicy) -> tuple[str, ...]:
    """Return the lines of an MTA-STS policy, for reports."""
    return tuple(filter(None, found.text.replace("\r", "").split("\n")))


async def _probe(resolver: SystemResolver) -> None:
    """Log whether answers of the DNS are validated, as Postfix does (dnssec_probe)."""
    try:
        secure = (await resolver.look_up("", dns.NS)).secure  # the name servers of the root
    except CancelledError:
        raise
    except Exception as error:  # of many classes
        why = error.args[0] if isinstance(error, DNSNameError) else error  # without the answer, its second argument
        log.info("the DNS does not answer for the root, so it is not known whether it validates: {error}", error=why)
        return
    if secure:
        log.info("the name server validates by DNSSEC: DANE is used")
    else:
        log.warn("no name server of this machine validates by DNSSEC: DANE is not used")
