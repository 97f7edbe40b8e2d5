"""A broker in memory, which speaks AMQP by pika's own codec, and does what the test tells it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from pika import frame, spec
from pika.amqp_object import Method
from twisted.internet.protocol import Protocol


class Broker(Protocol):
    """
    One connection of a broker.

    Attributes:
        messages: (routing key, properties, body) of each message that was published.
        heard: The name of each method that has come.
        acked: The numbers of the deliveries that the client has acknowledged.
        nacked: The same, of those that it has returned.
        hold: True to confirm nothing.
        tag: The name of the consumer; "" without one.
        prefetch: The messages that the consumer takes at a time.
        arguments: The arguments of each queue that was declared.
        ignored: The methods that get no answer.
        refused: The reply by which a method closes the channel, by its name.
    """

    def __init__(self) -> None:
        self.messages: list[tuple[str, spec.BasicProperties, bytes]] = []
        self.heard: list[str] = []
        self.acked: list[int] = []
        self.nacked: list[int] = []
        self.hold = False
        self.ignored: set[str] = set()
        self.refused: dict[str, tuple[int, str]] = {}
        self.tag = ""
        self.prefetch = 0
        self.arguments: dict[str, dict[str, object]] = {}
        self._input = b""
        self._publishing: spec.Basic.Publish | None = None
        self._properties: spec.BasicProperties | None = None
        self._left = 0
        self._body = b""
        self._delivered = 0

    def dataReceived(self, data: bytes) -> None:
        """Read frames."""
        self._input += data
        if self._input.startswith(b"AMQP"):
            if len(self._input) < 8:
                return
            self._input = self._input[8:]
            self.send(spec.Connection.Start(0, 9, {"capabilities": CAPABILITIES}, "PLAIN", "en_US"), channel=0)
        for found in self._frames():
            if isinstance(found, frame.Method):
                self._method(found.channel_number, found.method)
            elif isinstance(found, frame.Header):
                self._properties, self._left = found.properties, found.body_size
                self._published()
            elif isinstance(found, frame.Body):
                self._body += found.fragment
                self._left -= len(found.fragment)
                self._published()

    def _frames(self) -> Iterator[object]:
        while len(self._input) >= 7:
            size, found = frame.decode_frame(self._input)
            if found is None:
                return
            self._input = self._input[size:]
            yield found

    def send(self, method: Method, channel: int = 1) -> None:
        """Send a method."""
        self.transport.write(frame.Method(channel, method).marshal())

    def _method(self, channel: int, method: Method) -> None:
        name = method.NAME
        self.heard.append(name)
        if name in self.refused:
            self.send(spec.Channel.Close(*self.refused[name], 0, 0), channel)
        elif name not in self.ignored:
            answer = ANSWERS.get(name)
            if answer is not None:
                self.send(answer(method), channel)
            getattr(self, "on_" + name.replace(".", "_"), lambda method: None)(method)

    def on_Basic_Publish(self, method: spec.Basic.Publish) -> None:
        """Keep the routing key."""
        self._publishing, self._body, self._properties = method, b"", None

    def _published(self) -> None:
        if self._left == 0:
            assert self._publishing is not None
            self.messages.append((self._publishing.routing_key, self._properties, self._body))
            self._publishing = None
            if not self.hold:
                self.ack(len(self.messages))

    def on_Queue_Declare(self, method: spec.Queue.Declare) -> None:
        """Keep the arguments."""
        self.arguments[method.queue] = dict(method.arguments or {}, durable=method.durable, passive=method.passive)

    def on_Basic_Qos(self, method: spec.Basic.Qos) -> None:
        """Keep the limit."""
        self.prefetch = method.prefetch_count

    def on_Basic_Consume(self, method: spec.Basic.Consume) -> None:
        """Keep the name of the consumer."""
        self.tag = method.consumer_tag

    def on_Basic_Ack(self, method: spec.Basic.Ack) -> None:
        """Note it."""
        self.acked.append(method.delivery_tag)

    def on_Basic_Nack(self, method: spec.Basic.Nack) -> None:
        """Note it."""
        self.nacked.append(method.delivery_tag)

    def ack(self, number: int, multiple: bool = False) -> None:
        """Confirm a message, or all up to it."""
        self.send(spec.Basic.Ack(number, multiple))

    def nack(self, number: int) -> None:
        """Reject a message."""
        self.send(spec.Basic.Nack(number))

    def give_back(self, number: int) -> None:
        """Return a message that no queue takes."""
        key, properties, body = self.messages[number - 1]
        self._content(spec.Basic.Return(312, "NO_ROUTE", "", key), properties, body)

    def deliver(self, properties: spec.BasicProperties, body: bytes) -> int:
        """Deliver a message to the consumer, and return its number."""
        self._delivered += 1
        self._content(spec.Basic.Deliver(self.tag, self._delivered, False, "", "mail"), properties, body)
        return self._delivered

    def _content(self, method: Method, properties: spec.BasicProperties, body: bytes) -> None:
        self.send(method)
        frames = [frame.Header(1, len(body), properties)] + ([frame.Body(1, body)] if body else [])
        self.transport.write(b"".join(each.marshal() for each in frames))

    def block(self, reason: str) -> None:
        """Take no more messages."""
        self.send(spec.Connection.Blocked(reason), channel=0)

    def unblock(self) -> None:
        """Take messages again."""
        self.send(spec.Connection.Unblocked(), channel=0)

    def garble(self) -> None:
        """Send a method that cannot be decoded."""
        self.transport.write(b"\x01\x00\x01" + struct.pack(">I", 6) + b"\x00\x3c\x00\x3c\xff\xff" + b"\xce")


CAPABILITIES = {
    "publisher_confirms": True, "basic.nack": True, "connection.blocked": True, "consumer_cancel_notify": True,
}  # fmt: skip

ANSWERS: dict[str, Callable[[Method], Method]] = {
    "Connection.StartOk": lambda _: spec.Connection.Tune(2047, 131_072, 60),
    "Connection.Open": lambda _: spec.Connection.OpenOk(),
    "Connection.Close": lambda _: spec.Connection.CloseOk(),
    "Channel.Open": lambda _: spec.Channel.OpenOk(),
    "Channel.Close": lambda _: spec.Channel.CloseOk(),
    "Confirm.Select": lambda _: spec.Confirm.SelectOk(),
    "Exchange.Declare": lambda _: spec.Exchange.DeclareOk(),
    "Queue.Declare": lambda method: spec.Queue.DeclareOk(method.queue, 0, 0),
    "Basic.Qos": lambda _: spec.Basic.QosOk(),
    "Basic.Consume": lambda method: spec.Basic.ConsumeOk(method.consumer_tag),
    "Basic.Cancel": lambda method: spec.Basic.CancelOk(method.consumer_tag),
}
