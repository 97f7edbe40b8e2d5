"""IP addresses in their plain form: without a zone, IPv4-mapped ones as IPv4 (RFC 4291 §2.5.5.2, RFC 4007 §11)."""

from __future__ import annotations

import pytest

from txsmtpx.grammar.host import client_network, counted_address, plain_address, plain_network


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1%eth0", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%25eth0", "fe80::1"),
        ("FE80:0:0:0:0:0:0:1%2", "fe80::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::1", "::1"),
        ("::", "::"),
        # What only looks like a mapped address is another (RFC 4291 §2.5.5.1, RFC 6052, RFC 3056).
        ("::192.0.2.1", "::c000:201"),
        ("::ffff:0:192.0.2.1", "::ffff:0:c000:201"),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
        ("2002:c000:201::1", "2002:c000:201::1"),
        ("mail.example.org", "mail.example.org"),
        ("/run/smtp:1", "/run/smtp:1"),
        ("::ffff:999.0.2.1", "::ffff:999.0.2.1"),
        ("::1%eth0:", "::1"),
        ("a%b", "a%b"),
        ("%eth0", "%eth0"),
        ("::\u0661", "::\u0661"),
        ("", ""),
    ],
)
def test_addresses(text, plain):
    assert plain_address(text) == plain
    assert plain_address(plain) == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("192.0.2.1", "192.0.2.1/32"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("::fffe:0:0/95", "::fffe:0:0/95"),
    ],
)
def test_networks(text, plain):
    assert str(plain_network(text)) == plain


@pytest.mark.parametrize("text", ["", "x", "10.0.0.1/8", "fe80::%eth0/64", "fe80::1%eth0", "::ffff:10.0.0.1/104"])
def test_no_network(text):
    with pytest.raises(ValueError, match="has a zone: name the network without it" if "%" in text else "."):
        plain_network(text)


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("mail.example.org", "mail.example.org"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_the_client_that_an_address_counts_for(text, counted):
    assert counted_address(text) == counted


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.1", "192.0.2.0/24"),
        ("::ffff:192.0.2.1", "192.0.2.0/24"),
        ("::ffff:192.0.2.1%eth0", "192.0.2.0/24"),
        ("2001:DB8::1:2:3:4", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("mail.example.org", "mail.example.org"),
        ("not:an:address", "not:an:address"),
        ("192.0.2.256", "192.0.2.256"),
        ("", ""),
    ],
)
def test_the_network_of_a_client(text, network):
    assert client_network(text) == network
