"""The exchangers of a domain as the servers of one connection: which there are, and what decides about their TLS."""

from __future__ import annotations

from typing import cast

import pytest
from twisted.internet.defer import Deferred
from twisted.names import dns, error

from tests.authority import Authority
from tests.internet import Internet, a, mx, server
from tests.secure_names import SecureNames
from txsmtpx import DNSFailed, MXEndpoint, NoSuchDomain, NullMX, TLSFailed, connect
from txsmtpx.testing import Outcome
from txsmtpx.wire.client_settings import ClientSettings, TLSMode
from txsmtpx.wire.client_tls import UnverifiedTLS
from txsmtpx.wire.dns_records import Records
from txsmtpx.wire.mx_servers import MXServers
from txsmtpx.wire.transport_security import Exchangers, Host, HostTLS

DOMAIN, HOST, ADDRESS = "example.net", "mx.example.net", "192.0.2.1"


class Decision:
    """No TLS; and how the connection has ended."""

    mode: TLSMode = "none"

    def __init__(self) -> None:
        self.ends: list[tuple[Exception | None, str, bool]] = []

    def options(self, settings: ClientSettings) -> UnverifiedTLS:
        return UnverifiedTLS("", warns=False)

    def ended(self, error: Exception | None, address: str, encrypted: bool) -> None:
        self.ends.append((error, address, encrypted))


