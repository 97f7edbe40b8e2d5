"""What decides about TLS to the exchangers of domains: policies, DANE (RFC 7672), MTA-STS (RFC 8461), reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs, formatEvent
from twisted.names import dns, error

from tests.secure_names import NEVER, Answers, SecureNames, tlsa
from txsmtpx import TLSFailed
from txsmtpx.grammar.mta_sts import STSPolicy
from txsmtpx.mx_tls import mx_security
from txsmtpx.mx_tls.host_decision import HostDecision
from txsmtpx.mx_tls.mx_security import MXSecurity, default_security
from txsmtpx.mx_tls.sts_cache import STSCache
from txsmtpx.mx_tls.sts_policies import MTASTS, FoundPolicy
from txsmtpx.mx_tls.tls_policy_table import TLSLevel, TLSPolicy
from txsmtpx.mx_tls.tls_session import TLSSession
from txsmtpx.wire.client_settings import ClientSettings
from txsmtpx.wire.client_tls import ClientTLS, TLSResult, UnverifiedTLS
from txsmtpx.wire.dane_tls import DANETLS
from txsmtpx.wire.dns_records import Records
from txsmtpx.wire.transport_security import Exchangers, Host

if TYPE_CHECKING:
    from tests.conftest import LoggedFailures

DOMAIN, HOST, TARGET = "example.net", "mx.example.net", "target.example.org"
USABLE, UNUSABLE = f"3 1 1 {'ab' * 32}", "1 1 1 abcd"
SECURE = Exchangers(DOMAIN, [HOST], True, DOMAIN)
INSECURE = Exchangers(DOMAIN, [HOST], False, DOMAIN)
SECURE_HOST, INSECURE_HOST = Host(HOST, True, HOST), Host(HOST, False, HOST)
LEVELS_BY_DNS: list[TLSLevel] = ["auto", "dane", "dane-only"]


class Policies:
    """MTA-STS policies in memory."""

    def __init__(self, found: FoundPolicy) -> None:
        self.found = found
        self.asked: list[str] = []

    async def policy(self, domain: str, records: Records) -> FoundPolicy:
        self.asked.append(domain)
        return self.found


class Told:
    """A reporter."""

    def __init__(self) -> None:
        self.sessions: list[TLSSession] = []

    def ended(self, session: TLSSession, records: Records) -> None:
        self.sessions.append(session)

    @property
    def failures(self) -> list[tuple[str, TLSResult | None, bool]]:
        return [(each.policy, each.failure, each.delivers) for each in self.sessions]


def sts(mode: str, *patterns: str, failure: TLSResult | None = None) -> FoundPolicy:
    text = f"version: STSv1\r\nmode: {mode}\r\nmax_age: 86400\r\n" + "".join(f"mx: {each}\r\n" for each in patterns)
    return FoundPolicy(text, STSPolicy.parsed(text), failure, "why" if failure else "")


class Deciding:
    """
    Decides.

    Attributes:
        told: The reporter.
        names: The resolver.
        policies: The MTA-STS policies.
    """

    def __init__(self, *policies: TLSPolicy, found: FoundPolicy | None = None, **records: str) -> None:
        answers: Answers = {f"_25._tcp.{HOST}": tlsa(each) for each in records.values()}
        self.told = Told()
        self.clock = Clock()
        self.names = SecureNames(self.clock, TLSA=answers)
        self.policies = Policies(FoundPolicy() if found is None else found)
        self.security = MXSecurity(policies, mta_sts=cast(MTASTS, self.policies), reporters=[self.told])

    async def decided(self, exchangers: Exchangers = SECURE, host: Host = SECURE_HOST) -> HostDecision:
        found = await self.security.host(exchangers, host, Records(self.clock, self.names, 5))
        assert isinstance(found, HostDecision)
        return found

    async def made(
        self, exchangers: Exchangers = SECURE, host: Host = SECURE_HOST
    ) -> tuple[str, ClientTLS | DANETLS | UnverifiedTLS]:
        """The mode, and the options of TLS."""
        decision = await self.decided(exchangers, host)
        options = decision.options(ClientSettings())
        assert isinstance(options, ClientTLS | DANETLS | UnverifiedTLS)
        return decision.mode, options


def by(level: TLSLevel, *names: str, domain: str = DOMAIN) -> TLSPolicy:
    return TLSPolicy(domain, level, names)


# ---- policies of the operator


@pytest.mark.parametrize(("level", "mode"), [("none", "none"), ("may", "opportunistic"), ("encrypt", "required")])
async def test_levels_with_any_certificate(level: TLSLevel, mode: str) -> None:
    deciding = Deciding(by(level), found=sts("enforce", "other.test"), dane=USABLE)
    found, options = await deciding.made()
    assert found == mode
    assert isinstance(options, UnverifiedTLS)
    assert options.hostname == HOST
    assert deciding.names.asked == deciding.policies.asked == []


@pytest.mark.parametrize("exchangers", [SECURE, INSECURE], ids=["secure", "insecure"])
async def test_verify_is_about_the_name_of_the_exchanger(exchangers: Exchangers) -> None:
    """Which may be forged, if the DNS is."""
    mode, options = await Deciding(by("verify")).made(exchangers)
    assert isinstance(options, ClientTLS)
    assert (mode, options.hostname, options._names, options.enforces) == ("required", HOST, (), True)
    assert options.authenticates is exchangers.secure


async def test_secure_is_about_the_domain() -> None:
    mode, options = await Deciding(by("secure")).made(INSECURE)
    assert isinstance(options, ClientTLS)
    assert (mode, options.enforces, options.authenticates) == ("required", True, True)
    assert options._names == (DOMAIN, f".{DOMAIN}")


@pytest.mark.parametrize("level", ["verify", "secure"])
async def test_names_of_a_policy_come_first(level: TLSLevel) -> None:
    _, options = await Deciding(by(level, ".example.org", "mx.example.com")).made(INSECURE)
    assert isinstance(options, ClientTLS)
    assert (options._names, options.authenticates) == ((".example.org", "mx.example.com"), True)


async def test_secure_knows_no_case() -> None:
    """MXEndpoint keeps that of the caller."""
    _, options = await Deciding(by("secure")).made(Exchangers("Example.NET", [HOST]))
    assert isinstance(options, ClientTLS)
    assert options._names == (DOMAIN, f".{DOMAIN}")


async def test_the_most_specific_policy_counts() -> None:
    deciding = Deciding(by("none", domain="*"), by("encrypt", domain=".example.net"), by("may"))
    domains = ("example.net", "a.example.net", "example.org", "EXAMPLE.net.", "[192.0.2.1]")
    modes = [(await deciding.decided(Exchangers(domain, [HOST]))).mode for domain in domains]
    assert modes == ["opportunistic", "required", "none", "opportunistic", "none"]


# ---- DANE


@pytest.mark.parametrize("level", LEVELS_BY_DNS)
async def test_dane(level: TLSLevel) -> None:
    """It comes before MTA-STS (RFC 8461 §2)."""
    deciding = Deciding(by(level), found=sts("enforce", "other.test"), dane=USABLE)
    mode, options = await deciding.made()
    assert isinstance(options, DANETLS)
    assert (mode, options.authenticates, options._names) == ("required", True, [HOST, DOMAIN])
    assert deciding.policies.asked == []


async def test_names_of_dane() -> None:
    """RFC 7672 §3.2.2: that with the records, the exchanger, the domain, and what the domain is an alias of."""
    deciding = Deciding()
    deciding.names.answers["TLSA"] = {f"_25._tcp.{TARGET}": tlsa(USABLE)}
    host = Host(HOST, True, TARGET)
    _, options = await deciding.made(Exchangers(DOMAIN, [HOST], True, "canonical.test"), host)
    assert isinstance(options, DANETLS)
    assert options._names == [TARGET, HOST, DOMAIN, "canonical.test"]
    assert options._hostname == TARGET  # for SNI (RFC 7672 §8.1)


@pytest.mark.parametrize("level", ["auto", "dane"])
async def test_dane_with_mx_records_that_are_not_secure(level: TLSLevel) -> None:
    """RFC 7672 §2.2.1: the exchanger is verified, but whose it is may be forged; so the domain is no name of it."""
    mode, options = await Deciding(by(level), dane=USABLE).made(INSECURE)
    assert isinstance(options, DANETLS)
    assert (mode, options.authenticates, options._names) == ("required", False, [HOST])


@pytest.mark.parametrize("level", ["auto", "dane"])
@pytest.mark.parametrize("exchangers", [SECURE, INSECURE], ids=["secure", "insecure"])
async def test_records_that_cannot_be_used_need_tls(level: TLSLevel, exchangers: Exchangers) -> None:
    """RFC 7672 §2.2."""
    mode, options = await Deciding(by(level), dane=UNUSABLE).made(exchangers)
    assert mode == "required"
    assert isinstance(options, UnverifiedTLS)


@pytest.mark.parametrize("level", ["auto", "dane"])
@pytest.mark.parametrize("host", [SECURE_HOST, INSECURE_HOST], ids=["secure", "insecure"])
async def test_without_records_tls_is_opportunistic(level: TLSLevel, host: Host) -> None:
    deciding = Deciding(by(level))
    mode, options = await deciding.made(host=host)
    assert mode == "opportunistic"
    assert isinstance(options, UnverifiedTLS)
    assert deciding.told.sessions == []


@pytest.mark.parametrize("level", LEVELS_BY_DNS)
@pytest.mark.parametrize("exchangers", [SECURE, INSECURE], ids=["secure", "insecure"])
async def test_an_answer_that_is_bogus_defers_the_mail(level: TLSLevel, exchangers: Exchangers) -> None:
    """RFC 7672 §2.1.2.  It comes before MTA-STS."""
    deciding = Deciding(by(level), found=sts("enforce", HOST))
    deciding.names.answers["TLSA"][f"_25._tcp.{HOST}"] = error.DNSServerError("bogus")
    with pytest.raises(TLSFailed, match=rf"it is not known whether {HOST} has TLSA records: .*bogus") as caught:
        await deciding.decided(exchangers)
    assert caught.value.temporary
    assert deciding.told.failures == [("tlsa", "dnssec-invalid", False)]


# ---- only DANE


@pytest.mark.parametrize(("exchangers", "host", "missing"), [
    (INSECURE, SECURE_HOST, "the MX records"), (SECURE, INSECURE_HOST, "TLSA records of it"),
], ids=["MX", "host"])  # fmt: skip
async def test_mail_only_by_dane(exchangers: Exchangers, host: Host, missing: str) -> None:
    deciding = Deciding(by("dane-only"), dane=USABLE)
    with pytest.raises(TLSFailed) as caught:
        await deciding.decided(exchangers, host)
    assert str(caught.value).endswith(f"{HOST} gets mail only by DANE; DNSSEC has not validated {missing}")
    assert caught.value.temporary
    assert deciding.told.failures == [("no-policy-found", "dane-required", False)]


async def test_mail_only_by_dane_without_records() -> None:
    deciding = Deciding(by("dane-only"), found=sts("enforce", HOST))
    with pytest.raises(TLSFailed, match="only by DANE"):
        await deciding.decided()
    assert deciding.policies.asked == []


async def test_mail_only_by_dane_with_records_that_cannot_be_used() -> None:
    deciding = Deciding(by("dane-only"), dane=UNUSABLE)
    with pytest.raises(TLSFailed, match=f"no TLSA record of {HOST} can be used"):
        await deciding.decided()
    assert deciding.told.failures == [("tlsa", "tlsa-invalid", False)]


# ---- MTA-STS


@pytest.mark.parametrize("exchangers", [SECURE, INSECURE], ids=["secure", "insecure"])
async def test_a_policy_that_is_enforced(exchangers: Exchangers) -> None:
    """RFC 8461 §4.2: a certificate of the WebPKI for the name of the exchanger; the policy makes that authentic."""
    deciding = Deciding(found=sts("enforce", "*.example.net"))
    mode, options = await deciding.made(exchangers, INSECURE_HOST)
    assert isinstance(options, ClientTLS)
    assert (mode, options.enforces, options.authenticates, options.hostname) == ("required", True, True, HOST)
    assert options._names == ()
    assert deciding.policies.asked == [DOMAIN]


async def test_an_exchanger_that_the_policy_does_not_have() -> None:
    deciding = Deciding(found=sts("enforce", "mx.example.org"))
    with pytest.raises(TLSFailed, match=f"{HOST} is not in the MTA-STS policy of {DOMAIN}") as caught:
        await deciding.decided()
    assert caught.value.temporary  # RFC 8461 §5.1: the policy may be out of date
    (session,) = deciding.told.sessions
    assert (session.policy, session.failure) == ("sts", "certificate-host-mismatch")
    assert session.patterns == ("mx.example.org",)
    assert session.policy_text == ("version: STSv1", "mode: enforce", "max_age: 86400", "mx: mx.example.org")


async def test_a_policy_that_is_tested_delivers() -> None:
    mode, options = await Deciding(found=sts("testing", HOST)).made(INSECURE)
    assert isinstance(options, ClientTLS)
    assert (mode, options.enforces, options.authenticates) == ("opportunistic", False, False)


async def test_an_exchanger_that_a_policy_does_not_have_that_is_tested() -> None:
    """It is reported once, as failed (RFC 8461 §5, RFC 8460 §4.3)."""
    deciding = Deciding(found=sts("testing", "mx.example.org"))
    decision = await deciding.decided()
    assert decision.mode == "opportunistic"
    decision.options(ClientSettings())
    decision.ended(None, "192.0.2.1", True)
    (session,) = deciding.told.sessions
    assert (session.policy, session.failure) == ("sts", "certificate-host-mismatch")
    assert (session.delivers, session.address) == (True, "192.0.2.1")
    assert session.text == f"{HOST} is not in the MTA-STS policy of {DOMAIN}"


@pytest.mark.parametrize("found", [FoundPolicy(), sts("none"), sts("none", "other.test")])
async def test_no_policy(found: FoundPolicy) -> None:
    deciding = Deciding(found=found)
    decision = await deciding.decided()
    assert decision.mode == "opportunistic"
    decision.options(ClientSettings())
    decision.ended(None, "192.0.2.1", True)
    assert deciding.told.failures == [("no-policy-found", None, True)]


async def test_a_policy_that_cannot_be_fetched_is_reported_and_mail_goes_on() -> None:
    """RFC 8461 §3.3."""
    deciding = Deciding(found=FoundPolicy(failure="sts-webpki-invalid", reason="the certificate has expired"))
    assert (await deciding.decided()).mode == "opportunistic"
    (session,) = deciding.told.sessions
    assert (session.policy, session.failure, session.delivers) == ("sts", "sts-webpki-invalid", True)
    assert session.text == "the certificate has expired"


async def test_a_policy_that_is_kept_counts_though_a_new_one_cannot_be_fetched() -> None:
    """RFC 8461 §5.1."""
    deciding = Deciding(found=sts("enforce", HOST, failure="sts-policy-fetch-error"))
    assert (await deciding.decided()).mode == "required"
    assert deciding.told.failures == [("sts", "sts-policy-fetch-error", True)]


async def test_without_secure_mx_records_a_policy_that_is_enforced_comes_before_dane() -> None:
    """RFC 7672 §2.2.1: that is not DANE of the domain."""
    _, options = await Deciding(found=sts("enforce", HOST), dane=USABLE).made(INSECURE)
    assert isinstance(options, ClientTLS)


@pytest.mark.parametrize("mode", ["testing", "none"])
async def test_without_secure_mx_records_dane_comes_before_any_other_policy(mode: str) -> None:
    _, options = await Deciding(found=sts(mode, HOST), dane=USABLE).made(INSECURE)
    assert isinstance(options, DANETLS)


@pytest.mark.parametrize("level", ["dane", "dane-only"])
async def test_other_levels_ask_for_no_policy(level: TLSLevel) -> None:
    deciding = Deciding(by(level), found=sts("enforce", "other.test"), dane=USABLE)
    await deciding.decided()
    deciding.names.answers["TLSA"] = {}
    if level == "dane":
        assert (await deciding.decided()).mode == "opportunistic"
    assert deciding.policies.asked == []


@pytest.mark.parametrize("literal", ["[192.0.2.1]", "[IPv6:2001:db8::1]"])
async def test_an_address_literal_has_no_policy(literal: str) -> None:
    deciding = Deciding(found=sts("enforce", "other.test"))
    address = literal[1:-1].removeprefix("IPv6:")
    exchangers = Exchangers(literal, [address], canonical=literal)
    mode, options = await deciding.made(exchangers, Host(address, canonical=address))
    assert mode == "opportunistic"
    assert isinstance(options, UnverifiedTLS)
    assert deciding.policies.asked == deciding.names.asked == []


async def test_mta_sts_need_not_be_used() -> None:
    security = MXSecurity()
    names = SecureNames(Clock())
    assert (await security.host(INSECURE, INSECURE_HOST, Records(Clock(), names, 5))).mode == "opportunistic"
    assert await security.sts_policy(DOMAIN, Records(Clock(), names, 5)) == FoundPolicy()
    assert names.asked == []


async def test_a_policy_is_asked_for_by_the_key_of_the_domain() -> None:
    deciding = Deciding()
    await deciding.decided(Exchangers("Example.NET", [HOST]), INSECURE_HOST)
    assert deciding.policies.asked == [DOMAIN]


# ---- reports


async def test_a_connection_by_dane_is_reported_with_its_records() -> None:
    deciding = Deciding(dane=USABLE)
    decision = await deciding.decided()
    decision.options(ClientSettings())
    decision.ended(None, "192.0.2.1", True)
    (session,) = deciding.told.sessions
    assert session == TLSSession(DOMAIN, "tlsa", (USABLE,), (), HOST, "192.0.2.1", None, "", True, base=HOST)


async def test_records_of_an_alias_are_reported_by_its_target() -> None:
    """RFC 8460 §1.1: the domain of a DANE policy is the name that has the records."""
    deciding = Deciding()
    deciding.names.answers["TLSA"] = {f"_25._tcp.{TARGET}": tlsa(USABLE)}
    (await deciding.decided(host=Host(HOST, True, TARGET))).ended(None, "192.0.2.1", True)
    (session,) = deciding.told.sessions
    assert (session.domain, session.base, session.host) == (DOMAIN, TARGET, HOST)


async def test_a_reporter_that_raises_stops_neither_mail_nor_other_reporters(logged_failures: LoggedFailures) -> None:
    class Raises:
        def ended(self, session: TLSSession, records: Records) -> None:
            raise RuntimeError("no report")

    deciding = Deciding()
    deciding.security.reporters.insert(0, Raises())
    decision = await deciding.decided()
    decision.ended(None, "192.0.2.1", True)
    assert len(deciding.told.sessions) == 1
    assert [str(each.value) for each in logged_failures.flush(RuntimeError)] == ["no report"]


def test_two_policies_for_one_domain() -> None:
    with pytest.raises(ValueError, match="there are two TLS policies for"):
        MXSecurity([by("may"), by("encrypt")])


# ---- while a queue runs


def lines(events: Sequence[LogEvent]) -> list[str]:
    return [formatEvent(each) for each in events if each["log_namespace"] == mx_security.__name__]


ROOT = [dns.Record_NS(b"a.root-servers.net")]


@pytest.mark.parametrize(("answer", "insecure", "logged"), [
    (ROOT, (), "the name server validates by DNSSEC: DANE is used"),
    (ROOT, ("",), "no name server of this machine validates by DNSSEC: DANE is not used"),
    (error.DNSServerError("x"), (), "the DNS does not answer for the root, so it is not known whether it validates: x"),
    (error.DNSNameError("x", dns.Message()), (),
     "the DNS does not answer for the root, so it is not known whether it validates: x"),
], ids=["secure", "insecure", "no answer", "no root"])  # fmt: skip
def test_whether_dnssec_is_validated_is_logged(
    answer: Sequence[object] | Exception, insecure: Sequence[str], logged: str
) -> None:
    clock = Clock()
    security = MXSecurity()
    with capturedLogs() as events:
        security.start(clock, SecureNames(clock, insecure, NS={"": answer}))
    assert lines(events) == [logged]
    security.stop()
    assert clock.getDelayedCalls() == []


def test_a_probe_without_an_answer_ends_with_the_queue() -> None:
    clock = Clock()
    security = MXSecurity()
    with capturedLogs() as events:
        security.start(clock, SecureNames(clock, NS={"": NEVER}))
        security.stop()
    assert lines(events) == []


def test_it_can_be_stopped_without_a_start() -> None:
    MXSecurity().stop()


class Refreshing(MTASTS):
    """Counts the refreshes."""

    refreshed = 0

    async def refresh(self, records: Records) -> None:
        self.refreshed += 1


def test_policies_are_refreshed_each_hour_until_the_queue_stops() -> None:
    clock = Clock()
    policies = Refreshing(clock, STSCache())
    security = MXSecurity(mta_sts=policies)
    for turn in (1, 2):  # a queue may start again
        security.start(clock, SecureNames(clock, NS={"": []}))
        assert policies.refreshed == 3 * turn - 2
        clock.pump([3599, 1, 3600])
        assert policies.refreshed == 3 * turn
        security.stop()
        assert clock.getDelayedCalls() == []
        clock.advance(9999)


def test_a_queue_without_settings_uses_dane_and_mta_sts() -> None:
    assert default_security(Clock())._mta_sts is not None
