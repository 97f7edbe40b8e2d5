"""The service that listens for browsers: its port, the addresses that its pages name, and its end."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from twisted.application.service import IService, MultiService
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.testing import MemoryReactorClock
from zope.interface.verify import verifyObject

from txsmtpx import MemoryBackend, SMTPService
from txsmtpx.inbox.inbox_service import InboxService
from txsmtpx.inbox.inbox_site import InboxSite

ENDPOINT = "tcp:8025:interface=127.0.0.1"


class Mail(SMTPService):
    """A server of mail with ports at these addresses."""

    def __init__(self, *addresses):
        MultiService.__init__(self)
        self._addresses = addresses

    @property
    def ports(self):
        return [SimpleNamespace(getHost=lambda address=address: address) for address in self._addresses]


def test_it_listens_while_it_runs():
    backend, reactor = MemoryBackend(), MemoryReactorClock()
    service = InboxService(backend, ENDPOINT, reactor)
    assert verifyObject(IService, service)
    service.startService()
    ((port, site, _, interface),) = reactor.tcpServers
    assert (port, interface) == (8025, "127.0.0.1")
    assert isinstance(site, InboxSite)
    assert site.inbox.store.backend is backend


def test_it_has_ended_when_the_process_of_its_parser_has():
    service = InboxService(MemoryBackend(), ENDPOINT, MemoryReactorClock())
    service.startService()
    stopped = []
    service.stopService().addCallback(stopped.append)
    assert stopped == [None]


@pytest.mark.parametrize(("endpoint", "names"), [("nonsense:1", ()), ("tcp:x", ()), (ENDPOINT, ["ex\u3002ample"])])
def test_what_cannot_be_used_is_refused_when_it_is_given(endpoint, names):
    with pytest.raises(ValueError, match=r"."):
        InboxService(MemoryBackend(), endpoint, MemoryReactorClock(), names)


@pytest.mark.parametrize(("address", "shown"), [
    (IPv4Address("TCP", "192.0.2.1", 25), [("192.0.2.1", 25)]),
    (IPv4Address("TCP", "0.0.0.0", 25), [("127.0.0.1", 25)]),
    (IPv6Address("TCP", "::", 25), [("127.0.0.1", 25)]), (IPv6Address("TCP", "::1", 25), [("::1", 25)]),
    (UNIXAddress("/run/lmtp"), []),
], ids=repr)  # fmt: skip
def test_the_pages_name_the_ports_of_the_mail_server_beside_it(address, shown):
    together = MultiService()
    service = InboxService(MemoryBackend(), ENDPOINT, MemoryReactorClock())
    assert service._addresses() == []
    for each in (Mail(address), service):
        each.setServiceParent(together)
    assert service._addresses() == shown
