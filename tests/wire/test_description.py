"""Descriptions of endpoints, and what is wrong with one, in the words of an operator."""

from __future__ import annotations

import math
from typing import Any

import pytest
from OpenSSL import SSL, crypto
from twisted.internet import reactor
from twisted.internet.endpoints import HostnameEndpoint, clientFromString, serverFromString
from twisted.internet.testing import MemoryReactorClock

from txsmtpx.wire.description import (
    address_literal,
    check_host,
    check_number,
    check_port,
    ehlo_name,
    fault,
    host_and_port,
    name_of,
)


def test_the_names_of_endpoints():
    assert name_of("tcp:mail.example:25") == "tcp:mail.example:25"
    assert "mail.example" in name_of(HostnameEndpoint(reactor, "mail.example", 25))
    assert name_of(("mail.example", 587)) == "mail.example:587"
    assert name_of(object()) == "object"


def parsing(endpoint: str, parse: Any = clientFromString) -> Exception:
    """The exception that Twisted raises for an endpoint string."""
    with pytest.raises(Exception, match=r".") as raised:
        parse(MemoryReactorClock(), endpoint)
    return raised.value


@pytest.mark.parametrize(("endpoint", "text"), [
    ("tcp", "missing: host and port"), ("tcp:mail.example", "missing: port"),
    ("tcp:mail.example:x", "'x' is no number"), ("tcp:mail.example:25:timeout=y", "'y' is no number"),
    ("tcp:mail.example:25:colour=red", "it takes no colour"),
    ("smtp:mail.example", "no kind of endpoint is called 'smtp'; write tcp:HOST:PORT or unix:PATH"),
])  # fmt: skip
def test_what_is_wrong_with_the_endpoint_of_a_client(endpoint, text):
    assert fault(parsing(endpoint)) == text


@pytest.mark.parametrize(("endpoint", "text"), [
    ("tcp:25:1:2:3", "it has too many parts"), ("unix:/x:mode=9", "'9' is no octal number"),
    ("tcp:x", "'x' is no number"),
    ("ssl:465:privateKey=/nowhere/key.pem", "cannot read /nowhere/key.pem: No such file or directory"),
])  # fmt: skip
def test_what_is_wrong_with_the_endpoint_of_a_server(endpoint, text):
    assert fault(parsing(endpoint, serverFromString)) == text


@pytest.mark.parametrize(("error", "text"), [
    (SSL.Error([]), "its files hold no certificate with its key"), (crypto.Error(), "its files hold no certificate"),
    (KeyError("mail"), "no such socket was handed over"), (IndexError(3), "no such socket was handed over"),
    (ValueError("two\n  lines"), "two lines"), (ValueError(), "ValueError"),
    (OSError(24, "Too many open files"), "[Errno 24] Too many open files"),
], ids=repr)  # fmt: skip
def test_any_other_error_in_its_own_words(error, text):
    assert fault(error).startswith(text)


# ---- what a caller gives


@pytest.mark.parametrize("pair", [("mail.example", 587), ("", 0), ("::1", 25)])
def test_host_and_port_of_the_right_types(pair):
    assert host_and_port(pair) == pair


@pytest.mark.parametrize(("pair", "text"), [
    ((), r"not \(\)"), (("a",), r"not \('a',\)"), (("a", 1, 2), r"\(host, port\)"), ((b"a", 1), "is a str, not b'a'"),
    (("a", "25"), "is an int, not '25'"), (("a", True), "is an int, not True"), (("a", 25.0), r"is an int, not 25\.0"),
])  # fmt: skip
def test_host_and_port_of_wrong_types(pair, text):
    with pytest.raises(TypeError, match=text):
        host_and_port(pair)


@pytest.mark.parametrize(("domain", "name"), [
    ("", ""), ("mail.example.org", "mail.example.org"), ("B\u00dcCHER.example", "xn--bcher-kva.example"),
    ("[192.0.2.1]", "[192.0.2.1]"), ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"), ("localhost", "localhost"),
])  # fmt: skip
def test_a_name_for_ehlo(domain, name):
    assert ehlo_name(domain) == name


@pytest.mark.parametrize("domain", ["a b", "a\r\nRSET", "192.0.2.1]", "[192.0.2]", ".", "a..b", "-", "me@example.org"])
def test_no_name_for_ehlo(domain):
    with pytest.raises(
        ValueError, match=r"^domain, the name in EHLO, is a domain or an address literal, .*, not "
    ) as no:
        ehlo_name(domain)
    assert repr(domain) in str(no.value)


@pytest.mark.parametrize("domain", [None, b"mail.example.org", 7])
def test_a_name_for_ehlo_of_a_wrong_type(domain):
    with pytest.raises(TypeError, match=r"^domain, the name in EHLO, is text, not "):
        ehlo_name(domain)


@pytest.mark.parametrize(("host", "literal"), [
    ("", "localhost"), ("192.0.2.1", "[192.0.2.1]"), ("2001:DB8::1", "[IPv6:2001:db8::1]"),
    ("::ffff:192.0.2.1", "[192.0.2.1]"), ("fe80::1%eth0", "[IPv6:fe80::1]"),
])  # fmt: skip
def test_the_name_of_a_client_without_a_domain(host, literal):
    """RFC 5321 §4.1.3."""
    assert address_literal(host) == literal


@pytest.mark.parametrize(("value", "whole"), [(0, True), (7, True), (10**12, True), (0.5, False), (math.inf, False)])
def test_a_number(value, whole):
    check_number("size", value, whole)


@pytest.mark.parametrize(("value", "whole", "error", "text"), [
    ("7", False, TypeError, "size is a number, not '7'"), (None, False, TypeError, "size is a number, not None"),
    (True, False, TypeError, "size is a number, not True"), (7.0, True, TypeError, r"size is a whole number, not 7\.0"),
    (-1, True, ValueError, "size is a number from 0, not -1"), (math.nan, False, ValueError, "from 0, not nan"),
])  # fmt: skip
def test_no_number(value, whole, error, text):
    with pytest.raises(error, match=text):
        check_number("size", value, whole)


@pytest.mark.parametrize("port", [1, 25, 65535])
def test_a_port(port):
    check_port(port)


@pytest.mark.parametrize("port", [-1, 0, 65536])
def test_no_port(port):
    with pytest.raises(ValueError, match=rf"^{port} is no port: a port is a number from 1 to 65535$"):
        check_port(port)


@pytest.mark.parametrize(
    "host", ["mail.example.org", "localhost", "192.0.2.1", "2001:db8::1", "fe80::1%eth0", "bücher"]
)
def test_a_host(host):
    check_host(host)


@pytest.mark.parametrize(("host", "text"), [
    ("", "missing: host"), ("[192.0.2.1]", "is no host: write an IP address without brackets"),
    ("a b", "'a b' is no host$"), ("tcp:a:25", "is no host$"), ("a..b", "is no host$"), ("a\nb", "is no host$"),
])  # fmt: skip
def test_no_host(host, text):
    with pytest.raises(ValueError, match=text):
        check_host(host)
