"""The metrics of a queue: its depth, its outcomes by destination, and how many labels there can be."""

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from tests.queue.queues import ANN, Queues
from txsmtpx.interfaces import StoreError
from txsmtpx.mx_tls.tls_session import TLSSession
from txsmtpx.observers.metrics_observer import summed
from txsmtpx.observers.queue_metrics import NAMED, QueueMetrics
from txsmtpx.queue.queue_observer import Activity
from txsmtpx.queue.queued_mail import Depth
from txsmtpx.wire.dns_records import Records


def metrics(depth=lambda: succeed(Depth()), listener="", routes=()):
    return QueueMetrics(listener, depth, lambda: Activity(2, 1, 1000.0), routes)


def test_the_depth_is_that_of_the_store():
    depth = Depth(3, 500, 4, 1, 2, 940.0, (4, 1, 0, 0, 0, 0, 0, 0))
    found = metrics(lambda: succeed(depth)).export()
    assert found["queue_messages"] == [([""], 3)]
    assert found["queue_recipients"] == [(["", "waiting"], 4), (["", "held"], 1), (["", "leased"], 2)]
    assert found["queue_older_recipients"][:2] == [(["", "60"], 4), (["", "300"], 1)]
    assert found["queue_oldest_seconds"] == [([""], 60.0)]
    assert found["queue_paused_destinations"] == [([""], 1)]


def test_connections_to_exchangers_are_counted_by_policy_and_result():
    of, records = metrics(listener="mx"), Records(Clock(), None, 1)
    for failure in (None, "certificate-expired", None):
        of.ended(TLSSession("example.org", "sts", failure=failure), records)
    assert of.export()["queue_tls_connections"] == [
        (["mx", "sts", "success"], 2), (["mx", "sts", "certificate-expired"], 1)
    ]  # fmt: skip


def test_the_store_is_asked_once_at_a_time():
    asked = []

    def depth():
        asked.append(Deferred())
        return asked[-1]

    of = metrics(depth)
    of.export()
    of.export()
    assert len(asked) == 1
    asked[0].callback(Depth(messages=7))
    assert of.export()["queue_messages"] == [([""], 7)]
    assert len(asked) == 2


def test_a_store_that_fails_leaves_the_last_depth():
    answers = [succeed(Depth(messages=7)), fail(StoreError("no answer"))]
    of = metrics(lambda: answers.pop(0))
    of.export()
    with capturedLogs() as logs:
        assert of.export()["queue_messages"] == [([""], 7)]
    assert any("no answer" in str(each.get("error")) for each in logs)


def test_outcomes_are_counted_by_destination():
    of = metrics(routes=["*"])
    of.attempted("*", "delivered", 0.2)
    of.attempted("example.org", "deferred", 1.0)
    of.attempted("example.org", "delivered", 2.0)
    of.attempted("example.org", "deferred", 1.0)
    counts = {tuple(labels[1:]): count for labels, count in of.export()["queue_outcomes"]}
    assert counts["*", "delivered"] == 1
    assert counts["other", "deferred"] == 1  # before it was known as a domain with a server
    assert counts["example.org", "delivered"] == 1
    assert counts["example.org", "deferred"] == 1
    assert of.export()["queue_delivery_seconds"][0][1][-1] == 2.2


def test_clients_cannot_create_labels_without_end():
    of = metrics()
    for number in range(3 * NAMED):
        of.attempted(f"{number}.example", "failed", 1.0)
        of.attempted(f"{number}.example", "delivered", 1.0)
    labels = {labels[1] for labels, _ in of.export()["queue_outcomes"]}
    assert len(labels) == NAMED + 1


def test_workers_see_one_queue():
    depth = Depth(messages=3, ages=(0,) * 8)
    workers = [metrics(lambda: succeed(depth)) for _ in range(2)]
    for each in workers:
        each.attempted("*", "delivered", 1.0)
    found = summed(each.export() for each in workers)
    assert found["queue_messages"] == [([""], 3)]
    assert found["queue_deliveries"] == [([""], 4)]


def test_a_queue_reports_its_attempts():
    one = Queues()
    one.queue.observer = of = QueueMetrics("", one.queue.depth, one.queue.activity, one.queue.routes.keys())
    one.submit(ANN)
    counts = {tuple(labels[1:]): count for labels, count in of.export()["queue_outcomes"]}
    assert counts["*", "delivered"] == 1
    one.stop(60)
