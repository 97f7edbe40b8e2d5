"""A copy for a second backend: of the whole of what was taken, of nothing else."""

from __future__ import annotations

import asyncio

import pytest
from twisted.internet.defer import Deferred

from txsmtpx import MemoryBackend, OpenBackend, Reply, Session, SMTPError, TeeBackend
from txsmtpx.backends.null import null_backend
from txsmtpx.testing import Conversation, RecordingBackend

MAIL = ("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "RCPT TO:<c@localhost>", "DATA")


def opened(backend, **settings):
    client = Conversation(backend, **settings)
    client.ask("LHLO a" if settings.get("lmtp") else "EHLO a", *MAIL)
    return client


@pytest.mark.parametrize("first", [MemoryBackend, null_backend])
@pytest.mark.parametrize("required", [False, True])
def test_both_have_it(first, required):
    copies = RecordingBackend()
    client = opened(TeeBackend(first(), copies, required=required))
    assert client.ask("Subject: x", "", "y", ".")[0].startswith("250")
    (copy,) = copies.messages
    assert (copy.sender, copy.recipients) == ("a@client.example", ("b@localhost", "c@localhost"))
    assert copy.content == b"Subject: x\r\n\r\ny\r\n"
    assert copies.methods == ["anonymous_login", "mail", "rcpt", "rcpt", "data", "reset", "logout"]
    client.hang_up()
    assert len(copies.calls) == 7


def test_only_the_recipients_that_were_taken():
    first = RecordingBackend(rcpt=[SMTPError(550, (5, 1, 1), "No")])
    copies = RecordingBackend()
    client = opened(TeeBackend(first, copies))
    client.ask("x", ".")
    assert [each.recipients for each in copies.messages] == [("c@localhost",)]
    client.hang_up()


@pytest.mark.parametrize("no", [SMTPError(554, (5, 6, 0), "No"), Reply(554, (5, 6, 0), "No")])
def test_what_is_refused_is_not_copied(no):
    copies = RecordingBackend()
    client = opened(TeeBackend(RecordingBackend(data=no), copies))
    assert client.ask("x", ".") == ["554 5.6.0 No"]
    assert copies.messages == []
    assert copies.methods[-2:] == ["reset", "logout"]
    client.hang_up()


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError()], ids=repr)
@pytest.mark.parametrize("method", ["mail", "rcpt", "data", "reset", "logout"])
@pytest.mark.parametrize("first", [False, True])
def test_one_of_them_raises_what_is_no_exception(first, method, error, logged_failures):
    """The session of the copy ends in any case, and the first backend's word is the answer."""

    def give(*_):
        raise error

    broken, copies = RecordingBackend(**{method: give}), RecordingBackend()
    client = opened(TeeBackend(broken, copies) if first else TeeBackend(copies, broken))
    client.ask("x", ".", "QUIT")
    client.hang_up()
    for backend in (broken, copies):
        assert backend.methods.count("logout") == len(backend.sessions)
    assert all(failure.check(type(error)) for failure in logged_failures.flush())


def test_what_is_lost_is_not_copied():
    copies = RecordingBackend()
    client = opened(TeeBackend(MemoryBackend(), copies))
    client.send(b"Subject: half of it\r\n")
    client.hang_up()
    assert copies.messages == []
    assert copies.methods[-2:] == ["reset", "logout"]


REFUSING = {
    "login": {"anonymous_login": SMTPError(530, (5, 7, 0), "Not you")},
    "mail": {"mail": SMTPError(550, (5, 7, 1), "Not this")},
    "rcpt": {"rcpt": Reply(550, (5, 1, 1), "Nobody")},
    "data": {"data": SMTPError(452, (4, 3, 1), "Full")},
    "early": {"data": lambda message, context: Reply(452, (4, 3, 1), "Full")},
}


@pytest.mark.parametrize("outcomes", REFUSING.values(), ids=REFUSING)
@pytest.mark.parametrize("lmtp", [False, True])
def test_a_copy_that_is_refused(outcomes, lmtp):
    first, copies = MemoryBackend(), RecordingBackend(**outcomes)
    client = opened(TeeBackend(first, copies), lmtp=lmtp)
    assert {line[:3] for line in client.ask("x", ".")} == {"250"}
    assert (len(first.messages), client.closed) == (1, False)
    client.hang_up()
    assert copies.methods.count("logout") == ("anonymous_login" not in outcomes)


@pytest.mark.parametrize("outcomes", REFUSING.values(), ids=REFUSING)
@pytest.mark.parametrize("lmtp", [False, True])
def test_a_copy_that_is_required_and_refused(outcomes, lmtp):
    client = opened(TeeBackend(MemoryBackend(), RecordingBackend(**outcomes), required=True), lmtp=lmtp)
    said = client.ask("x", ".")
    assert {line[:3] for line in said} <= {"530", "550", "452"}
    assert len(said) == (2 if lmtp else 1)
    client.hang_up()


def test_one_recipient_of_the_copy_refused():
    copies = RecordingBackend(rcpt=[SMTPError(550, (5, 1, 1), "Not him")])
    client = opened(TeeBackend(MemoryBackend(), copies, required=True))
    assert client.ask("x", ".")[0].startswith("250")
    assert [each.recipients for each in copies.messages] == [("c@localhost",)]
    client.hang_up()


