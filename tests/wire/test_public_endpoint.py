"""Connections to public addresses only, whatever a name resolves to."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock

from txsmtpx.wire.dns_records import DNSFailed
from txsmtpx.wire.public_endpoint import NotPublic, PublicEndpoint, is_public

PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "172.32.0.1"]
PRIVATE = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::127.0.0.1", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd00::1", "fec0::1", "ff02::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "2001::1",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "100::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address):
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses(address):
    assert not is_public(address)


class Resolver:
    """Resolves a name to other addresses each time."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    def resolveHostName(self, receiver, name, portNumber=0, **others):
        receiver.resolutionBegan(None)
        for address in self.answers.pop(0):
            kind = IPv6Address if ":" in address else IPv4Address
            receiver.addressResolved(kind("TCP", address, portNumber))
        receiver.resolutionComplete()


def connect(reactor, host="a.example", **how):
    factory = Factory.forProtocol(Protocol)
    outcome = []
    PublicEndpoint(reactor, host, 80, 10, **how).connect(factory).addBoth(outcome.append)
    reactor.advance(0.1)
    return outcome


def reactor_with(*answers):
    reactor = MemoryReactorClock()
    reactor.nameResolver = Resolver(*answers)
    return reactor


def tried(reactor):
    return [client[0] for client in reactor.tcpClients]


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"], ["::1"]])
def test_one_private_address_is_enough_to_refuse(answer):
    reactor = reactor_with(answer)
    (failure,) = connect(reactor)
    failure.trap(NotPublic)
    assert "a.example has the address" in str(failure.value)
    assert tried(reactor) == []


def test_the_name_is_looked_up_once():
    """A second answer, which leads into a private network (rebinding), is never asked for."""
    reactor = reactor_with(["8.8.8.8"], ["127.0.0.1"])
    connect(reactor)
    assert tried(reactor) == ["8.8.8.8"]
    assert reactor.nameResolver.answers == [["127.0.0.1"]]


def test_addresses_need_no_resolver():
    reactor = reactor_with()
    (failure,) = connect(reactor, "169.254.169.254")
    failure.trap(NotPublic)
    connect(reactor, "8.8.8.8")
    assert tried(reactor) == ["8.8.8.8"]


def test_the_next_address_is_tried():
    reactor = reactor_with(["8.8.8.8", "8.8.4.4"])
    outcome = connect(reactor)
    for _ in range(2):
        assert outcome == []
        reactor.tcpClients[-1][2].clientConnectionFailed(None, ConnectionRefusedError())
    outcome[0].trap(ConnectionRefusedError)
    assert tried(reactor) == ["8.8.8.8", "8.8.4.4"]


def test_a_name_without_an_address():
    (failure,) = connect(reactor_with([]))
    failure.trap(DNSFailed)


def test_networks_of_the_operator():
    from ipaddress import ip_network

    reactor = reactor_with(["127.0.0.1"], ["8.8.8.8"])
    how = {"networks": [ip_network("127.0.0.0/8")], "public": False}
    connect(reactor, **how)
    assert tried(reactor) == ["127.0.0.1"]
    (failure,) = connect(reactor, **how)
    failure.trap(NotPublic)
