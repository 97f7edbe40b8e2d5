"""A port of the command: where it listens, and how it explains that it cannot."""

from __future__ import annotations

import pytest
from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import MultiService, Service
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory

from txsmtpx.command.port import NotListening, Port, listening_services
from txsmtpx.command.sockets import Sockets

HERE = "tcp:25:interface=127.0.0.1"


class Opened:
    """A port of Twisted."""

    def __init__(self, address) -> None:
        self._address = address

    def getHost(self):
        return self._address


class Endpoint:
    """An endpoint that returns a result, or raises it."""

    def __init__(self, result) -> None:
        self._result = result

    def listen(self, factory):
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


def listening(address) -> Port:
    port = Port("port", f"--port {HERE}", HERE, Endpoint(succeed(Opened(address))), Sockets(None))
    port.listen(Factory())
    return port


@pytest.mark.parametrize(
    ("address", "place", "is_for_all", "is_local"),
    [
        (IPv4Address("TCP", "0.0.0.0", 25), "all interfaces, port 25", True, False),
        (IPv6Address("TCP", "::", 25), "all interfaces, port 25", True, False),
        (IPv4Address("TCP", "127.0.0.1", 25), "127.0.0.1, port 25", False, True),
        (IPv6Address("TCP", "::1", 25), "::1, port 25", False, True),
        (IPv6Address("TCP", "::ffff:127.0.0.1", 25), "::ffff:127.0.0.1, port 25", False, True),
        (IPv6Address("TCP", "fe80::1%eth0", 25), "fe80::1%eth0, port 25", False, False),
        (IPv4Address("TCP", "192.0.2.1", 25), "192.0.2.1, port 25", False, False),
        (UNIXAddress(b"/run/lmtp"), "UNIX socket /run/lmtp", False, False),
        (UNIXAddress(b"\0lmtp"), "UNIX socket @lmtp", False, False),
        (object(), HERE, False, False),
    ],
)
def test_the_place_of_an_open_port(address, place, is_for_all, is_local):
    port = listening(address)
    assert (port.place, port.is_for_all, port.is_local) == (place, is_for_all, is_local)
    assert (port.host is None) == (port.number is None)


def test_a_port_that_is_not_open_has_its_endpoint_string():
    port = Port("port", f"--port {HERE}", HERE, Endpoint(Deferred()), Sockets(None))
    port.listen(Factory())
    assert (port.place, port.host, port.opened) == (HERE, None, None)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (CannotListenError("", 25, "it is in use"), "Couldn't listen on any:25: it is in use."),
        (FileNotFoundError(2, "No such file or directory", "/key"), "cannot read /key: No such file or directory"),
        (ValueError("invalid literal for int() with base 10: 'x'"), "'x' is no number"),
        (ZeroDivisionError(), "ZeroDivisionError"),
    ],
)
@pytest.mark.parametrize("later", [False, True])
def test_every_error_names_the_option(error, why, later):
    endpoint = Endpoint(fail(error) if later else error)
    port = Port("port", "mail.toml:3: port tcp:25", "tcp:25", endpoint, Sockets(None))
    found = []
    port.listen(Factory()).addErrback(found.append)
    assert found[0].check(NotListening)
    assert found[0].getErrorMessage() == f"mail.toml:3: port tcp:25: {why}"


def test_a_port_that_is_cancelled_is_no_error():
    found = []
    opening = Port("port", "--port 25", "tcp:25", Endpoint(Deferred()), Sockets(None)).listen(Factory())
    opening.addErrback(found.append)
    opening.cancel()
    assert found[0].check(CancelledError)


def test_the_services_that_listen():
    one, other = StreamServerEndpointService(None, None), StreamServerEndpointService(None, None)
    inner, outer = MultiService(), MultiService()
    for service, parent in ((one, outer), (Service(), outer), (inner, outer), (other, inner)):
        service.setServiceParent(parent)
    assert list(listening_services(outer)) == [one, other]
