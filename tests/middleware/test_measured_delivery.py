"""The message and the outcomes of a measured backend: nothing changes for the backend, and everything is noted."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from tests.middleware.measured import Measured
from txsmtpx import OpenBackend, Reply, Session, SMTPError
from txsmtpx.interfaces import BackendCall


def of(session):
    return OpenBackend(lambda connection: session)


@pytest.mark.parametrize("reading", ["content", "chunks", "consumer", "nothing"])
def test_the_time_begins_at_the_end_of_the_message(reading):
    answer = Deferred()

    class Consumer:
        def registerProducer(self, producer, streaming):
            pass

        def unregisterProducer(self):
            pass

        def write(self, data):
            pass

    class Slow(Session):
        async def data(self, message, context):
            if reading == "content":
                await message.content()
            elif reading == "chunks":
                async for _ in message:
                    pass
            elif reading == "consumer":
                await message.deliver_to(Consumer())
            await answer

    it = Measured(of(Slow()))
    it.client.send(b"hello\r\n")
    it.clock.advance(7)
    it.client.send(b".\r\n")
    it.clock.advance(2)
    assert it.calls.in_flight == 1
    answer.callback(None)
    assert it.calls.of_data.seconds == (9 if reading == "nothing" else 2)
    it.client.hang_up()


def test_a_message_is_as_it_was():
    class Both(Session):
        async def data(self, message, context):
            assert message.content_limit == 1000
            content = await message.content()
            assert await message.content() == content
            return f"{message.received} {content!r}"

    it = Measured(of(Both()), max_message_bytes=1000)
    assert it.client.ask("hello", ".") == ["250 2.0.0 7 b'hello\\r\\n'"]
    it.client.hang_up()


@pytest.mark.parametrize("lmtp", [False, True])
def test_each_recipient_by_set_status(lmtp):
    class Picky(Session):
        def data(self, message, context):
            assert context.set_status("b@localhost", SMTPError(550, (5, 1, 1), "No"))
            assert not context.set_status(0, None)
            with pytest.raises(ValueError, match="no recipient"):
                context.set_status("other@localhost")

    it = Measured(of(Picky()), lmtp=lmtp)
    it.client.ask("x", ".")
    assert it.calls.of_data.outcomes == ["refused", "taken"]
    it.client.hang_up()


def test_deliveries():
    """One ends, one has a time-out, and one was never begun."""
    first, second = Deferred(), Deferred()

    async def deliver():
        return await first

    class Delivering(Session):
        def data(self, message, context):
            context.start_delivery("b@localhost", deliver())
            context.start_delivery("c@localhost", second, timeout=9)
            with pytest.raises(ValueError, match="has begun already"):
                context.start_delivery("c@localhost")
            return Reply(550, (5, 0, 0), "No")

    it = Measured(of(Delivering()), lmtp=True)
    it.client.ask("x", ".")
    it.clock.advance(4)
    first.callback("Stored")
    assert it.calls.in_flight == 1
    it.clock.advance(5)
    assert it.calls.of_data == BackendCall("mine", "data", ["taken", "cancelled"], 4)
    it.client.hang_up()


@pytest.mark.parametrize("value", ["Stored", Deferred])
def test_a_status_of_a_delivery_that_has_begun(value, logged_failures):
    """`set_status` counts, and the Deferred is cancelled; a plain value counts at once."""

    class Twice(Session):
        def data(self, message, context):
            context.start_delivery(0, Deferred() if value is Deferred else value)
            assert context.set_status(0, Reply(450, None, "Later")) is (value is Deferred)
            context.start_delivery(1)
            context.set_status(1, ZeroDivisionError())

    it = Measured(of(Twice()), lmtp=True)
    it.client.ask("x", ".")
    assert it.calls.of_data.outcomes == ["deferred" if value is Deferred else "taken", "failed"]
    it.client.hang_up()
    assert len(logged_failures.flush(ZeroDivisionError)) == 1


def test_a_delivery_that_fails(logged_failures):
    class Failing(Session):
        def data(self, message, context):
            context.start_delivery(0, self.fail())
            context.start_delivery(1, self.fail())

        async def fail(self):
            raise ZeroDivisionError

    it = Measured(of(Failing()), lmtp=True)
    it.client.ask("x", ".")
    assert it.calls.of_data.outcomes == ["failed", "failed"]
    it.client.hang_up()
    assert len(logged_failures.flush(ZeroDivisionError)) == 2
