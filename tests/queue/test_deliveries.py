"""The deliveries of a queue while it runs."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.queue.memory_queue_store import MemoryQueueStore
from txsmtpx.mx_tls.mx_security import MXSecurity
from txsmtpx.queue.deliveries import Deliveries, Delivering
from txsmtpx.queue.delivery_settings import QueueSettings
from txsmtpx.queue.route import Routes
from txsmtpx.testing import Outcome


class Watched(MXSecurity):
    """Notes when it is started and stopped."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def start(self, reactor, resolver=None):
        self.calls.append("start")

    def stop(self):
        self.calls.append("stop")


def test_the_security_of_connections_runs_as_long_as_the_deliveries():
    clock, security = Clock(), Watched()
    store = MemoryQueueStore()
    routes, settings = Routes([]), QueueSettings()
    queue = Delivering(store, routes, settings, "", security, None, None, print, print, clock.seconds)
    deliveries = Deliveries(clock, queue)
    assert security.calls == []
    deliveries.start()
    assert deliveries.activity() == (0, 0, 0.0)
    stopped = Outcome(Deferred.fromCoroutine(deliveries.stop()))
    clock.advance(60)
    assert stopped.fired
    assert security.calls == ["start", "stop"]
