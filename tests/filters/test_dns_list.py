"""The name that a DNS list is asked for, the meaning of its answer, and the syntax of Postfix (RFC 5782)."""

from __future__ import annotations

import pytest

from txsmtpx.filters.dns_list import DNSList, is_listing, query_name

SIX = "1.0.0.0." + "0.0.0.0." * 5 + "8.b.d.0.1.0.0.2"


@pytest.mark.parametrize(("address", "name"), [
    ("192.0.2.99", "99.2.0.192.bl.example"),
    ("127.0.0.2", "2.0.0.127.bl.example"),
    ("2001:db8::1", f"{SIX}.bl.example"),
    ("::ffff:7f00:2", "2.0.0.0.0.0.f.7.f.f.f.f." + "0." * 20 + "bl.example"),
])  # fmt: skip
def test_the_name_that_is_asked(address: str, name: str) -> None:
    assert query_name(address, "bl.example") == name


@pytest.mark.parametrize(("text", "zone", "weight"), [
    ("bl.example", "bl.example", 1),
    ("BL.Example*3", "bl.example", 3),
    ("bl.example*-2.5", "bl.example", -2.5),
    ("bl.example=127.0.0.2*4", "bl.example", 4),
    ("_bl.b\u00fccher.example", "_bl.xn--bcher-kva.example", 1),
])  # fmt: skip
def test_a_list(text: str, zone: str, weight: float) -> None:
    found = DNSList.parse(text)
    assert (found.zone, found.weight) == (zone, weight)


@pytest.mark.parametrize(("codes", "counts", "others"), [
    ("127.0.0.2", ["127.0.0.2"], ["127.0.0.3", "127.0.1.2", "127.1.0.2"]),
    ("127.0.0.[2;4..6]", ["127.0.0.2", "127.0.0.4", "127.0.0.6"], ["127.0.0.3", "127.0.0.7"]),
    ("127.0.[0..1].[2..3]", ["127.0.1.3"], ["127.0.2.3", "127.0.1.4"]),
    ("127.0.0.[0..255]", ["127.0.0.0", "127.0.0.255"], []),
])  # fmt: skip
def test_codes(codes: str, counts: list[str], others: list[str]) -> None:
    assert DNSList.parse(f"bl.example={codes}").listed([*counts, *others]) == tuple(counts)


def test_without_codes_all_count() -> None:
    assert DNSList.parse("bl.example").listed(["127.0.0.2", "127.9.9.9"]) == ("127.0.0.2", "127.9.9.9")


@pytest.mark.parametrize("text", [
    "", ".", "a..b", "bl.example.", "bl.example*", "bl.example*x", "bl.example*2x", "bl.example=", "bl example", "a/b",
    "bl.example=127.0.0", "bl.example=127.0.0.2.3", "bl.example=127.0.0.x", "bl.example*2=127.0.0.2", "a\n.b", "a.b\n",
    "bl.example=127.0.0.[2", "\uff0e", "bl.example=127.0.0.[]", "bl.example=127.0.0.[2..]", "bl.example=127.0.0.[..2]",
    "bl.example=127.0.0.[2...3]", "bl.example=127.0.0.[2;]", "bl.example=127.0.0.[1.2]",
])  # fmt: skip
def test_no_list(text: str) -> None:
    with pytest.raises(ValueError, match="a DNS list is a zone such as"):
        DNSList.parse(text)


@pytest.mark.parametrize("codes", [
    "127.0.0.256", "127.0.0.[3..2]", "127.0.0.[0..999]", "127.0.0.[999]",
])  # fmt: skip
def test_no_codes(codes: str) -> None:
    with pytest.raises(ValueError, match="DNS list"):
        DNSList.parse(f"bl.example={codes}")


@pytest.mark.parametrize(("answer", "listing"), [
    ("127.0.0.2", True), ("127.0.0.11", True), ("127.255.254.255", True), ("127.1.2.3", True),
    ("127.0.0.1", False), ("127.255.255.252", False), ("127.255.255.0", False), ("126.255.255.255", False),
    ("128.0.0.0", False), ("192.0.2.1", False),
])  # fmt: skip
def test_a_listing(answer: str, listing: bool) -> None:
    assert is_listing(answer) is listing
