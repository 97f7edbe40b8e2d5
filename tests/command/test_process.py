"""The records of the process and its listeners."""

from __future__ import annotations

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import MultiService
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock

from tests.conversations import observed
from txsmtpx.command.groups import OPTIONS
from txsmtpx.command.option import Values
from txsmtpx.command.process import Listener, Process
from txsmtpx.command.sockets import Sockets
from txsmtpx.observers.metrics_observer import MetricsObserver


def process() -> Process:
    return Process(Sockets(MemoryReactorClock()))


def test_an_error_is_told_once():
    """One at the top of a file is wrong for every listener."""
    made = process()
    for error in ("a.toml:1: port is wrong", "a.toml:2: port is wrong", "a.toml:1: port is wrong"):
        made.complain(error)
    assert made.errors == ["a.toml:1: port is wrong", "a.toml:2: port is wrong"]


def test_the_counters_of_all_listeners_are_summed():
    made = process()
    made.figures = [MetricsObserver("mx"), MetricsObserver("submission")]
    clients = [observed(figures) for figures in made.figures]
    clients[0].ask("NOOP")
    connections = made.figures_of()["connections"]
    assert sorted(labels[0] for labels, _ in connections) == ["mx", "submission"]
    for client in clients:
        client.hang_up()


def test_a_site_listens_on_the_port_of_the_command():
    """The service has made an endpoint of the same string itself."""
    made, port = process(), object()
    site = MultiService()
    listening = StreamServerEndpointService(object(), Factory())
    listening.setServiceParent(site)
    made.add_site(port, site)
    assert listening.endpoint is port
    assert made.sites == [(port, listening)]


def test_records_do_not_share_their_lists():
    reactor = Sockets(MemoryReactorClock())
    one, other = (Listener(reactor, Values(OPTIONS, {})) for _ in range(2))
    one.ports.append(object())
    one.observers.append(object())
    one.settings["lmtp"] = True
    assert (other.ports, other.observers, other.settings, other.name) == ([], [], {}, "")
    assert other.shutdown_timeout == 30
    assert process().errors is not process().errors
