"""Where the TLSA records of an exchanger are looked up (RFC 7672 §2.2)."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.names import dns, error
from twisted.names.client import Resolver

from tests.secure_names import NEVER, SecureNames, tlsa
from txsmtpx import DNSFailed
from txsmtpx.grammar.tlsa import TLSARecord
from txsmtpx.mx_tls.tlsa_lookup import TLSARecords, tlsa_records
from txsmtpx.testing import Outcome
from txsmtpx.wire.dns_records import Records
from txsmtpx.wire.transport_security import Host

HOST, TARGET = "mx.example.net", "target.example.org"
RECORD = f"3 1 1 {'ab' * 32}"
FOUND = (TLSARecord(3, 1, 1, b"\xab" * 32),)
SECURE, ALIAS = Host(HOST, True, HOST), Host(HOST, True, TARGET)
FIRST_SECURE = Host(HOST, False, TARGET)


def names(*owners: str, insecure: tuple[str, ...] = (), **answers: dict[str, object]) -> SecureNames:
    found = {f"_25._tcp.{owner}": tlsa(RECORD) for owner in owners}
    return SecureNames(Clock(), insecure, TLSA=found, **answers)  # type: ignore[arg-type]


async def found(resolver: SecureNames, host: Host, port: int = 25) -> TLSARecords | None:
    return await tlsa_records(host, port, Records(Clock(), resolver, 5))


async def test_a_secure_host() -> None:
    resolver = names(HOST)
    assert await found(resolver, SECURE) == TLSARecords(HOST, FOUND)
    assert resolver.asked == [("TLSA", f"_25._tcp.{HOST}")]


async def test_the_port_is_in_the_name() -> None:
    resolver = names(HOST)
    assert await found(resolver, SECURE, 2525) is None
    assert resolver.asked == [("TLSA", f"_2525._tcp.{HOST}")]


async def test_a_host_that_is_not_secure_is_not_asked_for() -> None:
    """RFC 7672 §2.2.2: some name servers of such zones do not answer for TLSA."""
    resolver = names(HOST)
    assert await found(resolver, Host(HOST, False, HOST)) is None
    assert await found(resolver, Host(HOST)) is None
    assert resolver.asked == []


async def test_an_alias_has_its_records_at_its_target() -> None:
    resolver = names(HOST, TARGET)
    assert await found(resolver, ALIAS) == TLSARecords(TARGET, FOUND)
    assert resolver.asked == [("TLSA", f"_25._tcp.{TARGET}")]


async def test_an_alias_has_its_records_at_itself() -> None:
    resolver = names(HOST)
    assert await found(resolver, ALIAS) == TLSARecords(HOST, FOUND)
    assert [name for _, name in resolver.asked] == [f"_25._tcp.{TARGET}", f"_25._tcp.{HOST}"]


async def test_a_target_whose_records_are_not_secure_leaves_those_of_the_alias() -> None:
    resolver = names(HOST, TARGET, insecure=(f"_25._tcp.{TARGET}",))
    assert await found(resolver, ALIAS) == TLSARecords(HOST, FOUND)


async def test_an_alias_that_is_secure_with_a_target_that_is_not() -> None:
    """RFC 7672 §2.2.3."""
    cname = {HOST: [dns.Record_CNAME(TARGET.encode())]}
    resolver = names(HOST, TARGET, CNAME=cname)
    assert await found(resolver, FIRST_SECURE) == TLSARecords(HOST, FOUND)
    assert resolver.asked == [("CNAME", HOST), ("TLSA", f"_25._tcp.{HOST}")]
    resolver = names(HOST, TARGET, CNAME=cname, insecure=(HOST,))
    assert await found(resolver, FIRST_SECURE) is None
    assert resolver.asked == [("CNAME", HOST)]


async def test_the_case_of_letters_makes_no_alias() -> None:
    resolver = names(HOST)
    assert await found(resolver, Host(HOST, False, HOST.upper())) is None
    assert resolver.asked == []
    assert await found(names("MX.example.net"), Host("MX.example.net", True, HOST)) is not None


async def test_there_are_none() -> None:
    assert await found(names(), SECURE) is None
    assert await found(names(), ALIAS) is None


async def test_records_that_are_not_validated_do_not_count() -> None:
    assert await found(names(HOST, insecure=("*",)), SECURE) is None


async def test_records_that_cannot_be_used_are_records() -> None:
    """RFC 7672 §2.2: the exchanger has to offer TLS then."""
    resolver = SecureNames(Clock(), TLSA={f"_25._tcp.{HOST}": tlsa("1 1 1 ab")})
    resolver.answers["TLSA"][f"_25._tcp.{HOST}"] = [dns.UnknownRecord(b"\1\1\1\xab"), dns.UnknownRecord(b"\3")]
    answer = await found(resolver, SECURE)
    assert answer is not None
    assert [each.usable for each in answer.records] == [False, False]


async def test_an_alias_of_the_records_themselves() -> None:
    alias = (f"_25._tcp.{HOST}", dns.Record_CNAME(b"tlsa.example.org"))
    resolver = SecureNames(Clock(), TLSA={f"_25._tcp.{HOST}": [alias], "tlsa.example.org": tlsa(RECORD)})
    assert await found(resolver, SECURE) == TLSARecords(HOST, FOUND)
    resolver.insecure = ["tlsa.example.org"]
    assert await found(resolver, SECURE) is None


@pytest.mark.parametrize("bogus", [error.DNSServerError(), error.DNSQueryTimeoutError(7), error.DNSQueryRefusedError()])
async def test_an_answer_that_is_bogus_is_not_none(bogus: Exception) -> None:
    """RFC 7672 §2.1.2: it may hide records."""
    for base in (HOST, TARGET):
        resolver = names(HOST, TARGET)
        resolver.answers["TLSA"][f"_25._tcp.{base}"] = bogus
        with pytest.raises(DNSFailed):
            await found(resolver, ALIAS if base == TARGET else SECURE)


def test_an_answer_that_never_comes() -> None:
    clock = Clock()
    resolver = SecureNames(clock, TLSA={f"_25._tcp.{HOST}": NEVER})
    outcome = Outcome(Deferred.fromCoroutine(tlsa_records(SECURE, 25, Records(clock, resolver, 5))))
    clock.advance(5)
    assert isinstance(outcome.error, DNSFailed)


async def test_a_resolver_of_twisted_knows_no_secure_names() -> None:
    """It has no look-up of any type, and what it finds is never secure."""
    records = Records(Clock(), Resolver(servers=[("192.0.2.1", 53)], reactor=Clock()), 5)
    assert await tlsa_records(FIRST_SECURE, 25, records) is None
