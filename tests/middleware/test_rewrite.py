"""Other addresses for the backend, the old ones for the client, position by position."""

from __future__ import annotations

import re

import pytest
from twisted.internet.defer import Deferred, succeed

from txsmtpx import MemoryBackend, OpenBackend, RewriteBackend, Session, SMTPError
from txsmtpx.testing import Conversation, RecordingBackend

TABLE = {
    "Info@example.org": "ann@example.net",
    "@example.org": "@example.net",
    "@one.example": "all@example.net",
}


@pytest.mark.parametrize(
    ("name", "new", "error"),
    [
        ("example.org", "@example.net", "the table has the key 'example.org': "),
        ("", "@example.net", "the table has the key '': "),
        ("a@x", "root", "the new address of a@x is 'root' (not a mailbox): "),
        ("a@x", "b@", "the new address of a@x is 'b@' ("),
        ("a@x", "", "the new address of a@x is '' ("),
        ("@x", "@", "the new address of @x is '@' ("),
        ("@x", "@a b", "the new address of @x is '@a b' ("),
    ],
)
def test_what_is_neither_an_address_nor_a_domain_is_refused(name, new, error):
    form = "write an address such as 'me@example.org', or a domain such as '@example.org'"
    with pytest.raises(ValueError, match=f"^{re.escape(error)}.*{re.escape(form)}$"):
        RewriteBackend(MemoryBackend(), recipient={name: new})


def say(backend, *lines, **settings):
    client = Conversation(backend, **settings)
    said = client.ask("LHLO a" if settings.get("lmtp") else "EHLO a", *lines)
    client.hang_up()
    return said


def test_both():
    memory = MemoryBackend()
    backend = RewriteBackend(memory, sender={"a@b": "c@d"}, recipient=TABLE)
    recipients = ["RCPT TO:<info@example.org>", "RCPT TO:<x@elsewhere.example>", "RCPT TO:<bob@example.org>"]
    said = say(backend, "MAIL FROM:<a@b>", *recipients, "DATA", "x", ".")
    assert said[-1].startswith("250")
    (message,) = memory.messages
    assert message.sender == "c@d"
    assert message.recipients == ("ann@example.net", "x@elsewhere.example", "bob@example.net")


def test_bounces_stay_bounces():
    memory = MemoryBackend()
    backend = RewriteBackend(memory, sender={"@": "c@d"}, require=True)
    say(backend, "MAIL FROM:<>", "RCPT TO:<b@c>", "DATA", "x", ".")
    assert [each.sender for each in memory.messages] == [""]


def test_only_who_is_in_the_table():
    recording = RecordingBackend()
    backend = RewriteBackend(recording, sender={"a@b": "a@b"}, recipient=TABLE, require=True)
    said = say(backend, "MAIL FROM:<x@y>", "MAIL FROM:<a@b>", "RCPT TO:<x@y>", "RCPT TO:<info@example.org>")
    assert said[-4] == "550 5.7.1 Sender not accepted here"
    assert said[-2] == "550 5.1.1 No such mailbox here"
    assert said[-1].startswith("250")
    assert [call[:2] for call in recording.calls if call[0] in ("mail", "rcpt")] == [
        ("mail", "a@b"),
        ("rcpt", "ann@example.net"),
    ]


def test_functions():
    """At once, later, or not at all."""

    async def recipient(address):
        if address.startswith("never"):
            raise SMTPError(550, (5, 1, 6), "He has moved")
        return await succeed(address.replace("localhost", "example.net"))

    memory = MemoryBackend()
    waiting = Deferred()
    client = Conversation(RewriteBackend(memory, sender=lambda address: waiting, recipient=recipient))
    client.ask("EHLO a")
    assert client.ask("MAIL FROM:<a@b>") == []
    waiting.callback("c@d")
    said = client.ask("RCPT TO:<never@localhost>", "RCPT TO:<me@localhost>", "DATA", "x", ".")
    assert said[1] == "550 5.1.6 He has moved"
    (message,) = memory.messages
    assert (message.sender, message.recipients) == ("c@d", ("me@example.net",))
    client.hang_up()


ALIASES = {"a@x": "one@y", "b@x": "ONE@y", "c@x": "two@y"}


def lmtp(data, *recipients, table=ALIASES, **outcomes):
    """The replies to the data, where ``data`` does what the backend does."""
    backend = RewriteBackend(RecordingBackend(data=data, **outcomes), recipient=table)
    said = say(backend, "MAIL FROM:<>", *(f"RCPT TO:<{each}>" for each in recipients), "DATA", "x", ".", lmtp=True)
    return said[said.index("354 End data with <CR><LF>.<CR><LF>") + 1 :]