@pytest.mark.parametrize("required", [False, True])
def test_a_copy_that_breaks(required, logged_failures):
    client = opened(TeeBackend(MemoryBackend(), RecordingBackend(rcpt=ZeroDivisionError("secret")), required=required))
    assert client.ask("x", ".")[0].startswith("451 4.3.0 Local error" if required else "250")
    assert len(logged_failures.flush(ZeroDivisionError)) == 1
    client.hang_up()


@pytest.mark.parametrize("required", [False, True])
def test_waiting_for_the_copy(required):
    """Its 250 waits where it is required, and the other's comes where it is not."""
    stored = Deferred()
    copies = RecordingBackend(data=stored)
    client = opened(TeeBackend(MemoryBackend(), copies, required=required))
    assert bool(client.ask("x", ".")) is not required
    assert "reset" not in copies.methods
    stored.callback(None)
    assert bool(client.replies()) is required
    assert copies.methods[-2:] == ["reset", "logout"]
    client.hang_up()


@pytest.mark.parametrize("method", ["anonymous_login", "mail", "rcpt"])
def test_a_client_that_leaves_before_the_copy_has_begun(method):
    """The first backend does not get a message that nobody sends."""
    first, asking = RecordingBackend(), Deferred()
    copies = RecordingBackend(**{method: asking})
    client = opened(TeeBackend(first, copies))
    client.ask("x", ".")
    client.hang_up()
    assert asking.called
    assert first.methods == ["anonymous_login", "mail", "rcpt", "rcpt", "reset", "logout"]


@pytest.mark.parametrize("read", [True, False])
def test_a_client_that_leaves_while_its_required_copy_is_stored(read):
    """Nothing of the copy goes on: neither its backend nor its time-out."""
    storing = Deferred()
    copies = RecordingBackend(data=lambda *_: storing)

    class Later(Session):
        def data(self, message, context):
            context.start_delivery(0)
            context.start_delivery(1)

    client = opened(TeeBackend(MemoryBackend() if read else OpenBackend(lambda _: Later()), copies, required=True))
    assert client.ask("x", ".") == []
    client.hang_up()
    assert storing.called
    assert copies.methods[-2:] == ["reset", "logout"]


def test_the_copy_has_no_end_before_the_first_has_taken_it():
    taken = Deferred()
    copies = RecordingBackend()
    client = opened(TeeBackend(RecordingBackend(data=taken), copies))
    client.ask("x", ".")
    assert copies.messages == []
    taken.callback(None)
    assert len(copies.messages) == 1
    client.hang_up()


def test_the_slower_sets_the_pace():
    waiting = []

    class Slow(Session):
        async def data(self, message, context):
            async for _ in message:
                waiting.append(Deferred())
                await waiting[-1]

    first = MemoryBackend()
    client = opened(TeeBackend(first, OpenBackend(lambda connection: Slow())), max_message_bytes=10**7)
    sent = 0
    while client.transport.producerState == "producing" and sent < 20:
        client.send((b"x" * 998 + b"\r\n") * 50)
        sent += 1
    assert sent < 10  # of 50 KB each, 64 KiB being held for each of the two, and by the wire
    client.send(b".\r\n")
    while waiting and not waiting[-1].called:
        waiting[-1].callback(None)
    assert client.replies()[-1].startswith("250")
    assert len(first.messages[0].content) == sent * 50000
    client.hang_up()


def test_deliveries_that_read_when_data_is_over():
    first, copies = RecordingBackend(), RecordingBackend()

    def data(message, context):
        context.start_delivery("b@localhost", first.keep(message, context))
        context.start_delivery("c@localhost", first.asked("rcpt", "later", None))
        context.set_status("c@localhost", "too")

    first.outcomes["data"] = data
    client = opened(TeeBackend(first, copies), lmtp=True)
    assert [line[:3] for line in client.ask("x", ".")] == ["250", "250"]
    assert [each.content for each in copies.messages] == [b"x\r\n"]
    client.hang_up()


@pytest.mark.parametrize("refused", [1, 2])
def test_refused_for_all(refused):
    """Under LMTP, one by one."""
    first, copies = RecordingBackend(), RecordingBackend()

    async def data(message, context):
        await message.content()
        for position in range(refused):
            context.set_status(position, SMTPError(452, (4, 2, 2), "Full"))

    first.outcomes["data"] = data
    client = opened(TeeBackend(first, copies), lmtp=True)
    assert [line[:3] for line in client.ask("x", ".")] == ["452", "452" if refused == 2 else "250"]
    assert len(copies.messages) == 2 - refused
    client.hang_up()
    assert copies.methods[-2:] == ["reset", "logout"]


def test_deliveries_that_never_read():
    """The message is answered before it has come; nobody has read it, so there is nothing to copy."""
    copies = RecordingBackend()

    class Hasty(Session):
        def data(self, message, context):
            for recipient in context.recipients:
                context.start_delivery(recipient, done())

    async def done():
        return "done"

    client = opened(TeeBackend(OpenBackend(lambda connection: Hasty()), copies), lmtp=True)
    assert [line[:3] for line in client.ask("x", ".")] == ["250", "250"]
    assert copies.messages == []
    assert copies.methods[-2:] == ["reset", "logout"]
    client.hang_up()