class Security:
    """
    Decides.

    Attributes:
        asked: What it was asked about.
        refused: The hosts that get no mail.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[Exchangers, Host]] = []
        self.refused: list[str] = []
        self.decision = Decision()

    async def host(self, exchangers: Exchangers, host: Host, records: Records) -> HostTLS:
        self.asked.append((exchangers, host))
        if host.name in self.refused:
            raise TLSFailed(f"{host.name} must not get it")
        return self.decision


def servers(names: SecureNames, domain: str = DOMAIN, port: int = 25, security: Security | None = None) -> MXServers:
    return MXEndpoint(Internet(), domain, port, resolver=names, security=security).servers()


def exchangers(names: SecureNames, domain: str = DOMAIN, port: int = 25) -> Exchangers:
    found: Exchangers = Outcome(Deferred.fromCoroutine(servers(names, domain, port).exchangers())).result()
    return found


def published(*insecure: str) -> SecureNames:
    answers = [mx(20, "two.example.net"), mx(10, HOST)]
    return SecureNames(
        Internet(), insecure, MX={DOMAIN: answers},
        A={HOST: a(ADDRESS), "two.example.net": a("192.0.2.2")}, AAAA={HOST: [], "two.example.net": []},
    )  # fmt: skip


# ---- which there are


def test_the_preferred_one_comes_first() -> None:
    assert exchangers(published(), port=2525) == Exchangers(DOMAIN, [HOST, "two.example.net"], True, DOMAIN, 2525)


def test_records_that_are_not_validated() -> None:
    assert exchangers(published(DOMAIN)) == Exchangers(DOMAIN, [HOST, "two.example.net"], False, DOMAIN)


@pytest.mark.parametrize("insecure", [(), (DOMAIN,)])
def test_no_record_is_the_domain_itself(insecure: tuple[str, ...]) -> None:
    """RFC 7672 §2.2.1: that there is none must be validated too."""
    names = SecureNames(Internet(), insecure, MX={DOMAIN: []})
    assert exchangers(names) == Exchangers(DOMAIN, [DOMAIN], not insecure, DOMAIN)


def test_an_exchanger_that_is_named_twice_is_tried_once() -> None:
    names = SecureNames(Internet(), MX={DOMAIN: [mx(30, "b.test"), mx(20, "A.test"), mx(10, "a.TEST.")]})
    assert exchangers(names).names == ["a.TEST", "b.test"]


@pytest.mark.parametrize(("insecure", "secure"), [((), True), ((DOMAIN,), False), (("b.test",), False)])
def test_aliases_of_the_domain(insecure: tuple[str, ...], secure: bool) -> None:
    names = SecureNames(Internet(), insecure, MX={DOMAIN: [dns.Record_CNAME(b"b.test")], "b.test": [mx(10, HOST)]})
    assert exchangers(names) == Exchangers(DOMAIN, [HOST], secure, "b.test")


def test_a_domain_is_asked_for_as_its_a_labels() -> None:
    names = SecureNames(Internet(), MX={"xn--bcher-kva.example": [mx(10, HOST)]})
    assert exchangers(names, "b\u00fccher.example").domain == "xn--bcher-kva.example"


@pytest.mark.parametrize(("answer", "kind"), [
    ([mx(0, "")], NullMX), (error.DNSNameError(), NoSuchDomain), (error.DNSServerError(), DNSFailed),
], ids=["null", "no name", "SERVFAIL"])  # fmt: skip
def test_there_are_none(answer: list[object] | Exception, kind: type[Exception]) -> None:
    outcome = Outcome(Deferred.fromCoroutine(servers(SecureNames(Internet(), MX={DOMAIN: answer})).exchangers()))
    assert isinstance(outcome.error, kind)


@pytest.mark.parametrize(("domain", "address"), [("[192.0.2.7]", "192.0.2.7"), ("[IPv6:2001:db8::7]", "2001:db8::7")])
def test_an_address_literal_stands_for_itself(domain: str, address: str) -> None:
    """Without the DNS nothing is secure."""
    names = SecureNames(Internet())
    assert exchangers(names, domain, 26) == Exchangers(domain, [address], False, domain, 26)
    found = servers(names, domain).addresses(address)
    assert Outcome(Deferred.fromCoroutine(found.next_batch())).result() == [address]
    assert names.asked == []


# ---- what decides about TLS


def connecting(names: SecureNames, internet: Internet, security: Security) -> Outcome[object]:
    endpoint = MXEndpoint(internet, DOMAIN, 2525, resolver=names, security=security)
    outcome = Outcome(connect(endpoint, reactor=internet))
    internet.go_on(1)
    return cast("Outcome[object]", outcome)


def test_each_connection_is_decided_about_after_ehlo() -> None:
    internet, security = Internet(**{ADDRESS: server("STARTTLS")}), Security()
    outcome = connecting(published(), internet, security)
    assert outcome.error is None
    ((asked, host),) = security.asked
    assert asked == Exchangers(DOMAIN, [HOST, "two.example.net"], True, DOMAIN, 2525)
    assert host == Host(HOST, True, HOST)
    assert internet.net.servers[0].verbs == ["EHLO"]  # type: ignore[attr-defined]
    assert security.decision.ends == [(None, security.decision.ends[0][1], False)]


def test_what_is_not_secure_is_said() -> None:
    internet, security = Internet(**{ADDRESS: server()}), Security()
    connecting(published(DOMAIN, HOST), internet, security)
    ((asked, host),) = security.asked
    assert (asked.secure, host) == (False, Host(HOST, False, HOST))


def test_after_an_exchanger_that_must_not_get_mail_the_next_one_is_tried() -> None:
    internet, security = Internet(**{ADDRESS: server(), "192.0.2.2": server()}), Security()
    security.refused = [HOST]
    outcome = connecting(published(), internet, security)
    assert outcome.error is None
    assert [host.name for _, host in security.asked] == [HOST, "two.example.net"]
    assert [each.verbs for each in internet.net.servers] == [["EHLO", "QUIT"], ["EHLO"]]  # type: ignore[attr-defined]


def test_no_exchanger_may_get_mail() -> None:
    internet, security = Internet(**{ADDRESS: server(), "192.0.2.2": server()}), Security()
    security.refused = [HOST, "two.example.net"]
    outcome = connecting(published(), internet, security)
    assert "mx.example.net must not get it" in str(outcome.error)
    assert "two.example.net must not get it" in str(outcome.error)
    assert getattr(outcome.error, "temporary", None) is True


def test_without_security_the_settings_decide() -> None:
    found = servers(published())
    assert Outcome(Deferred.fromCoroutine(found.tls(HOST))).result() is None


@pytest.mark.parametrize(("insecure", "hostname", "verified"), [
    ((), "", True), ((DOMAIN,), "", False), ((HOST,), "", True), ((DOMAIN,), HOST, True),
])  # fmt: skip
def test_a_name_that_may_be_forged_does_not_do_for_requiretls(
    authority: Authority, insecure: tuple[str, ...], hostname: str, verified: bool
) -> None:
    """RFC 8689 §4.2.1: without security= too.  A forged exchanger has a certificate for its own name."""
    internet = Internet(**{ADDRESS: server("STARTTLS", "REQUIRETLS", tls=authority.server(HOST))})
    endpoint = MXEndpoint(internet, DOMAIN, resolver=published(*insecure))
    given = connect(endpoint, tls="required", trust_roots=authority.path, hostname=hostname, reactor=internet)
    outcome = Outcome(given)
    internet.go_on(1)
    client = outcome.result()
    assert client.tls is not None
    assert client.tls.verified is ("REQUIRETLS" in client.extensions) is verified
