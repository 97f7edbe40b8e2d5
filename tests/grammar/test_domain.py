"""Domains as A-labels (RFC 5890, RFC 5891, UTS 46): which are one, which are two, and which are none."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.grammar.domain import MAX_DOMAIN, check_domain, domain_key, to_a_label
from txsmtpx.grammar.malformed import Malformed


@pytest.mark.parametrize(
    ("domain", "key"),
    [
        ("", ""),
        ("example.org", "example.org"),
        ("EXAMPLE.Org", "example.org"),
        ("example.org.", "example.org"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("B\u00dcCHER.EXAMPLE", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("BU\u0308CHER.example.", "xn--bcher-kva.example"),
        ("_dmarc.b\u00fccher.example", "_dmarc.xn--bcher-kva.example"),
        # IDNA 2008: no longer ss and another sigma (RFC 5894 §7.2)
        ("stra\u00dfe.example", "xn--strae-oqa.example"),
        ("strasse.example", "strasse.example"),
        ("\u03b2\u03cc\u03bb\u03bf\u03c2.example", "xn--nxasmm1c.example"),
        ("\u03b2\u03cc\u03bb\u03bf\u03c3.example", "xn--nxasmq6b.example"),
        # A joiner where its script has it (RFC 5892 appendix A)
        ("\u0915\u094d\u200d\u0937.example", "xn--11b2ezcw70k.example"),
        ("\uff71.example", "xn--cck.example"),
        ("\u05d0.example", "xn--4db.example"),
        # Address literals (RFC 5321 §4.1.3)
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("[IPv6:2001:DB8:0:0::1]", "[ipv6:2001:db8::1]"),
        ("[ipv6:::ffff:192.0.2.1]", "[192.0.2.1]"),
        ("[IPV6:::FFFF:C000:201]", "[192.0.2.1]"),
        ("[X400:c=DE]", "[x400:c=de]"),
        ("[", "["),
        ("[ipv6:", "[ipv6:"),
        ("[ipv6:x]", "[ipv6:x]"),
    ],
)
def test_keys(domain, key):
    assert domain_key(domain) == key
    assert domain_key(key) == key


REFUSED = [
    # Full stops that are none (RFC 6531 §3.3)
    "ex\u3002ample.org", "ex\uff0eample.org", "ex\uff61ample.org", "ex\u2024ample.org", "b\u00fccher\u3002example",
    # Letters that would become ASCII: fullwidth, Kelvin, long s, dotted I, ligature, mathematical, squared, circled
    "\uff45\uff58ample.org", "\u212a.example", "\u017f.example", "\u0130stanbul.example", "\ufb01x.example",
    "\U0001d41a.example", "\u338f.example", "\u24d0.example", "\u00aa.example", "\u00b2.example",
    "b\u00fc\u212a.example",
    # Characters that would vanish: soft hyphen, zero width space, word joiner, variation selector
    "ex\u00adample.org", "ex\u200bample.org", "b\u00fc\u2060cher.example", "b\u00fc\ufe0fcher.example",
    "\ufeffa.example",
    # Joiners, directions and marks where they may not stand (RFC 5892 appendix A, RFC 5893)
    "a\u200db.example", "a\u200cb.example", "\u05d0a.example", "1\u05d0.example", "\u0663.example", "\u0301a.example",
    "\u202eb\u00fccher.example", "a\u00b7.example",
    # What no label holds, and what no label is
    "[\u00fc]", "[\u0080.example",
    "\u00a0.example", "\u2028.example", "a\u0085b.example", "\U0001f389.example", "\u2260.example", "\ud800.example",
    "xn--\u00fc.example", "-\u00fc.example", "\u00fc-.example", "\u00fc_x.example", "a..\u00fc", ".\u00fc",
    "a b.\u00fc b",
    "\u00fc" * 60 + ".example", ".".join(["\u00fc\u4e00"] * 23), "\u00fc" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("domain", REFUSED, ids=ascii)
def test_what_is_no_domain(domain):
    for function in (domain_key, to_a_label):
        with pytest.raises(ValueError, match=f"^not a domain: {re.escape(domain[:MAX_DOMAIN])}: "):
            function(domain)
    with pytest.raises(ValueError, match=r"domain") as raised:
        check_domain(domain)
    assert str(raised.value).isascii()  # a peer may read it, whatever the peer said
    assert len(str(raised.value)) < 80


def test_an_ascii_domain_keeps_its_case_and_its_dot():
    assert to_a_label("Example.ORG.") == "Example.ORG."
    assert to_a_label("B\u00fccher.Example.ORG.") == "xn--bcher-kva.Example.ORG."


def test_an_a_label_has_63_octets_and_a_domain_255():
    longest = "\u00fc" * 57  # with xn-- and the numbers of Punycode
    assert len(to_a_label(longest)) == 63
    check_domain(longest)
    with pytest.raises(ValueError, match="no U-label"):
        check_domain(longest + "\u00fc")
    labels = ["\u00fc\u4e00"] * 23  # of 5 octets in UTF-8, and of 12 as A-labels
    assert len(".".join(labels).encode()) < MAX_DOMAIN
    with pytest.raises(Malformed, match=r"^the domain is too long$"):
        check_domain(".".join(labels))
    domain = f"{longest}.{longest}.{'x' * 25}"
    assert len(domain.encode()) == MAX_DOMAIN
    check_domain(domain)
    with pytest.raises(Malformed, match=r"^the domain is too long$"):
        check_domain(f"{domain}x")


@given(st.text(st.characters(exclude_characters=".", exclude_categories=["Cs"]), max_size=20))
def test_a_letter_beyond_ascii_never_becomes_ascii(label):
    """Or nothing: a label that is not in ASCII is known by its xn--."""
    try:
        key = domain_key(f"{label}.example")
    except ValueError:
        return
    assert key.isascii()
    assert key.startswith("xn--") or label.isascii()
    assert domain_key(key) == key


@given(st.text("bucherBUCHER\u00fc\u00dc\u0308-.", max_size=20))
def test_case_and_normalization_do_not_matter(domain):
    try:
        key = domain_key(domain)
    except ValueError:
        return
    for other in (domain.upper(), domain.lower(), f"{key}."):
        assert domain_key(other) == key


def test_an_ascii_domain_does_without_idna(monkeypatch):
    monkeypatch.setitem(sys.modules, "idna", None)
    assert domain_key("Example.ORG") == "example.org"
    assert domain_key("xn--bcher-kva.example") == "xn--bcher-kva.example"
