"""TLSA records: what they say of a certificate, and which ones count (RFC 6698 §2.1, RFC 7671 §9, RFC 7672 §3.1)."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.grammar.tlsa import DANE_EE, DANE_TA, TLSARecord, association, strongest

CERTIFICATE, KEY = b"the certificate", b"the key"
DATA = {
    (0, 0): CERTIFICATE,
    (1, 0): KEY,
    (0, 1): hashlib.sha256(CERTIFICATE).digest(),
    (1, 1): hashlib.sha256(KEY).digest(),
    (0, 2): hashlib.sha512(CERTIFICATE).digest(),
    (1, 2): hashlib.sha512(KEY).digest(),
}
"""What matches, by selector and matching type."""


def record(usage: int, selector: int, matching: int, data: bytes | None = None) -> TLSARecord:
    return TLSARecord(usage, selector, matching, DATA[selector, matching] if data is None else data)


def matches(read: TLSARecord, certificate: bytes, key: bytes) -> bool:
    return association((certificate, key)[read.selector], read.matching) == read.data


@pytest.mark.parametrize(("selector", "matching"), DATA)
@pytest.mark.parametrize("usage", [DANE_TA, DANE_EE])
def test_a_record_of_each_kind(usage: int, selector: int, matching: int) -> None:
    read = TLSARecord.of(bytes([usage, selector, matching]) + DATA[selector, matching])
    assert read == record(usage, selector, matching)
    assert read.usable
    assert matches(read, CERTIFICATE, KEY)
    assert not matches(read, b"another", b"another")
    assert matches(read, CERTIFICATE, b"another") is (selector == 0)
    assert matches(read, b"another", KEY) is (selector == 1)


def test_mail_has_two_usages() -> None:
    """RFC 7672 §3.1.3: neither 0 nor 1."""
    assert [usage for usage in range(256) if record(usage, 1, 1).usable] == [DANE_TA, DANE_EE]


def test_a_selector_that_is_not_known() -> None:
    assert [each for each in range(256) if TLSARecord(DANE_EE, each, 1, bytes(32)).usable] == [0, 1]


@pytest.mark.parametrize("length", [1, 20, 28, 48])
def test_a_matching_type_that_is_not_known(length: int) -> None:
    assert [each for each in range(256) if TLSARecord(DANE_EE, 1, each, bytes(length)).usable] == [0]


@pytest.mark.parametrize(("matching", "right"), [(1, 32), (2, 64)])
def test_a_digest_has_its_length(matching: int, right: int) -> None:
    usable = [length for length in range(130) if TLSARecord(DANE_EE, 1, matching, bytes(length)).usable]
    assert usable == [right]


def test_the_whole_octets_have_any_length_but_none() -> None:
    assert [TLSARecord(DANE_EE, 0, 0, bytes(length)).usable for length in (0, 1, 1000)] == [False, True, True]


def test_the_beginning_of_a_digest_does_not_match() -> None:
    assert not matches(record(DANE_EE, 1, 1, DATA[1, 1][:31]), CERTIFICATE, KEY)
    assert not matches(record(DANE_EE, 1, 1, DATA[1, 1] + b"\0"), CERTIFICATE, KEY)


@pytest.mark.parametrize("octets", [b"", b"\3", b"\3\1"])
def test_a_record_that_is_too_short_is_not_usable(octets: bytes) -> None:
    assert not TLSARecord.of(octets).usable


def test_a_record_as_text() -> None:
    assert str(TLSARecord.of(b"\3\1\1\xab\xcd")) == "3 1 1 abcd"


# ---- which count (RFC 7671 §9)


def test_a_stronger_digest_replaces_a_weaker_one() -> None:
    weak, strong = record(DANE_EE, 1, 1), record(DANE_EE, 1, 2, bytes(64))
    assert strongest([weak, strong]) == strongest([strong, weak]) == [strong]
    assert strongest([weak]) == [weak]


def test_all_records_with_the_strongest_digest_count() -> None:
    both = [record(DANE_EE, 1, 2), record(DANE_EE, 1, 2, bytes(64))]
    assert strongest([*both, record(DANE_EE, 1, 1)]) == both


def test_each_usage_and_selector_has_its_own_strongest_digest() -> None:
    strong = record(DANE_EE, 1, 2)
    others = [record(DANE_EE, 0, 1), record(DANE_TA, 1, 1), record(DANE_TA, 0, 1)]
    assert strongest([strong, *others]) == [strong, *others]


@pytest.mark.parametrize("matching", [1, 2])
def test_the_whole_octets_count_beside_any_digest(matching: int) -> None:
    """RFC 7671 §9: matching type 0 is no digest, so it takes no part."""
    full, digest = record(DANE_EE, 1, 0), record(DANE_EE, 1, matching)
    assert strongest([full, digest]) == [full, digest]
    assert strongest([full, digest, record(DANE_EE, 1, 2)])[0] == full


@pytest.mark.parametrize("broken", [
    record(DANE_EE, 1, 2, bytes(63)), TLSARecord(DANE_EE, 1, 3, bytes(64)), TLSARecord(1, 1, 2, bytes(64)),
])  # fmt: skip
def test_a_record_that_cannot_be_used_replaces_none(broken: TLSARecord) -> None:
    weak = record(DANE_EE, 1, 1)
    assert strongest([broken, weak]) == [weak]


def test_no_record_can_be_used() -> None:
    assert strongest([]) == strongest([record(0, 1, 1), record(1, 0, 2)]) == []


# ---- any octets


@given(st.binary(max_size=200))
def test_any_octets_are_a_record(octets: bytes) -> None:
    read = TLSARecord.of(octets)
    assert str(read)
    if read.usable:
        assert read.usage in (DANE_TA, DANE_EE)
        assert not matches(read, CERTIFICATE, KEY)


kinds = st.tuples(st.sampled_from(range(5)), st.sampled_from(range(3)), st.sampled_from(range(4)))
records = st.builds(
    lambda kind, data: TLSARecord(*kind, data), kinds, st.sampled_from([b"", bytes(32), bytes(64), KEY])
)


@given(st.lists(records))
def test_what_counts_is_usable_and_for_each_kind_some_count(given_records: list[TLSARecord]) -> None:
    found = strongest(given_records)
    usable = [each for each in given_records if each.usable]
    assert all(each in usable for each in found)
    assert {(each.usage, each.selector) for each in found} == {(each.usage, each.selector) for each in usable}
    for usage, selector in itertools.product(range(5), range(3)):
        digests = {each.matching for each in found if (each.usage, each.selector) == (usage, selector)} - {0}
        assert len(digests) <= 1
