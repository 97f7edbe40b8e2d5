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
    FilterBackend,
    LimitBackend,
    MaildirBackend,
    MemoryBackend,
    RelayBackend,
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


@pytest.mark.parametrize("lmtp", [False, True])
def test_a_relay(lmtp):
    """The next server gets the changed envelope and message, and each recipient of the client its own reply."""
    there = RecordingBackend()
    network = Network(lambda: SMTPServerFactory(there, reactor=network.clock).buildProtocol(None))
    relay = RelayBackend([network], domains=("example.org",), tls="none", reactor=network.clock)
    script = Script(holds=True, end=Accept(changes=CHANGES))
    backend = FilterBackend(relay, script, reactor=network.clock)
    client = Conversation(backend, clock=network.clock, lmtp=lmtp)
    client.ask("LHLO a" if lmtp else "EHLO a")
    client.ask(*ENVELOPE, "DATA")
    network.flush()
    assert codes(client.ask()) in ([], ["354"], ["250", "250", "250", "354"], ["250", "250", "354"])
    client.send(MESSAGE + b".\r\n")
    network.flush()
    assert codes(client.replies())[-1 - lmtp :] == ["250"] * (1 + lmtp)
    (message,) = there.messages
    assert (message.sender, message.recipients) == ("new@example.org", ("c@example.org", "d@example.org"))
    assert message.content.endswith(CHANGED)
    client.protocol.connectionLost()
    for pool in relay.pools:
        pool.stopService()
    network.flush()
    network.clock.advance(1000)
    network.flush()


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
