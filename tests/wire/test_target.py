"""Settings of a client that have a wrong type or value, and TLS where the server speaks none."""

from __future__ import annotations

import pytest

from txsmtpx import RelayBackend, SMTPPool, TLSFailed, connect
from txsmtpx.wire.client_tls import ClientTLS


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
    with pytest.raises(ValueError, match=r"^trust_roots: there is no certificate in '.*roots\.pem'$"):
        ClientTLS("mail.example.com", file)


@pytest.mark.parametrize("endpoints", ["tcp:127.0.0.1:2525", ("127.0.0.1", 2525)], ids=repr)
def test_the_next_servers_are_a_list(network, endpoints):
    with pytest.raises(TypeError, match=r"^the next servers are a list of endpoints: write \[.*\]$"):
        RelayBackend(endpoints, reactor=network().clock)


def test_tls_from_the_first_octet_where_the_server_speaks_none(network):
    net = network()
    with pytest.raises(TLSFailed, match=r"^the server sent something that is not TLS, such as plain text \(wrong ver"):
        net.result(connect(net, tls="implicit", hostname="mail.example.com", reactor=net.clock))
