"""The backend of AMQP: what it publishes, and what a client hears of each failure."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest

pytest.importorskip("pika", reason="pika is not installed (extra amqp)")

from pika import spec
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from tests.backends.broker import Broker
from tests.consume.queue import envelope
from txsmtpx.backends import amqp_message
from txsmtpx.backends.amqp import MOST_RECIPIENTS, AMQPBackend
from txsmtpx.backends.amqp_channel import BrokerError
from txsmtpx.backends.body_directory import BodyFile
from txsmtpx.backends.envelope_fields import EnvelopeRecipient
from txsmtpx.backends.plugins import backend_named
from txsmtpx.grammar.option_value import OriginalRecipient
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Conversation, Network, Outcome

URL = "amqp://broker.example.org/"
MESSAGE = "Subject: hello\r\n\r\nHello\r\n"


class Server:
    """A server with the backend, and the broker behind it."""

    def __init__(self, lmtp: bool = False, broker=None, **settings) -> None:
        self.broker = broker or Broker()
        self.network = Network(lambda: self.broker)
        settings = {"endpoint": self.network, "in_thread": maybeDeferred, "reactor": self.network.clock, **settings}
        self.backend = AMQPBackend(URL, **settings)
        self.client = Conversation(self.backend, lmtp=lmtp, max_recipients=0)
        self.client.ask(f"{'LHLO' if lmtp else 'EHLO'} client.example")

    def send(self, *recipients: str, content: str = MESSAGE) -> list[str]:
        """Send a message, and return the last replies."""
        self.client.ask("MAIL FROM:<ann@example.org>")
        for recipient in recipients or ("bob@example.net",):
            self.client.ask(f"RCPT TO:<{recipient}>")
        self.client.ask("DATA")
        self.client.send(f"{content}.\r\n".encode())
        return self.go_on(self.client.replies())

    def go_on(self, replies: list[str]) -> list[str]:
        self.network.flush()
        return replies + self.client.replies()


@pytest.fixture
def server():
    made = []

    def make(*args, **settings) -> Server:
        made.append(Server(*args, **settings))
        return made[-1]

    yield make
    for each in made:
        each.client.hang_up()
        Outcome(deferred_call(each.backend.close))
        each.network.flush()
        each.network.advance(60)
        assert each.network.clock.getDelayedCalls() == []


def test_a_message_is_published(server) -> None:
    made = server()
    (reply,) = made.send("bob@example.net", "carol@example.net")
    assert reply.startswith("250 2.0.0 Ok: queued as ")
    ((key, properties, body),) = made.broker.messages
    assert (key, body, properties.delivery_mode) == ("mail", MESSAGE.encode(), 2)
    envelope = amqp_message.envelope_of(properties.headers)
    assert (envelope.sender, envelope.helo) == ("ann@example.org", "client.example")
    assert [each.address for each in envelope.recipients] == ["bob@example.net", "carol@example.net"]
    assert reply.endswith(envelope.queue_id)
    assert properties.message_id == f"{envelope.queue_id}@{envelope.domain}"
    assert made.broker.arguments["mail"] == {"x-queue-type": "quorum", "durable": True, "passive": False}


def test_250_comes_after_the_confirmation(server) -> None:
    made = server()
    made.broker.hold = True
    assert made.send() == []
    made.broker.ack(1)
    assert made.go_on([])[0][:3] == "250"


def test_each_recipient_has_a_reply_under_lmtp(server) -> None:
    made = server(lmtp=True)
    assert [reply[:3] for reply in made.send("a@x.example", "b@x.example")] == ["250", "250"]
    made.broker.hold = True
    assert made.send("a@x.example", "b@x.example") == []
    made.broker.nack(2)
    assert [reply[:3] for reply in made.go_on([])] == ["451", "451"]


def test_an_exchange(server) -> None:
    made = server(exchange="incoming", routing_key="all")
    assert made.send()[0][:3] == "250"
    assert made.broker.messages[0][0] == "all"
    assert "Exchange.Declare" in made.broker.heard
    assert made.broker.arguments == {}


def refused(made: Server, replies: list[str], logs) -> str:
    """The logged reason of a message that is not stored."""
    (reply,) = replies
    assert reply.startswith("451 4.3.0 Local error in processing (")
    (text,) = [text for each in logs if " not stored: " in (text := formatEvent(each))]
    return text.partition(" not stored: ")[2]


def test_the_message_is_returned(server) -> None:
    made = server()
    made.broker.hold = True
    with capturedLogs() as logs:
        made.send()
        made.broker.give_back(1)
        made.broker.ack(1)
        replies = made.go_on([])
    assert refused(made, replies, logs) == "the broker has returned the message: 312 NO_ROUTE"


def test_the_message_is_rejected(server) -> None:
    made = server()
    made.broker.hold = True
    with capturedLogs() as logs:
        made.send()
        made.broker.nack(1)
        replies = made.go_on([])
    assert refused(made, replies, logs) == "the broker has rejected the message (basic.nack)"


def test_the_connection_is_lost(server) -> None:
    made = server()
    made.broker.hold = True
    with capturedLogs() as logs:
        made.send()
        made.broker.send(spec.Channel.Close(541, "INTERNAL_ERROR", 0, 0))
        replies = made.go_on([])
    assert refused(made, replies, logs) == "541 INTERNAL_ERROR"
    made.broker = Broker()
    assert made.send()[0][:3] == "250"


def test_the_broker_does_not_answer(server) -> None:
    made = server(timeout=5)
    made.broker.hold = True
    with capturedLogs() as logs:
        assert made.send() == []
        made.network.advance(5)
        replies = made.go_on([])
    assert refused(made, replies, logs).endswith("has not confirmed the message within 5 seconds")


def test_the_broker_is_blocked(server) -> None:
    """Then the body is not read, and the client waits."""
    made = server(timeout=5)
    assert made.send()[0][:3] == "250"
    made.broker.block("low on disk")
    made.network.flush()
    with capturedLogs() as logs:
        assert made.send() == []
        made.network.advance(5)
        replies = made.go_on([])
    assert refused(made, replies, logs).endswith("takes no messages: low on disk")
    assert made.send() == []
    made.broker.unblock()
    assert made.go_on([])[0][:3] == "250"


def test_a_blocked_broker_stops_the_client(server) -> None:
    made = server()
    assert made.send()[0][:3] == "250"
    made.broker.block("low on disk")
    made.network.flush()
    made.client.ask("MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.net>", "DATA")
    for _ in range(3):
        made.client.send((b"x" * 70 + b"\r\n") * 1000)
    assert made.client.transport.producerState == "paused"
    made.broker.unblock()
    made.network.flush()
    assert made.client.transport.producerState == "producing"
    made.client.send(b".\r\n")
    assert made.go_on([])[0][:3] == "250"


def test_the_client_goes(server) -> None:
    made = server()
    made.broker.hold = True
    made.send()
    made.client.hang_up()
    made.broker.ack(1)
    made.network.flush()
    assert len(made.broker.messages) == 1


def test_a_long_body_is_rejected(server) -> None:
    made = server(inline=20)
    assert made.send() == ["552 5.3.4 Message too big"]
    assert made.client.ask("MAIL FROM:<ann@example.org> SIZE=21") == ["552 5.3.4 Message too big"]
    assert made.client.ask("MAIL FROM:<ann@example.org> SIZE=20")[0][:3] == "250"
    assert made.broker.messages == []


def test_a_long_body_is_in_a_file(server, tmp_path) -> None:
    made = server(inline=20, bodies=str(tmp_path))
    assert made.send()[0][:3] == "250"
    ((_, properties, body),) = made.broker.messages
    assert body == b""
    assert (tmp_path / properties.headers["smtp-body-file"]).read_bytes() == MESSAGE.encode()


@pytest.mark.parametrize(
    ("fails", "kept"),
    [
        (lambda broker: broker.nack(1), False),
        (lambda broker: (broker.give_back(1), broker.ack(1)), False),
        (lambda broker: broker.send(spec.Channel.Close(541, "INTERNAL_ERROR", 0, 0)), True),
    ],
)
def test_the_file_of_a_message_that_failed(server, tmp_path, fails, kept) -> None:
    """It is kept if the broker may have the message."""
    made = server(inline=20, bodies=str(tmp_path))
    made.broker.hold = True
    made.send()
    assert len(list(tmp_path.iterdir())) == 1
    fails(made.broker)
    assert made.go_on([])[0][:3] == "451"
    assert len(list(tmp_path.iterdir())) == kept


def test_the_file_of_a_message_whose_client_goes(server, tmp_path) -> None:
    made = server(inline=20, bodies=str(tmp_path))
    made.broker.hold = True
    made.send()
    made.client.hang_up()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(("number", "reply"), [(errno.ENOSPC, "452 4.3.1"), (errno.EIO, "451 4.3.0")])
def test_the_directory_cannot_be_written(server, tmp_path, monkeypatch, number, reply) -> None:
    def write(self: BodyFile, octets: bytes) -> None:
        raise OSError(number, "it failed")

    monkeypatch.setattr(BodyFile, "write", write)
    made = server(inline=20, bodies=str(tmp_path))
    assert made.send()[0].startswith(reply)
    assert list(tmp_path.iterdir()) == []
    assert made.broker.messages == []


def test_more_recipients_than_a_header_holds(server) -> None:
    made = server()
    made.client.ask("MAIL FROM:<ann@example.org>")
    replies = [made.client.ask(f"RCPT TO:<{'x' * 60}{number}@example.net>")[0] for number in range(1500)]
    accepted = [reply for reply in replies if reply[:3] == "250"]
    assert 1000 < len(accepted) < 1500
    assert {reply for reply in replies if reply[:3] != "250"} == {"452 4.5.3 Too many recipients"}
    made.client.ask("DATA")
    assert made.go_on(made.client.ask("."))[-1][:3] == "250"
    ((_, properties, _),) = made.broker.messages
    assert len(amqp_message.envelope_of(properties.headers).recipients) == len(accepted)
    assert made.client.ask("MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.net>")[1][:3] == "250"


def test_recipients_with_parameters_fit_too(server) -> None:
    made = server()
    session = made.backend.anonymous_login(None)
    session.mail("ann@example.org", MailOptions())
    options = RcptOptions(orcpt=OriginalRecipient("rfc822", "\u00fc" * 400), notify=["FAILURE"])
    number = 0
    while session.rcpt("\u00fc" * 60 + "@example.net", options) is None:
        number += 1
    recipients = [EnvelopeRecipient("\u00fc" * 60 + "@example.net", ("FAILURE",), options.orcpt)] * number
    text = replace(envelope(), recipients=tuple(recipients)).as_strings()["recipients"]
    assert MOST_RECIPIENTS / 5 < len(text) <= MOST_RECIPIENTS + 1000


def test_the_broker_is_asked(server) -> None:
    made = server()
    assert made.network.result(deferred_call(made.backend.ask)) == "amqp://broker.example.org:5672 can be used"
    assert made.broker.heard[-1] == "Connection.Close"
    made.broker = Broker()
    made.broker.refused["Queue.Declare"] = (406, "PRECONDITION_FAILED")
    with pytest.raises(BrokerError, match="406 PRECONDITION_FAILED"):
        made.network.result(deferred_call(made.backend.ask))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"queue": ""}, "queue must be 1 to 200 characters, not ''"),
        ({"queue_type": "stream"}, "queue_type must be quorum, classic or existing, not 'stream'"),
        ({"inline": 0}, "inline must be an integer from 1"),
        ({"timeout": 0}, "timeout must be a number of seconds greater than 0, not 0"),
        ({"bodies": "/nonexistent/bodies"}, "/nonexistent/bodies is no directory; create it"),
        ({"queue": "\xe4" * 101}, "queue must be up to 200 octets in UTF-8, not 202: '\xe4"),
        ({"exchange": "\xe4" * 128}, "exchange must be up to 255 octets in UTF-8, not 256"),
        ({"routing_key": "\xe4" * 128}, "routing_key must be up to 255 octets in UTF-8, not 256"),
        ({"exchange": "x" * 256}, "exchange must be up to 255 characters"),
    ],
)
def test_settings_that_cannot_be_used(settings, text) -> None:
    with pytest.raises(ValueError, match=text):
        AMQPBackend(URL, reactor=Clock(), **settings)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("amqp:", "this is no URL of a broker; write amqp://USER"),
        ("amqp", "this is no URL of a broker; write amqp://USER"),
        ("amqp://ann:hunter2@", "has no host or port that can be used"),
        ("amqp:http://ann:hunter2@h/", "this is no URL of a broker"),
    ],
)
def test_names_that_cannot_be_used(name, text) -> None:
    with pytest.raises(ValueError, match=text) as caught:
        backend_named(name)
    assert "hunter2" not in str(caught.value)


def test_files_that_cannot_be_read() -> None:
    for settings in ({"trust_roots": "/nonexistent"}, {"login": "/nonexistent"}):
        with pytest.raises(ValueError, match=r"/nonexistent.*: No such file or directory$"):
            backend_named("amqp:amqps://ann:hunter2@h/", settings)


def test_names() -> None:
    for name in ("amqp://ann:hunter2@localhost/mail", "amqp:amqps://localhost", "amqp:amqp://localhost"):
        backend = backend_named(name, {"queue": "a", "queue_type": "classic"})
        assert isinstance(backend, AMQPBackend)
        assert "hunter2" not in repr(vars(backend))


def test_pika_is_missing(monkeypatch) -> None:
    monkeypatch.setattr("txsmtpx.backends.amqp_connection.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"packages are missing \(pika is not installed: pip install 'txsmtpx\[amqp\]"):
        backend_named("amqp://localhost")
