"""Pools, web sites and name servers that end with their test."""

from __future__ import annotations

import pytest
from pytest_twisted import blockon

from tests.name_server import NameServer
from tests.wire.http_port import Port
from tests.wire.web_server import WebServer
from txsmtpx import SMTPPool
from txsmtpx.testing import Outcome


@pytest.fixture
def pool():
    """Makes a pool on a network; both are ended."""
    made = []

    def make(net, **how):
        made.append((net, SMTPPool(net, tls="none", reactor=net.clock, **how)))
        return made[-1][1]

    yield make
    for net, each in made:
        stopped = Outcome(each.stopService())
        net.flush()
        net.clock.advance(100)
        net.flush()
        assert stopped.result() is None
        assert net.clock.getDelayedCalls() == []


@pytest.fixture
def name_servers():
    """Makes name servers, and stops them."""
    made = []

    def make(*args, **answers):
        made.append(NameServer(*args, **answers))
        return made[-1]

    yield make
    for each in made:
        blockon(each.stop())


@pytest.fixture
def web_port():
    """A web site with one page, on a clock."""
    made = Port()
    yield made
    made.site.stopFactory()


@pytest.fixture
def serve():
    """Makes servers, of which no timer may be left."""
    made: list[WebServer] = []

    def make(*args: str, **how: object) -> WebServer:
        made.append(WebServer(*args, **how))
        return made[-1]

    yield make
    for each in made:
        each.client.close()
        assert each.clock.getDelayedCalls() == []
