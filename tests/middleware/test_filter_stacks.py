"""Filters with other middleware around and behind them, and in front of real destinations."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from tests.maildir import stored
from tests.middleware.scripted_filter import MESSAGE, Script
from tests.wire.replies import codes
from tests.wire.test_half_close_sockets import listening, sent
from txsmtpx import (
    Accept,
    AddHeader,
    AddRecipient,
    ChangeSender,
    DeleteRecipient,
    Discard,
    FilterBackend,
    LimitBackend,
    MaildirBackend,
    MemoryBackend,
    RelayBackend,
    Reply,
    RewriteBackend,
    SMTPServerFactory,
    TeeBackend,
)
from txsmtpx.interfaces import ClientPolicy, provides
from txsmtpx.testing import Conversation, Network, RecordingBackend

ENVELOPE = ("MAIL FROM:<a@client.example>", "RCPT TO:<b@example.org>", "RCPT TO:<c@example.org>")
CHANGES = [
    AddHeader("X-New", "yes"), ChangeSender("new@example.org"), DeleteRecipient("b@example.org"),
    AddRecipient("d@example.org"),
]  # fmt: skip
CHANGED = MESSAGE.replace(b"\r\n\r\n", b"\r\nX-New: yes\r\n\r\n")


def said(client, *lines):
    return codes(client.ask(*lines))


def send(client, lmtp=False):
    client.ask("LHLO a" if lmtp else "EHLO a")
    before = codes(client.ask(*ENVELOPE, "DATA"))
    client.send(MESSAGE + b".\r\n")
    return before, codes(client.replies())


def test_a_limit_before_filters():
    """It costs less than the filters, which are asked about the client all the same."""
    script, clock = Script(), Clock()
    backend = LimitBackend(FilterBackend(MemoryBackend(), script, reactor=clock), 1, 3600, clock=clock)
    assert provides(backend, ClientPolicy)
    client = Conversation(backend, clock=clock)
    assert send(client)[1] == ["250"]
    assert said(client, ENVELOPE[0]) == ["450"]
    client.hang_up()
    assert script.only.stages == [
        "connected", "hello", "mail", "recipient", "recipient", "data", "header", "end", "reset", "close",
    ]  # fmt: skip


def test_a_limit_behind_filters():
    """Its rejection of MAIL ends the transaction of the filters."""
    script, clock = Script(), Clock()
    limited = LimitBackend(MemoryBackend(), 1, 3600, clock=clock)
    client = Conversation(FilterBackend(limited, script, reactor=clock), clock=clock)
    assert send(client)[1] == ["250"]
    assert said(client, ENVELOPE[0]) == ["450"]
    assert script.only.stages[-2:] == ["mail", "reset"]
    client.hang_up()


@pytest.mark.parametrize("lmtp", [False, True])
def test_new_addresses_before_and_behind(lmtp):
    """The filters see the new addresses of the middleware before them, and change those for the middleware behind."""
    script, clock, kept = Script(holds=True, end=Accept(changes=CHANGES)), Clock(), MemoryBackend()
    behind = RewriteBackend(kept, recipient={"@example.org": "@behind.example"})
    backend = RewriteBackend(
        FilterBackend(behind, script, reactor=clock), recipient={"c@example.org": "e@example.org"}, sender=str.upper
    )
    client = Conversation(backend, clock=clock, lmtp=lmtp)
    assert send(client, lmtp)[1] == ["250"] * (1 + lmtp)
    client.hang_up()
    (message,) = kept.messages
    assert (message.sender, message.recipients) == ("new@example.org", ("e@behind.example", "d@behind.example"))
    assert ("recipient", "e@example.org") in script.only.seen
    assert ("mail", "A@CLIENT.EXAMPLE") in script.only.seen


def test_copies_of_the_changed_message():
    script, clock, first, second = (
        Script(holds=True, end=Accept(changes=CHANGES)),
        Clock(),
        MemoryBackend(),
        MemoryBackend(),
    )
    client = Conversation(FilterBackend(TeeBackend(first, second, required=True), script, reactor=clock), clock=clock)
    assert send(client)[1] == ["250"]
    client.hang_up()
    for kept in (first, second):
        assert [each.content for each in kept.messages] == [CHANGED]
        assert kept.messages[0].recipients == ("c@example.org", "d@example.org")


def test_copies_of_the_original_message():
    script, clock, first, second = (
        Script(holds=True, end=Accept(changes=CHANGES)),
        Clock(),
        MemoryBackend(),
        MemoryBackend(),
    )
    backend = TeeBackend(FilterBackend(first, script, reactor=clock), second, required=True)
    client = Conversation(backend, clock=clock)
    assert send(client)[1] == ["250"]
    client.hang_up()
    assert [each.content for each in first.messages] == [CHANGED]
    assert [each.content for each in second.messages] == [MESSAGE]
    assert second.messages[0].recipients == ("b@example.org", "c@example.org")


class Relayed:
    """A client of our server, whose filters are in front of a relay, and the next server."""

    def __init__(self, *filters, **settings):
        self.there = RecordingBackend()
        self.network = Network(lambda: SMTPServerFactory(self.there, reactor=self.network.clock).buildProtocol(None))
        self.relay = RelayBackend([self.network], domains=("example.org",), tls="none", reactor=self.network.clock)
        backend = FilterBackend(self.relay, *filters, reactor=self.network.clock)
        self.client = Conversation(backend, clock=self.network.clock, **settings)
        self.client.ask("LHLO a" if settings.get("lmtp") else "EHLO a")

    def send(self):
        self.client.ask(*ENVELOPE, "DATA")
        self.network.flush()
        self.client.replies()
        self.client.send(MESSAGE + b".\r\n")
        self.network.flush()
        return self.client.replies()

    def end(self):
        self.client.protocol.connectionLost()
        for pool in self.relay.pools:
            pool.stopService()
        self.network.flush()
        self.network.clock.advance(1000)
        self.network.flush()


@pytest.mark.parametrize("lmtp", [False, True])
def test_a_relay(lmtp):
    """The next server gets the changed envelope and message, and each recipient of the client its own reply."""
    relayed = Relayed(Script(holds=True, end=Accept(changes=CHANGES)), lmtp=lmtp)
    assert codes(relayed.send()) == ["250"] * (1 + lmtp)
    (message,) = relayed.there.messages
    assert (message.sender, message.recipients) == ("new@example.org", ("c@example.org", "d@example.org"))
    assert message.content.endswith(CHANGED)
    relayed.end()


@pytest.mark.parametrize(
    ("verdict", "reply"),
    [
        (Reply(550, (5, 7, 1), "We do not want that"), "550 5.7.1 We do not want that"),
        (Reply(250, (2, 0, 0), "Thank you"), "250 2.0.0 Thank you"),
        (Discard(), "250 2.0.0 Ok: queued as "),
    ],
)
def test_a_relay_that_has_begun(verdict, reply):
    """The message goes on while it comes, so the next server gets a part of it, without an end."""
    relayed = Relayed(Script(end=verdict))
    (said,) = relayed.send()
    assert said.startswith(reply)
    assert relayed.there.messages == []
    relayed.end()


@pytest.mark.system
async def test_a_maildir(tmp_path):
    """On a socket, since the Maildir is written by a thread."""
    script = Script(holds=True, end=Accept(changes=CHANGES))
    backend = FilterBackend(MaildirBackend(str(tmp_path / "Maildir")), script)
    lines = "".join(f"{line}\r\n" for line in ("EHLO a", *ENVELOPE, "DATA"))
    async with listening(backend) as port:
        replies = await sent(port, lines.encode() + MESSAGE + b".\r\nQUIT\r\n")
    assert codes(replies)[-3:] == ["354", "250", "221"]
    assert [each[each.index(b"Subject:") :] for each in stored(tmp_path / "Maildir")] == [CHANGED]


def test_the_messages_of_a_memory_backend_behind_filters():
    """As the web inbox uses them."""
    clock, changes = Clock(), []
    backend = FilterBackend(MemoryBackend(), Script(holds=True, end=Accept([("X", "y")])), reactor=clock)
    backend.subscribe(lambda change, received: changes.append((change, received.content)))
    client = Conversation(backend, clock=clock)
    send(client)
    client.hang_up()
    assert changes == [("arrived", b"X: y\r\n" + MESSAGE)]
    assert backend.get(backend.messages[0].id).content == b"X: y\r\n" + MESSAGE
