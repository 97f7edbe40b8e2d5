"""The policies of TLS that an operator states."""

from __future__ import annotations

from typing import cast, get_args

import pytest

from txsmtpx.mx_tls.tls_policy_table import TLSLevel, TLSPolicy, TLSPolicyTable

LEVELS = get_args(TLSLevel)


@pytest.mark.parametrize("level", LEVELS)
def test_each_level(level: TLSLevel) -> None:
    policy = TLSPolicy("Example.ORG", level)
    assert (policy.domain, policy.level, policy.names) == ("example.org", level, ())
    assert TLSPolicy.parsed(f"Example.ORG={level}") == policy
    assert str(policy) == f"example.org={level}"


@pytest.mark.parametrize("level", ["", "Secure", "fingerprint", "tls"])
def test_a_level_that_there_is_not(level: str) -> None:
    hint = "(did you mean secure|write auto, none, .* or dane-only)"
    with pytest.raises(ValueError, match=rf"^there is no level '{level}'; {hint}"):
        TLSPolicy("example.org", cast(TLSLevel, level))


@pytest.mark.parametrize("level", ["verify", "secure"])
def test_names(level: TLSLevel) -> None:
    policy = TLSPolicy("example.org", level, iter(["MX.Example.NET", ".Example.NET.", "b\u00fccher.example"]))
    assert policy.names == ("mx.example.net", ".example.net", "xn--bcher-kva.example")
    assert str(policy) == f"example.org={level}:mx.example.net,.example.net,xn--bcher-kva.example"
    assert TLSPolicy.parsed(str(policy)) == policy


@pytest.mark.parametrize("level", [each for each in LEVELS if each not in ("verify", "secure")])
def test_names_of_a_level_that_has_none(level: TLSLevel) -> None:
    with pytest.raises(ValueError, match=rf"^the level {level} has no names; leave out mx\.example\.net, or write "):
        TLSPolicy("example.org", level, ["mx.example.net"])


def test_one_name_is_written_as_a_list_too() -> None:
    with pytest.raises(ValueError, match=r"^names is a list of names, not 'mx\.example\.net'$"):
        TLSPolicy("example.org", "secure", "mx.example.net")


@pytest.mark.parametrize("name", ["", ".", "*", "*.example.net", "[192.0.2.1]", "a b", "a@b", "..example.net", "a,b"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match=r"^a name is one such as mx\.example\.net or \.example\.net, not '"):
        TLSPolicy("example.org", "secure", [name])


def test_colons_between_names_as_in_postfix_are_explained() -> None:
    with pytest.raises(ValueError, match=r"not 'mx\.example\.net:\.example\.com'; write commas between several names$"):
        TLSPolicy.parsed("example.org=secure:mx.example.net:.example.com")


@pytest.mark.parametrize("domain", ["", "ann@example.org", "*.example.org", "-"])
def test_what_is_no_domain(domain: str) -> None:
    with pytest.raises(ValueError, match=r"^write a domain, such as example\.org, \.example\.org or \"\*\", not "):
        TLSPolicy(domain, "may")


def test_blanks_around_the_parts_do_not_count() -> None:
    found = TLSPolicy.parsed(" .example.org = secure : mx.example.net , .example.net ")
    assert found == TLSPolicy(".example.org", "secure", ["mx.example.net", ".example.net"])


def test_an_address_literal_has_a_policy() -> None:
    assert TLSPolicy.parsed("[IPv6:2001:db8::1]=encrypt").domain == "[ipv6:2001:db8::1]"


@pytest.mark.parametrize("text", ["", "example.org", "example.org secure", "example.org=secure:"])
def test_a_text_that_is_no_policy(text: str) -> None:
    with pytest.raises(ValueError, match=rf"^'{text}' is no policy; write DOMAIN=LEVEL, such as example\.org=encrypt"):
        TLSPolicy.parsed(text)


# ---- the table


def test_the_most_specific_policy_counts() -> None:
    table = TLSPolicyTable(map(TLSPolicy.parsed, ["*=may", ".example.org=encrypt", "example.org=secure"]))
    domains = ("example.org", "lists.example.org", "example.net", "[192.0.2.1]", "org")
    assert [table.policy(domain).level for domain in domains] == ["secure", "encrypt", "may", "may", "may"]


@pytest.mark.parametrize("domain", [
    "example.net", "[192.0.2.1]", "[ipv6:2001:db8::1]", "org", "a_b.example", "-x.example", ".", ".example.org", "",
])  # fmt: skip
def test_without_a_policy_the_level_is_auto(domain: str) -> None:
    """Also of what the DNS can be asked for, and is no domain of an address."""
    policy = TLSPolicyTable([TLSPolicy("example.org", "secure")]).policy(domain)
    assert (policy.level, policy.names) == ("auto", ())


def test_two_policies_for_one_domain() -> None:
    with pytest.raises(ValueError, match=r"^there are two TLS policies for example\.org; leave one out$"):
        TLSPolicyTable([TLSPolicy("example.org", "may"), TLSPolicy("EXAMPLE.org.", "none")])
