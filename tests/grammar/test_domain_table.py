"""Tables by domain: the most specific entry counts."""

from __future__ import annotations

import pytest

from txsmtpx.grammar.domain_table import DomainTable, entry_key


def table(*keys: str) -> DomainTable[str]:
    made: DomainTable[str] = DomainTable()
    for key in keys:
        made.add(key, f"value of {key}")
    return made


EVERY = ("example.org", ".example.org", ".lists.example.org", ".org", "*")


@pytest.mark.parametrize(("domain", "key"), [
    ("example.org", "example.org"),
    ("mail.example.org", ".example.org"),
    ("a.b.example.org", ".example.org"),
    ("lists.example.org", ".example.org"),
    ("a.lists.example.org", ".lists.example.org"),
    ("another.org", ".org"),
    ("notexample.org", ".org"),
    ("org", "*"),
    ("example.net", "*"),
    ("[192.0.2.1]", "*"),
    ("[ipv6:2001:db8::1]", "*"),
    ("", "*"),
])  # fmt: skip
def test_the_most_specific_counts(domain: str, key: str) -> None:
    assert table(*EVERY).key_of(domain) == key
    assert table(*reversed(EVERY)).key_of(domain) == key


def test_a_domain_is_not_below_itself() -> None:
    assert table(".example.org").key_of("example.org") is None
    assert table("example.org").key_of("mail.example.org") is None


def test_an_address_literal_is_below_nothing() -> None:
    assert table("[192.0.2.1]", ".1]").key_of("[192.0.2.1]") == "[192.0.2.1]"


def test_there_is_no_entry() -> None:
    empty = table()
    assert empty.key_of("example.org") is None
    assert empty.get("example.org") is None
    assert list(empty) == []


def test_entries_have_values_and_their_order() -> None:
    found = table(*EVERY)
    assert list(found) == list(EVERY)
    assert [found.get(each) for each in EVERY] == [f"value of {each}" for each in EVERY]
    assert found.get("mail.example.org") is None


def test_two_entries_of_one_domain() -> None:
    with pytest.raises(ValueError, match=r"^there are two for \.example\.org; leave one out$"):
        table(".example.org", ".example.org")


@pytest.mark.parametrize(("given", "key"), [
    ("*", "*"),
    ("Example.ORG", "example.org"),
    (".Example.ORG", ".example.org"),
    ("example.org.", "example.org"),
    (".B\u00dcCHER.example", ".xn--bcher-kva.example"),
    ("org", "org"),
    ("[192.0.2.1]", "[192.0.2.1]"),
    ("[IPv6:2001:DB8:0::1]", "[ipv6:2001:db8::1]"),
])  # fmt: skip
def test_the_key_of_an_entry(given: str, key: str) -> None:
    assert entry_key(given) == key


@pytest.mark.parametrize("given", [
    "", ".", "..", "..example.org", "*.example.org", "**", ".*", "a b", "ann@example.org", "-x.example", "a..b",
    "x" * 64 + ".org", ".[192.0.2.1", ".[192.0.2.1]", "example.org\n", "\u2603\u2603-.test",
])  # fmt: skip
def test_what_is_no_entry(given: str) -> None:
    with pytest.raises(ValueError, match=r"^write a domain, such as example\.org, \.example\.org or \"\*\", not "):
        entry_key(given)


def test_a_domain_with_many_labels_is_looked_up_at_once() -> None:
    assert table("*", ".org").key_of("a." * 120 + "org") == ".org"
