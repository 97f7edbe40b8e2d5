"""``mx:`` as an endpoint string."""

from __future__ import annotations

import pytest
from twisted.internet import reactor
from twisted.internet.endpoints import clientFromString

from txsmtpx import MXEndpoint
from txsmtpx.wire.target import target


def test_as_a_string():
    found = clientFromString(reactor, "mx:example.net")
    assert isinstance(found, MXEndpoint)
    assert (found._domain, found._port, found._timeout) == ("example.net", 25, 30)
    found = clientFromString(reactor, "mx:example.net:port=2525:timeout=7")
    assert (found._domain, found._port, found._timeout) == ("example.net", 2525, 7)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("mx:[192.0.2.1]", "192.0.2.1"),
        ("mx:[IPv6:2001:db8::1]", "2001:db8::1"),  # whose colons need no backslash
        (r"mx:[IPv6\:2001\:db8\:\:1]", "2001:db8::1"),
        ("mx:[IPv6:2001:db8::1]:2525:timeout=7", "2001:db8::1"),
        ("mx:[IPv6:::ffff:192.0.2.1]", "192.0.2.1"),
    ],
)
def test_an_address_literal_as_a_string(text, address):
    found = clientFromString(reactor, text)
    assert found.address == address
    assert (found._port, found._timeout) in [(25, 30), (2525, 7)]


NO_LITERALS = ["[", "[]", "[x]", "[192.0.2.1", "[192.0.2.256]", "[IPv6:]", "[2001:db8::1]", "[IPv6:1]"]


@pytest.mark.parametrize("literal", NO_LITERALS)
def test_an_address_literal_that_is_none(literal):
    with pytest.raises(ValueError, match=r"such as \[192\.0\.2\.1\]"):
        clientFromString(reactor, f"mx:{literal}")


def test_to_the_loopback_interface_by_a_literal():
    """In the clear, as to all of it."""
    for text, tls in (("mx:[127.0.0.1]", "none"), ("mx:[IPv6:::1]", "none"), ("mx:[192.0.2.1]", "required")):
        assert target(reactor, text).tls == tls


@pytest.mark.parametrize("text", ["mx:", "mx:example.net:port=x", "mx:example.net:unknown=1", "mx:a:1:2:3"])
def test_a_string_that_is_wrong(text):
    with pytest.raises((ValueError, TypeError)):
        clientFromString(reactor, text)
