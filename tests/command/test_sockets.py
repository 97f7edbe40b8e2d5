"""The reactor, as endpoints see it that listen."""

from __future__ import annotations

import socket

import pytest
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol

from txsmtpx.command.handover import Socket
from txsmtpx.command.sockets import HandedSockets, Sockets
from txsmtpx.testing import issue


@pytest.fixture
def factory():
    made = Factory.forProtocol(Protocol)
    made.noisy = False
    return made


@pytest.fixture
def descriptions(tmp_path, tmp_path_factory):
    """Endpoints of each kind, by what they ask the reactor for."""
    pem = issue(tmp_path)
    unix = tmp_path_factory.mktemp("u") / "socket"
    return {
        "tcp:0:interface=127.0.0.1": "tcp:127.0.0.1:0",
        "tcp6:0:interface=\\:\\:1": "tcp:::1:0",
        f"unix:{unix}:mode=600": f"unix:{unix}",
        f"ssl:0:interface=127.0.0.1:privateKey={pem.key}:certKey={pem.certificate}": "tcp:127.0.0.1:0",
        "haproxy:tcp:0:interface=127.0.0.1": "tcp:127.0.0.1:0",
    }


async def test_what_is_opened_for_others_is_noted(factory, descriptions):
    sockets = Sockets(reactor)
    sockets.share()
    ports = [await serverFromString(sockets, each).listen(factory) for each in descriptions]
    assert [each.place for each in sockets.shared] == list(descriptions.values())
    assert [each.descriptor for each in sockets.shared] == [port.fileno() for port in ports]
    assert not {*ports} & {*reactor.getReaders()}  # it accepts nothing
    for port in ports:
        await port.stopListening()


async def test_what_was_handed_is_listened_on(factory, descriptions):
    """By the same endpoint strings, whatever they wrap around it."""
    opener = Sockets(reactor)
    opener.share()
    opened = [await serverFromString(opener, each).listen(factory) for each in descriptions]
    sockets = HandedSockets(reactor, opener.shared)
    sockets.share()
    ports = [await serverFromString(sockets, each).listen(factory) for each in descriptions]
    assert [port.getHost() for port in ports] == [port.getHost() for port in opened]
    assert {*ports} <= {*reactor.getReaders()}
    for port in [*ports, *opened]:
        await port.stopListening()


async def test_what_was_not_handed_is_opened(factory):
    sockets = HandedSockets(reactor, [Socket("tcp:127.0.0.1:1", socket.AF_INET, 0)])
    port = await serverFromString(sockets, "tcp:0:interface=127.0.0.1").listen(factory)
    assert port.getHost().port > 1
    await port.stopListening()


async def test_alone_it_is_the_reactor(factory):
    sockets = Sockets(reactor)
    port = await serverFromString(sockets, "tcp:0:interface=127.0.0.1").listen(factory)
    assert port in reactor.getReaders()
    assert sockets.shared == []
    assert sockets.callLater == reactor.callLater
    await port.stopListening()