def test_outcomes_go_to_the_positions():
    async def data(message, context):
        await message.content()
        assert context.recipients == ("one@y", "two@y", "ONE@y", "one@y")
        context.start_delivery("one@y", succeed("first"))
        context.start_delivery("one@y", succeed("fourth"))
        context.start_delivery("ONE@y", failing())
        with pytest.raises(ValueError, match="has begun already"):
            context.start_delivery("one@y")
        with pytest.raises(ValueError, match="no recipient"):
            context.set_status("a@x")
        assert context.set_status("TWO@y", "second")

    async def failing():
        raise SMTPError(452, (4, 2, 2), "third")

    assert lmtp(data, "a@x", "c@x", "b@x", "a@x") == [
        "250 2.0.0 <a@x> first",
        "250 2.0.0 <c@x> second",
        "452 4.2.2 <b@x> third",
        "250 2.0.0 <a@x> fourth",
    ]


def test_the_same_status_twice_is_for_two():
    late = []

    async def data(message, context):
        await message.content()
        context.late = lambda *told: late.append(told)
        assert context.late is not None
        assert [context.set_status("one@y", word) for word in ("1", "2", "3")] == [True, True, False]

    assert lmtp(data, "a@x", "b@x", table={"a@x": "one@y", "b@x": "one@y"}) == [
        "250 2.0.0 <a@x> 1",
        "250 2.0.0 <b@x> 2",
    ]
    assert late == [("one@y", "3")]


def test_an_outcome_for_a_mailbox_however_it_is_written():
    async def data(message, context):
        await message.content()
        assert context.set_status("ONE@xn--bcher-kva.example", "first")
        with pytest.raises(ValueError, match="no recipient"):
            context.set_status("\u212aate@y", "third")
        assert context.set_status("KATE@y", "second")

    table = {"a@x": "one@b\u00fccher.example", "b@x": "kate@y"}
    assert lmtp(data, "a@x", "b@x", table=table) == ["250 2.0.0 <a@x> first", "250 2.0.0 <b@x> second"]


def test_one_that_the_backend_refused_has_no_position():
    async def data(message, context):
        assert context.recipients == ("two@y",)
        context.set_status(0, "yes")

    refused = {"rcpt": [SMTPError(550, (5, 1, 1), "No")]}
    assert lmtp(data, "a@x", "c@x", **refused) == ["250 2.0.0 <c@x> yes"]


def test_a_table_that_changes():
    """The same recipient twice, who has another address the second time."""
    addresses = iter(["one@y", "two@y", "three@y"])
    seen = []

    async def data(message, context):
        seen.append(context.recipients)
        context.set_status("two@y", "second")
        context.set_status("one@y", "first")

    said = lmtp(data, "a@x", "a@x", table=lambda address: next(addresses))
    assert said == ["250 2.0.0 <a@x> first", "250 2.0.0 <a@x> second"]
    assert seen == [("one@y", "two@y")]


def test_the_next_transaction_begins_anew():
    memory = MemoryBackend()
    message = ("MAIL FROM:<>", "RCPT TO:<a@x>", "DATA", "x", ".")
    say(RewriteBackend(memory, recipient=ALIASES), "MAIL FROM:<>", "RCPT TO:<c@x>", "RSET", *message, *message)
    assert [each.recipients for each in memory.messages] == [("one@y",), ("one@y",)]


def test_a_function_and_a_session_that_both_wait():
    """A session's coroutine is run, although the function of the address was waited for."""
    seen: list[str] = []
    addresses: list[Deferred[str]] = [Deferred(), Deferred()]

    class Slow(Session):
        async def mail(self, sender, options):
            seen.append(sender)

        async def rcpt(self, recipient, options):
            seen.append(recipient)

    waiting = iter(addresses)
    backend = RewriteBackend(
        OpenBackend(lambda connection: Slow()), sender=lambda _: next(waiting), recipient=lambda _: next(waiting)
    )
    client = Conversation(backend)
    client.ask("EHLO client.example", "MAIL FROM:<a@x>")
    addresses[0].callback("a@y")
    assert client.replies() == ["250 2.1.0 Sender ok"]
    client.ask("RCPT TO:<b@x>")
    addresses[1].callback("b@y")
    assert client.replies() == ["250 2.1.5 Recipient ok"]
    assert seen == ["a@y", "b@y"]
    client.hang_up()
