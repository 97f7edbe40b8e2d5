"""Hosts whose addresses are looked up in the DNS, and whether those are secure (RFC 7672 §2.2.2)."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.names import dns, error

from tests.internet import Internet, a, aaaa
from tests.secure_names import NEVER, Answers, SecureNames
from txsmtpx.testing import Outcome
from txsmtpx.wire.address_lookup import AddressLookup
from txsmtpx.wire.dns_hosts import DNSHosts
from txsmtpx.wire.dns_records import Records
from txsmtpx.wire.system_resolver import SystemResolver
from txsmtpx.wire.transport_security import Host

HOST, FOUR, SIX = "mx.example.net", "192.0.2.1", "2001:db8::1"


def hosts(names: SystemResolver) -> DNSHosts:
    clock = Internet()
    return DNSHosts(clock, Records(clock, names, 5), 2525, 7)


def addresses(found: DNSHosts, name: str = HOST) -> tuple[AddressLookup, Outcome[list[str]]]:
    looking = found.addresses(name)
    return looking, Outcome(Deferred.fromCoroutine(looking.next_batch()))


def looked_up(insecure: tuple[str, ...] = (), **answers: Answers) -> Host:
    """What is known of the host after both answers."""
    found = hosts(SecureNames(Internet(), insecure, **answers))
    looking, outcome = addresses(found)
    assert outcome.fired
    looking.stop()
    return found.looked_up(HOST)


BOTH: dict[str, Answers] = {"A": {HOST: a(FOUR)}, "AAAA": {HOST: aaaa(SIX)}}


def test_addresses_of_both_families() -> None:
    _, outcome = addresses(hosts(SecureNames(Internet(), **BOTH)))
    assert outcome.result() == [SIX, FOUR]


def test_a_host_is_secure_if_both_answers_are() -> None:
    assert looked_up(**BOTH) == Host(HOST, True, HOST)
    assert looked_up((HOST,), **BOTH) == Host(HOST, False, HOST)


@pytest.mark.parametrize("insecure", ["A", "AAAA"])
def test_one_answer_that_is_not_secure_is_enough(insecure: str) -> None:
    class Half(SecureNames):
        def look_up(self, name, kind):  # type: ignore[no-untyped-def]
            self.insecure = [name] if dns.QUERY_TYPES[kind] == insecure else []
            return super().look_up(name, kind)

    found = hosts(Half(Internet(), **BOTH))
    addresses(found)
    assert found.looked_up(HOST) == Host(HOST, False, HOST)


@pytest.mark.parametrize("answers", [
    {"A": {HOST: a(FOUR)}, "AAAA": {HOST: []}}, {"A": {HOST: []}, "AAAA": {HOST: aaaa(SIX)}},
])  # fmt: skip
@pytest.mark.parametrize("insecure", [(), (HOST,)])
def test_an_answer_without_addresses_counts(insecure: tuple[str, ...], answers: dict[str, Answers]) -> None:
    """RFC 7672 §2.2.2: it is secure too, or the host is not."""
    assert looked_up(insecure, **answers).secure is (not insecure)


@pytest.mark.parametrize("missing", [error.DNSServerError(), error.DNSQueryTimeoutError(7)])
def test_an_answer_that_fails_does_not_count(missing: Exception) -> None:
    assert looked_up(A={HOST: a(FOUR)}, AAAA={HOST: missing}) == Host(HOST, True, HOST)


def test_an_answer_that_comes_late_does_not_count_before() -> None:
    found = hosts(SecureNames(Internet(), A={HOST: a(FOUR)}, AAAA={HOST: NEVER}))
    looking, _ = addresses(found)
    assert found.looked_up(HOST) == Host(HOST, True, HOST)
    looking.stop()


@pytest.mark.parametrize(("insecure", "secure"), [((), True), ((HOST,), False), (("b.test",), False)])
def test_aliases_over_several_answers_are_secure_if_all_are(insecure: tuple[str, ...], secure: bool) -> None:
    alias = [dns.Record_CNAME(b"b.test")]
    found = looked_up(insecure, A={HOST: alias, "b.test": a(FOUR)}, AAAA={HOST: alias, "b.test": []})
    assert found == Host(HOST, secure, "b.test")


def test_aliases_in_one_answer() -> None:
    chain = [(HOST, dns.Record_CNAME(b"b.test")), ("b.test", dns.Record_CNAME(b"c.test")), ("c.test", a(FOUR)[0])]
    assert looked_up(A={HOST: chain}, AAAA={HOST: chain[:2]}) == Host(HOST, True, "c.test")


def test_a_host_that_was_not_looked_up_is_not_secure() -> None:
    assert hosts(SecureNames(Internet())).looked_up(HOST) == Host(HOST, False, HOST)


def test_a_second_look_up_replaces_the_first() -> None:
    names = SecureNames(Internet(), [HOST], **BOTH)
    found = hosts(names)
    addresses(found)
    names.insecure = []
    addresses(found)
    assert found.looked_up(HOST).secure
    names.answers = {}
    addresses(found)
    assert not found.looked_up(HOST).secure


def test_each_host_is_known_by_itself() -> None:
    names = SecureNames(Internet(), ["b.test"], A={HOST: a(FOUR), "b.test": a(FOUR)}, AAAA={HOST: [], "b.test": []})
    found = hosts(names)
    addresses(found)
    addresses(found, "b.test")
    assert [found.looked_up(name).secure for name in (HOST, "b.test")] == [True, False]


def test_endpoints() -> None:
    found = hosts(SecureNames(Internet()))
    assert found.port == 2525
    for address, kind in ((FOUR, TCP4ClientEndpoint), (SIX, TCP6ClientEndpoint)):
        endpoint = found.endpoint(address)
        assert isinstance(endpoint, kind)
        assert (endpoint._host, endpoint._port, endpoint._timeout) == (address, 2525, 7)
