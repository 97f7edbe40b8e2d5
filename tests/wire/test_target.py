"""Settings of a client that have a wrong type or value, and TLS where the server speaks none."""

from __future__ import annotations

import pytest
from twisted.internet import reactor
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint

from txsmtpx import (
    MXEndpoint,
    RelayBackend,
    SMTPPool,
    TLSFailed,
    connect,
)
from txsmtpx.wire.client_tls import ClientTLS
from txsmtpx.wire.target import target


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"hostname": 5}, "hostname is text, not 5"),
        ({"hostname": None}, "hostname is text, not None"),
        ({"transcript": 5}, "transcript is True, False or a function, not 5"),
    ],
    ids=repr,
)
def test_a_setting_of_a_wrong_type(network, settings, text):
    net = network()
    for attempt in (connect, SMTPPool):
        with pytest.raises(TypeError) as caught:
            attempt(net, tls="none", reactor=net.clock, **settings)
        assert str(caught.value) == text
    assert not net.servers


@pytest.mark.parametrize("name", ["size", "max_messages", "idle", "wait"])
def test_a_number_of_a_pool(network, name):
    net = network()
    for wrong in ("3", None, True):
        with pytest.raises(TypeError, match=f"^{name} is a number, not {wrong!r}$"):
            SMTPPool(net, tls="none", reactor=net.clock, **{name: wrong})
    whole = name in ("size", "max_messages")
    for wrong in (-1,) if whole else (-1, float("nan")):
        with pytest.raises(ValueError, match=f"^{name} is "):
            SMTPPool(net, tls="none", reactor=net.clock, **{name: wrong})
    for wrong in (2.5, float("nan")) if whole else ():
        with pytest.raises(TypeError, match=f"^{name} is a whole number, not {wrong!r}$"):
            SMTPPool(net, tls="none", reactor=net.clock, **{name: wrong})


def test_a_file_without_a_certificate(tmp_path):
    file = tmp_path / "roots.pem"
    file.write_text("no certificate")
    with pytest.raises(
        ValueError, match=r"^trust_roots '.*roots\.pem' cannot be used: there is no certificate in it$"
    ):
        ClientTLS("mail.example.com", file)


@pytest.mark.parametrize("endpoints", ["tcp:127.0.0.1:2525", ("127.0.0.1", 2525)], ids=repr)
def test_the_next_servers_are_a_list(network, endpoints):
    with pytest.raises(TypeError, match=r"^the next servers are a list of endpoints: write \[.*\]$"):
        RelayBackend(endpoints, reactor=network().clock)


def test_tls_from_the_first_octet_where_the_server_speaks_none(network):
    net = network()
    with pytest.raises(TLSFailed, match=r"^the server sent something that is not TLS, such as plain text \(wrong ver"):
        net.result(connect(net, tls="implicit", hostname="mail.example.com", reactor=net.clock))


TARGETS = {
    "tcp:mail.example.net:587": ("mail.example.net", "required"),
    "tcp:host=mail.example.net:port=587:timeout=7": ("mail.example.net", "required"),
    "tcp:192.0.2.1:25": ("192.0.2.1", "required"),
    "tcp:127.0.0.1:25": ("127.0.0.1", "none"),
    "tcp:127.9.9.9:25": ("127.9.9.9", "none"),
    r"tcp:\:\:1:25": ("::1", "none"),
    "tcp:localhost:25": ("localhost", "none"),
    "tcp:localhost.example.net:25": ("localhost.example.net", "required"),
    "tcp:LOCALHOST.:25": ("LOCALHOST.", "none"),
    r"tcp:\:\:ffff\:127.0.0.1:25": ("::ffff:127.0.0.1", "none"),
    "tcp:B\u00dcCHER.example:25": ("xn--bcher-kva.example", "required"),
    "tls:stra\u00dfe.example:465": ("xn--strae-oqa.example", "implicit"),
    "tls:mail.example.net:465": ("mail.example.net", "implicit"),
    "ssl:mail.example.net:465": ("mail.example.net", "implicit"),
    "tls:127.0.0.1:465": ("127.0.0.1", "implicit"),
    "unix:/run/lmtp": ("", "none"),
    "mx:example.net": ("", "required"),
}


@pytest.mark.parametrize("endpoint", TARGETS)
def test_what_a_string_says(endpoint):
    found = target(reactor, endpoint)
    assert (found.hostname, found.tls) == TARGETS[endpoint]
    assert IStreamClientEndpoint.providedBy(found.endpoint)


def test_what_an_endpoint_says():
    assert target(reactor, HostnameEndpoint(reactor, "mail.example.net", 25)).tls == "required"
    assert target(reactor, HostnameEndpoint(reactor, b"mail.example.net", 25)).hostname == "mail.example.net"
    assert target(reactor, HostnameEndpoint(reactor, "localhost", 25)).tls == "none"
    assert target(reactor, TCP4ClientEndpoint(reactor, "127.0.0.1", 25)).tls == "none"
    assert target(reactor, UNIXClientEndpoint(reactor, "/run/lmtp")).tls == "none"
    assert target(reactor, MXEndpoint(reactor, "example.net")).tls == "required"


def test_the_rest_of_a_string_is_heeded():
    endpoint = target(reactor, "tcp:mail.example.net:587:timeout=7:bindAddress=192.0.2.9").endpoint
    assert (endpoint._timeout, endpoint._bindAddress) == (7, ("192.0.2.9", 0))


@pytest.mark.parametrize(
    ("host", "hostname", "mode"),
    [
        ("mail.example.net", "mail.example.net", "required"),
        ("localhost", "localhost", "none"),
        ("127.0.0.1", "127.0.0.1", "none"),
        ("::1", "::1", "none"),
        ("2001:db8::25", "2001:db8::25", "required"),
        ("B\u00dcCHER.example", "xn--bcher-kva.example", "required"),
    ],
)
def test_host_and_port(host, hostname, mode):
    found = target(reactor, (host, 587))
    assert (found.hostname, found.tls) == (hostname, mode)
    written = host.replace(":", "\\:")
    string = target(reactor, f"tcp:{written}:587")
    for each in ("_hostText", "_port", "_timeout", "_bindAddress"):
        assert getattr(found.endpoint, each) == getattr(string.endpoint, each)
    assert vars(found.servers) == vars(string.servers)
