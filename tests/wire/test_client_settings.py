"""What `connect`, `SMTPPool` and relays are given: what cannot be used is refused when it is given."""

from __future__ import annotations

import re
import ssl

import pytest
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.task import Clock

from txsmtpx import Plain, RelayBackend, SMTPPool, connect, send_mail
from txsmtpx.dialog.extension import Extension
from txsmtpx.extensions.size import SIZE
from txsmtpx.wire.client_settings import ClientSettings

WRONG = {
    "tls_verify": ({"tls_verify": "no"}, "tls_verify is True or False, not 'no'"),
    "tls_verify as a number": ({"tls_verify": 0}, "tls_verify is True or False, not 0"),
    "auth_optional": ({"auth_optional": "yes"}, "auth_optional is True or False, not 'yes'"),
    "both": ({"tls_verify": False, "trust_roots": "ca.pem"}, "tls_verify=False verifies no certificate: leave out"),
    "a mode": ({"tls": "starttls"}, "tls is opportunistic, required, implicit or none, not 'starttls'"),
    "a context to trust": ({"trust_roots": ssl.create_default_context()}, "trust_roots cannot be an ssl.SSLContext"),
    "a context to show": (
        {"client_certificate": ssl.create_default_context()},
        "client_certificate cannot be an ssl.SSLContext",
    ),
    "a username": ({"auth": ("me",)}, r"auth is \(username, password\), both str"),
    "octets": ({"auth": (b"me", b"secret")}, r"auth is \(username, password\), both str"),
    "a list": ({"auth": ["me", "secret"]}, r"auth is \(username, password\), or a mechanism such as Plain"),
    "a class": ({"auth": Plain}, r"auth is .*: Plain is a class, call it"),
    "roots that are none": ({"trust_roots": 42}, "trust_roots is the path of a PEM file or .*, not 42"),
    "a path to show": (
        {"client_certificate": "me.pem"},
        r"client_certificate is a twisted.internet.ssl.PrivateCertificate, not 'me.pem'",
    ),
    "a keyword": ({"extensions": ["SIZE"]}, r"extensions must be a list of Extension objects.*, not \['SIZE'\]"),
    "keywords": ({"extensions": "SIZE"}, "extensions must be a list of Extension objects, such as .*, not 'SIZE'"),
    "one extension": ({"extensions": SIZE}, "extensions must be a list of Extension objects"),
    "a time-out": ({"timeouts": "30"}, "timeouts is a Timeouts, or a number of seconds .*, not '30'"),
    "a negative time-out": ({"timeouts": -1}, "timeouts is a Timeouts, or a number of seconds from 0.*, not -1"),
    "a transcript": ({"transcript": "yes"}, "transcript is True, False or a function, not 'yes'"),
    "a reactor": ({"reactor": 42}, "reactor is a reactor of Twisted or a Clock, not 42"),
    "a class of reactors": ({"reactor": Clock}, "reactor is a reactor of Twisted or a Clock, not <class"),
    "a typo": ({"tls_verfy": False}, r"^(connect|send_mail|SMTPPool|RelayBackend) has no argument tls_verfy"),
}


