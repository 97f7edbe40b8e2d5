"""The options of ports, and of what a server offers."""

from __future__ import annotations

import socket

import pytest

from tests.command.parsing import complaints, factory, listener


def test_ident():
    assert factory("--ident", "Postbox 7").settings.greeting.lines[0].endswith(" ESMTP Postbox 7")
    assert factory().settings.greeting.lines[0].endswith(" ESMTP txsmtpx")


def test_trusted_networks():
    made = factory("--trusted-network", "10.0.0.0/8", "--trusted-network", "2001:db8::1")
    assert list(map(str, made.settings.trusted_networks)) == ["10.0.0.0/8", "2001:db8::1/128"]
    assert {"XCLIENT", "XFORWARD"} <= made.settings.tables.usual.keywords
    assert not {"XCLIENT", "XFORWARD"} & factory().settings.tables.usual.keywords


@pytest.mark.parametrize(
    ("ports", "kinds"),
    [
        (["2525"], ["TCP4ServerEndpoint"]),
        (["tcp:2525:interface=127.0.0.1", "2526"], ["TCP4ServerEndpoint"] * 2),
        (["tcp6:2525"], ["TCP6ServerEndpoint"]),
        (["unix:/run/lmtp"], ["UNIXServerEndpoint"]),
        (["haproxy:tcp:2525"], ["_WrapperServerEndpoint"]),
    ],
)
def test_ports(ports, kinds):
    options = [option for port in ports for option in ("-p", port)]
    assert [type(each.endpoint).__name__ for each in listener(*options).ports] == kinds


@pytest.mark.parametrize("port", ["tcp:2525", "unix:x", "haproxy:tcp:2525"])
def test_a_port_in_the_clear(port):
    (made,) = listener("--port", port).ports
    assert (made.description, made.in_tls) == (port, False)


def test_a_port_in_tls(pem):
    both = str(pem.both).replace(":", "\\:")
    (made,) = listener("--port", f"ssl:4650:privateKey={both}:certKey={both}").ports
    assert made.in_tls


def test_without_a_domain_it_is_the_name_of_the_host():
    assert listener().settings["domain"] == socket.gethostname()
    assert listener("--domain", "mx.example.org").settings["domain"] == "mx.example.org"


def test_an_extension_that_the_backend_does_not_declare():
    offered = factory("--extension", "dsn", "--extension", "MT-PRIORITY").settings.tables.usual.keywords
    assert {"DSN", "MT-PRIORITY"} <= offered
    assert not {"DSN", "MT-PRIORITY"} & factory().settings.tables.usual.keywords


@pytest.mark.parametrize(("options", "line"), [
    (["--extension", "nosuch"], "--extension must be the keyword of an extension, such as DSN, not 'nosuch'"),
    (["--port", "txsni:/nowhere:tcp:25"],
     "--port txsni:/nowhere:tcp:25: cannot read /nowhere: No such file or directory; write txsni:DIRECTORY:tcp:PORT"),
    (["--port", "tcp:25:colour=red"], "--port tcp:25:colour=red: it takes no colour; write tcp:PORT, such as tcp:1025, "
     "or tcp:1025:interface=127.0.0.1 for this host only"),
    (["--bare-newlines", "maybe"], "--bare-newlines must be normalize, reject or accept, not 'maybe'"),
])  # fmt: skip
def test_what_is_wrong_is_told_with_its_option(options, line):
    assert complaints(*options) == [line]


def test_a_directory_without_certificates_is_found_when_it_is_given(tmp_path):
    """`txsni:` itself would find it when a client connects."""
    (line,) = complaints("--port", f"txsni:{tmp_path}:tcp:25")
    assert line.endswith(f": no certificates in {tmp_path}; write txsni:DIRECTORY:tcp:PORT")
    (tmp_path / "x.pem").touch()
    assert len(listener("--port", f"txsni:{tmp_path}:tcp:25").ports) == 1
