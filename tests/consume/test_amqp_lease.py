"""A lease of AMQP: what is not handled is stored before the message is acknowledged."""

from __future__ import annotations

import pytest

pytest.importorskip("pika", reason="pika is not installed (extra amqp)")

from tests.consume.queue import envelope
from tests.consume.test_amqp_source import Receiving
from txsmtpx.backends import amqp_message
from txsmtpx.backends.body_directory import BodyDirectory
from txsmtpx.consume import Remainder, Settlement, SourceError, amqp_lease
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Outcome

RETRY = Remainder(envelope("bob@example.net"), "452 full")
DEAD = Remainder(envelope("carol@example.net"), "550 unknown")


@pytest.fixture
def receiving(tmp_path):
    made = Receiving(bodies=str(tmp_path)).start()
    yield made
    made.stop()
    assert made.network.clock.getDelayedCalls() == []


def settle(receiving, lease, **what) -> Outcome:
    outcome = Outcome(deferred_call(lease.settle, Settlement(**what)))
    receiving.network.flush()
    return outcome


def stored(receiving) -> list[tuple[str, str, dict[str, object]]]:
    """(queue, reason, headers) of each message that was published."""
    return [(key, each.headers["smtp-reason"], each.headers) for key, each, _ in receiving.broker.messages]


def test_a_retry(receiving) -> None:
    receiving.deliver(attempts=1, other="kept", x_death="not kept", smtp_unknown="not kept")
    settle(receiving, receiving.leases[0], retry=RETRY, delay=0.5).result()
    ((queue, reason, headers),) = stored(receiving)
    assert (queue, reason) == ("mail.retry.0.5", "452 full")
    assert (headers[amqp_message.ATTEMPTS], headers["other"]) == (2, "kept")
    assert not {"x-death", "smtp-unknown"} & set(headers)
    assert amqp_message.envelope_of(headers) == RETRY.envelope
    ((_, properties, body),) = receiving.broker.messages
    assert (body, properties.message_id, properties.delivery_mode) == (b"octets", "m1", 2)
    assert receiving.broker.arguments["mail.retry.0.5"]["x-message-ttl"] == 500
    assert receiving.broker.acked == [1]


def test_a_dead_letter(receiving) -> None:
    receiving.deliver(attempts=4)
    settle(receiving, receiving.leases[0], dead=DEAD).result()
    ((queue, reason, headers),) = stored(receiving)
    assert (queue, reason) == ("mail.dead", "550 unknown")
    assert amqp_message.ATTEMPTS not in headers
    assert receiving.broker.acked == [1]


def test_the_message_is_acknowledged_after_the_remainders_are_stored(receiving) -> None:
    receiving.broker.hold = True
    receiving.deliver()
    outcome = settle(receiving, receiving.leases[0], retry=RETRY, delay=1, dead=DEAD)
    receiving.broker.ack(1)
    receiving.network.flush()
    assert receiving.broker.acked == []
    receiving.broker.ack(2)
    receiving.network.flush()
    outcome.result()
    assert receiving.broker.acked == [1]


def test_a_remainder_is_not_stored(receiving) -> None:
    receiving.broker.hold = True
    receiving.deliver()
    outcome = settle(receiving, receiving.leases[0], retry=RETRY, delay=1)
    receiving.broker.nack(1)
    receiving.network.flush()
    with pytest.raises(SourceError, match=r"basic\.nack"):
        outcome.result()
    assert receiving.broker.acked == []


def test_queues_are_declared_once(receiving) -> None:
    for number in range(2):
        receiving.deliver()
        settle(receiving, receiving.leases[number], retry=RETRY, delay=1, dead=DEAD).result()
    assert receiving.broker.heard.count("Queue.Declare") == 3


def with_body(receiving, tmp_path) -> str:
    body = BodyDirectory(tmp_path).create()
    body.write(b"long")
    name = body.publish()
    receiving.deliver(b"", smtp_body_file=name)
    assert receiving.leases[0].message.content() == b"long"
    return name


def test_a_handled_body_is_removed(receiving, tmp_path) -> None:
    name = with_body(receiving, tmp_path)
    settle(receiving, receiving.leases[0]).result()
    assert [each.name for each in tmp_path.iterdir()] == [f"{name}.done"]
    assert receiving.broker.acked == [1]


@pytest.mark.parametrize("what", [{"retry": RETRY, "delay": 1}, {"dead": DEAD}])
def test_a_body_is_kept_for_a_remainder(receiving, tmp_path, what) -> None:
    name = with_body(receiving, tmp_path)
    settle(receiving, receiving.leases[0], **what).result()
    ((_, _, headers),) = stored(receiving)
    assert headers["smtp-body-file"] == name
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_two_remainders_have_two_files(receiving, tmp_path) -> None:
    name = with_body(receiving, tmp_path)
    settle(receiving, receiving.leases[0], retry=RETRY, delay=1, dead=DEAD).result()
    files = [headers["smtp-body-file"] for _, _, headers in stored(receiving)]
    assert files[0] == name != files[1]
    assert [(tmp_path / each).read_bytes() for each in files] == [b"long"] * 2


def test_old_marks_are_removed_now_and_then(receiving, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(amqp_lease, "SWEEP", 1)
    swept = []
    monkeypatch.setattr(BodyDirectory, "sweep", lambda self: swept.append(self.path))
    with_body(receiving, tmp_path)
    settle(receiving, receiving.leases[0]).result()
    assert len(swept) == 1


@pytest.mark.parametrize("name", ["../x", "", 7])
def test_a_body_whose_name_leads_elsewhere(receiving, name) -> None:
    receiving.deliver(b"", smtp_body_file=name)
    assert receiving.leases == []
    ((queue, reason, _),) = stored(receiving)
    assert queue == "mail.dead"
    assert reason.startswith("this is no name of a body")


def test_a_release(receiving) -> None:
    receiving.deliver()
    receiving.leases[0].release()
    receiving.network.flush()
    assert receiving.broker.nacked == [1]


def test_a_message_without_an_identifier(receiving) -> None:
    from pika import BasicProperties

    receiving.broker.deliver(BasicProperties(headers=amqp_message.headers_of(envelope())), b"x")
    receiving.network.flush()
    assert receiving.leases[0].message.id == "number 1"


def test_names_that_are_not_utf8(receiving) -> None:
    from pika import BasicProperties

    headers = {**amqp_message.headers_of(envelope()), "\xff": "x"}
    properties = BasicProperties(headers=headers, message_id="\xff")
    encoded = b"".join(properties.encode()).replace(b"\xc3\xbf", b"\xff\xff")
    found = BasicProperties()
    found.decode(encoded)
    assert any(isinstance(name, bytes) for name in found.headers)
    receiving.broker.deliver(found, b"x")
    receiving.network.flush()
    settle(receiving, receiving.leases[0], dead=DEAD).result()
    ((queue, _, _),) = stored(receiving)
    assert queue == "mail.dead"
    receiving.broker.deliver(BasicProperties(headers={"\xff": "x"}), b"x")
    receiving.network.flush()
    assert [key for key, _, _ in stored(receiving)] == ["mail.dead"] * 2