TAKERS = {
    "connect": connect,
    "send_mail": lambda endpoint, **how: send_mail(endpoint, "me@example.org", ["you@example.net"], b"x\r\n", **how),
    "pool": SMTPPool,
    "relay": lambda endpoint, **how: RelayBackend([endpoint], **how),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("taker", TAKERS)
def test_what_cannot_be_used(taker, wrong):
    settings, text = WRONG[wrong]
    if taker == "relay":  # which has words of its own, those of txsmtpx.arguments
        text = next(iter(settings))
    with pytest.raises((TypeError, ValueError), match=text) as caught:
        TAKERS[taker]("tcp:mail.example.net:587", **settings)
    assert "secret" not in str(caught.value)
    assert "ClientSettings" not in str(caught.value)  # the caller has made none


def test_what_can_be_used():
    for auth in (None, ("me", "secret"), Plain("me", "secret")):
        assert SMTPPool("tcp:mail.example.net:587", auth=auth, tls_verify=False).settings.auth is auth


# ---- (host, port)


NONE = {
    "one": (("mail.example.net",), r"\(host, port\), such as \('mail.example.com', 587\)"),
    "three": (("mail.example.net", 25, 30), r"\(host, port\), such as \('mail.example.com', 587\)"),
    "a port as text": (("mail.example.net", "25"), "the port of an endpoint is an int, not '25'"),
    "a port as a truth": (("mail.example.net", True), "the port of an endpoint is an int, not True"),
    "no port": (("mail.example.net", None), "the port of an endpoint is an int, not None"),
    "a port too high": (("mail.example.net", 65536), "65536 is no port"),
    "a port too low": (("mail.example.net", 0), "0 is no port"),
    "octets": ((b"mail.example.net", 25), "the host of an endpoint is a str, not b'mail.example.net'"),
    "no host": (("", 25), "missing: host"),
    "no name": (("not a host", 25), "'not a host' is no host"),
    "an endpoint and a port": (("tcp:mail.example.net:25", 25), "'tcp:mail.example.net:25' is no host"),
    "brackets": (("[2001:db8::25]", 25), r"'\[2001:db8::25\]' is no host: write an IP address without brackets"),
    "a literal": (("[192.0.2.25]", 25), r"'\[192.0.2.25\]' is no host: write an IP address without brackets"),
    "a literal in a string": ("tcp:[192.0.2.25]:25", "write an IP address without brackets"),
    "a host": ("mail.example.net", "no kind of endpoint is called 'mail.example.net'; write tcp:HOST:PORT"),
    "a host and a port": ("mail.example.net:25", "no kind of endpoint is called 'mail.example.net'; write tcp:"),
    "a string in octets": (b"tcp:mail.example.net:25", "an endpoint is a string such as 'tcp:mail.example.com:587'"),
    "nothing": (None, r"\(host, port\), or a client endpoint of Twisted, not None"),
    "a class": (HostnameEndpoint, r"\(host, port\), or a client endpoint of Twisted, not <class"),
    "a list": (["mail.example.net", 25], r"\(host, port\), or a client endpoint of Twisted, not \["),
}


@pytest.mark.parametrize("none", NONE)
@pytest.mark.parametrize("taker", TAKERS)
def test_what_is_no_endpoint(taker, none):
    endpoint, text = NONE[none]
    if taker == "relay":
        text = f"{text}|endpoints must be a list"
    with pytest.raises((TypeError, ValueError), match=text):
        TAKERS[taker](endpoint)


@pytest.mark.system
async def test_a_server_by_host_and_port(smtp_server):
    await send_mail((smtp_server.host, smtp_server.port), "me@example.org", ["you@example.net"], b"x\r\n")
    (message,) = smtp_server.messages
    assert message.recipients == ("you@example.net",)


@pytest.mark.parametrize("hostname", ["mail.example.net\r\nRSET", "a b", "mail..example", "[::1]", "http://mail.example"])
@pytest.mark.parametrize("taker", TAKERS)
def test_a_hostname_is_checked_when_it_is_given(taker, hostname):
    text = f"hostname must be a domain or an IP address, not {hostname!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        TAKERS[taker]("tcp:mail.example.net:587", hostname=hostname)


@pytest.mark.parametrize("hostname", ["mail.example.net", "b\u00fccher.example", "192.0.2.7", "2001:db8::7", ""])
def test_a_hostname_is_a_domain_or_an_address(hostname):
    assert ClientSettings(hostname=hostname).hostname == hostname


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be used: No such file or directory"),
        ("nothing", "there is no certificate in"),
        ("-----BEGIN CERTIFICATE-----\nbm90\n-----END CERTIFICATE-----\n", "its first certificate is malformed"),
    ],
)
@pytest.mark.parametrize("taker", TAKERS)
def test_trust_roots_are_read_when_they_are_given(tmp_path, taker, content, why):
    path = tmp_path / "roots.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=rf"^trust_roots .*{why}"):
        TAKERS[taker]("tcp:mail.example.net:587", trust_roots=path)


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset, iter, lambda items: (each for each in items)])
@pytest.mark.parametrize("taker", ["pool", "relay"])
def test_any_iterable_of_extensions_and_of_keywords(taker, kind):
    own = Extension("X-PAINT", "none")
    made = TAKERS[taker]("tcp:mail.example.net:587", extensions=kind([own]), without=kind(["x-paint", "CHUNKING"]))
    for pool in made.pools if taker == "relay" else [made]:
        assert pool.settings.extensions == (own,)
        assert pool.settings.without == {"x-paint", "CHUNKING"}


def test_each_pool_of_a_relay_reads_the_same_iterator():
    relay = RelayBackend(["tcp:one.example.net:25", "tcp:two.example.net:25"], without=iter(["CHUNKING"]))
    assert [pool.settings.without for pool in relay.pools] == [{"CHUNKING"}] * 2
