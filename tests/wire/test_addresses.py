"""
A client's address is one and the same however the socket calls it: ::ffff:192.0.2.1 is 192.0.2.1, fe80::1%eth0 is
fe80::1; for backends, trust, caps, trace fields, logs, and those whom it is told.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory

from tests.wire.replies import codes
from txsmtpx import Connection, SMTPServerFactory
from txsmtpx.observers.transaction_log import TransactionLog
from txsmtpx.testing import Link, RecordingBackend

MAIL = ("EHLO client.example", "MAIL FROM:<a@client.example>")

FORMS = [
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("::FFFF:c000:201", "192.0.2.1"),
    ("::ffff:192.0.2.1%eth0", "192.0.2.1"),
    ("192.0.2.1", "192.0.2.1"),
    ("fe80::1%eth0", "fe80::1"),
    ("2001:DB8:0::1", "2001:db8::1"),
]


def connected(peer: str, backend: Any = None, **settings: Any) -> Link:
    factory = SMTPServerFactory(backend or RecordingBackend(), reactor=Clock(), **settings)
    return Link(factory.buildProtocol(None), factory.settings.clock, peer)


@pytest.mark.parametrize(("said", "plain"), FORMS)
def test_backends_see_the_plain_address(said, plain):
    backend = RecordingBackend()
    link = connected(said, backend)
    link.ask(*MAIL)
    connection = backend.calls[0][1]
    assert connection.peer_host == plain
    kind = IPv6Address if ":" in plain else IPv4Address
    assert connection.peer == kind("TCP", plain, 4000)
    assert f"[{plain}]" in repr(connection)
    link.hang_up()


def test_what_is_no_ipv6_address_stays_as_it_is():
    connection = Connection("S", "localhost", False)
    for address in (None, UNIXAddress("/run/x"), IPv4Address("TCP", "192.0.2.1", 1), SimpleNamespace(host="x:y%z")):
        connection.peer = connection.host = address
        assert connection.peer is address
        assert connection.host == address


def test_connections_to_the_same_address_share_its_object():
    first, second, other = (Connection("S", "localhost", False) for _ in range(3))
    first.host, second.host = IPv4Address("TCP", "192.0.2.25", 25), IPv4Address("TCP", "192.0.2.25", 25)
    other.host = IPv4Address("TCP", "192.0.2.25", 587)
    assert first.host is second.host
    assert other.host == IPv4Address("TCP", "192.0.2.25", 587)


def test_both_ends():
    connection = Connection("S", "localhost", False)
    connection.host = IPv6Address("TCP", "::ffff:192.0.2.25", 25)
    assert connection.host == IPv4Address("TCP", "192.0.2.25", 25)
    connection.host = IPv6Address("TCP", "fe80::2%eth0", 25, 0, 3)
    assert connection.host == IPv6Address("TCP", "fe80::2", 25)


@pytest.mark.parametrize(
    ("network", "peer", "answer"),
    [
        ("192.0.2.0/24", "::ffff:192.0.2.1", "220"),
        ("::ffff:192.0.2.0/120", "192.0.2.1", "220"),
        ("::ffff:192.0.2.0/120", "::ffff:192.0.2.1", "220"),
        ("fe80::/10", "fe80::1%eth0", "220"),
        ("::ffff:0:0/96", "198.51.100.1", "220"),
        ("192.0.2.0/24", "::ffff:198.51.100.1", "550"),
        ("::/0", "::ffff:192.0.2.1", "550"),  # a network of IPv6 has no IPv4 in it
        ("192.0.2.0/24", "::192.0.2.1", "550"),
        ("192.0.2.0/24", "64:ff9b::192.0.2.1", "550"),
        ("192.0.2.0/24", "2002:c000:201::", "550"),
    ],
)
def test_trust(network, peer, answer):
    link = connected(peer, trusted_networks=[network])
    assert codes(link.ask("EHLO proxy.example", "XCLIENT ADDR=198.51.100.7"))[-1] == answer
    link.hang_up()


@pytest.mark.parametrize("network", ["fe80::%eth0/64", "::ffff:10.0.0.1/104"])
def test_a_network_that_is_none(network):
    with pytest.raises(ValueError, match=r"."):
        SMTPServerFactory(RecordingBackend(), reactor=Clock(), trusted_networks=[network])


def test_a_host_has_one_cap_however_it_is_called():
    factory = SMTPServerFactory(RecordingBackend(), reactor=Clock(), max_connections_per_host=1)
    clock = factory.settings.clock
    first = Link(factory.buildProtocol(None), clock, "192.0.2.1")
    second = Link(factory.buildProtocol(None), clock, "::ffff:192.0.2.1")
    other = Link(factory.buildProtocol(None), clock, "fe80::1%eth0")
    again = Link(factory.buildProtocol(None), clock, "fe80::1%eth1")
    assert codes(first.replies() + second.replies() + other.replies() + again.replies()) == ["220", "421", "220", "421"]
    first.hang_up()
    other.hang_up()
    assert factory.admission.per_host == {}


def test_a_client_with_a_network_of_ipv6_addresses_has_one_cap():
    factory = SMTPServerFactory(RecordingBackend(), reactor=Clock(), max_connections_per_host=1)
    hosts = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1", "192.0.2.1", "192.0.2.2"]
    links = [Link(factory.buildProtocol(None), factory.settings.clock, host) for host in hosts]
    assert codes([said for link in links for said in link.replies()]) == ["220", "421", "220", "220", "220"]
    for link in links:
        link.hang_up()
    assert factory.admission.per_host == {}


@pytest.mark.parametrize(
    ("command", "host"),
    [
        ("XCLIENT ADDR=IPV6:::ffff:198.51.100.7 PORT=40000", "198.51.100.7"),
        ("XCLIENT ADDR=IPV6:::FFFF:C633:6407 PORT=40000", "198.51.100.7"),
        ("XCLIENT ADDR=ipv6:2001:DB8::7 PORT=40000", "2001:db8::7"),
    ],
)
def test_xclient(command, host):
    backend = RecordingBackend()
    link = connected("192.0.2.1", backend, trusted_networks=["192.0.2.0/24"], max_connections_per_host=1)
    link.ask("EHLO proxy.example", command, *MAIL)
    connection = backend.calls[0][1]
    kind = IPv6Address if ":" in host else IPv4Address
    assert connection.peer == kind("TCP", host, 40000)
    assert connection.xclient["ADDR"] == connection.peer_host == host
    link.hang_up()


def test_xforward():
    backend = RecordingBackend()
    link = connected("192.0.2.1", backend, trusted_networks=["192.0.2.0/24"])
    link.ask("EHLO proxy.example", "XFORWARD ADDR=IPV6:::ffff:198.51.100.7 NAME=::ffff:1.2.3.4", MAIL[1])
    assert backend.calls[0][1].xforward == {"ADDR": "198.51.100.7", "NAME": "::ffff:1.2.3.4"}
    link.hang_up()


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY TCP6 ::ffff:198.51.100.7 ::ffff:203.0.113.25 40000 25\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x24" + bytes(10) + b"\xff\xff\xc6\x33\x64\x07" + bytes(10)
        + b"\xff\xff\xcb\x00\x71\x19" + b"\x9c\x40\x00\x19",
    ],
    ids=["v1", "v2"],
)  # fmt: skip
def test_a_proxy_header(header):
    backend = RecordingBackend()
    factory = SMTPServerFactory(backend, reactor=Clock())
    link = Link(HAProxyWrappingFactory(factory).buildProtocol(None), factory.settings.clock, "192.0.2.9")
    link.send(header)
    link.ask(*MAIL)
    connection = backend.calls[0][1]
    assert connection.peer == IPv4Address("TCP", "198.51.100.7", 40000)
    assert connection.host == IPv4Address("TCP", "203.0.113.25", 25)
    link.hang_up()


@pytest.mark.parametrize(("said", "literal"), [(said, f"IPv6:{it}" if ":" in it else it) for said, it in FORMS])
def test_the_trace_and_the_log(said, literal):
    events: list[dict[str, Any]] = []
    logger: Any = SimpleNamespace(observer=events.append, namespace="test")
    traced: list[bytes] = []

    async def data(message, context):
        await message.content()
        traced.append(context.received())

    link = connected(said, RecordingBackend(data=data), observers=[TransactionLog(logger=logger)])
    link.ask(*MAIL, "RCPT TO:<b@localhost>", "DATA", "Subject: x", "", ".")
    link.hang_up()
    assert traced[0].startswith(b"Received: from client.example ([%s])\r\n" % literal.encode())
    (event,) = events
    assert event["peer"] == literal.removeprefix("IPv6:")
    assert f" peer={event['peer']} " in event["smtpx_line"]
