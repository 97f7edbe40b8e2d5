"""A queue's messages handed to a backend: each recipient has an outcome of its own."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.consume.queue import envelope, queued
from txsmtpx import MemoryBackend, OpenBackend, Reply, Session, SMTPError
from txsmtpx.consume import PartlyHandled, QueuedMessage
from txsmtpx.consume.backend_handler import BackendHandler, QueuedConnection
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Outcome


def handle(backend, message: QueuedMessage) -> Outcome:
    return Outcome(deferred_call(BackendHandler(backend, reactor=Clock()), message))


def error(outcome: Outcome) -> PartlyHandled:
    with pytest.raises(PartlyHandled) as caught:
        outcome.result()
    return caught.value


def test_a_backend_gets_the_message_as_the_first_server_got_it() -> None:
    backend = MemoryBackend()
    handle(backend, queued("a@x.example", "b@x.example")).result()
    (message,) = backend.messages
    assert message.content == b"Subject: hello\r\n\r\nHello\r\n"
    assert (message.sender, tuple(message.recipients)) == ("ann@example.org", ("a@x.example", "b@x.example"))
    assert (message.helo, message.peer_host, message.protocol) == ("client.example", "192.0.2.1", "ESMTPS")
    assert message.queue_id == "3fa9c1"


def test_a_long_message_in_a_file(tmp_path) -> None:
    backend, file = MemoryBackend(), tmp_path / "body"
    file.write_bytes(b"x" * 1_000_000)
    handle(backend, QueuedMessage("m1", envelope(), 1, file)).result()
    assert len(backend.messages[0].content) == 1_000_000


class Choosy(Session):
    """A session that answers by the address."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def rcpt(self, recipient, options):
        if recipient.startswith("unknown"):
            raise SMTPError(550, (5, 1, 1), "No such user")
        return Reply(451, (4, 2, 1), "Later") if recipient.startswith("busy") else None

    async def data(self, message, context):
        await message.content()
        for recipient in context.recipients:
            if recipient.startswith("full"):
                context.set_status(recipient, SMTPError(452, (4, 2, 2), "Mailbox full"))

    def reset(self):
        self.calls.append("reset")

    def logout(self):
        self.calls.append("logout")


def test_each_recipient_has_an_outcome() -> None:
    session = Choosy()
    to = ["ok@x", "unknown@x", "busy@x", "full@x", "ok@x"]
    found = error(handle(OpenBackend(lambda connection: session), queued(*to)))
    assert (found.again, found.rejected) == ((2, 3), (1,))
    assert str(found) == (
        "<unknown@x> 550 5.1.1 No such user; <busy@x> 451 4.2.1 Later; <full@x> 452 4.2.2 <full@x> Mailbox full"
    )
    assert session.calls == ["reset", "logout"]


def test_all_recipients_are_rejected() -> None:
    found = error(handle(OpenBackend(lambda connection: Choosy()), queued("unknown@x", "busy@x")))
    assert (found.again, found.rejected) == ((1,), (0,))


@pytest.mark.parametrize(("code", "again"), [(451, (0, 1)), (421, (0, 1)), (552, ())])
def test_the_sender_is_rejected(code, again) -> None:
    class Refusing(Session):
        def mail(self, sender, options):
            return Reply(code, (code // 100, 0, 0), "No")

    found = error(handle(OpenBackend(lambda connection: Refusing()), queued("a@x", "b@x")))
    assert found.again == again
    assert found.rejected == (() if again else (0, 1))


def test_the_login_is_refused() -> None:
    class Refusing(OpenBackend):
        def anonymous_login(self, connection):
            raise SMTPError(421, (4, 3, 2), "Not now")

    assert error(handle(Refusing(lambda connection: Session()), queued("a@x"))).again == (0,)


def test_an_exception_is_temporary(logged_failures) -> None:
    class Broken(Session):
        async def data(self, message, context):
            raise ZeroDivisionError

    assert error(handle(OpenBackend(lambda connection: Broken()), queued("a@x"))).again == (0,)
    assert len(logged_failures.flush(ZeroDivisionError)) == 1


def test_a_session_that_fails_at_its_end(logged_failures) -> None:
    class Broken(Session):
        def reset(self):
            raise ZeroDivisionError

    handle(OpenBackend(lambda connection: Broken()), queued("a@x")).result()
    assert len(logged_failures.flush(ZeroDivisionError)) == 1


def test_a_cancelled_delivery() -> None:
    waiting: list[Deferred[None]] = []

    class Slow(Choosy):
        def data(self, message, context):
            waiting.append(Deferred())
            return waiting[0]

    session = Slow()
    handling = deferred_call(BackendHandler(OpenBackend(lambda connection: session), reactor=Clock()), queued("a@x"))
    handling.addErrback(lambda failure: None)
    handling.cancel()
    assert waiting[0].called
    assert session.calls == ["reset", "logout"]


def test_the_file_is_missing(tmp_path, logged_failures) -> None:
    message = QueuedMessage("m1", envelope("a@x"), 1, tmp_path / "none")
    assert error(handle(MemoryBackend(), message)).again == (0,)
    logged_failures.flush(FileNotFoundError)


def test_the_connection() -> None:
    connection = QueuedConnection(queued())
    assert (connection.session_id, connection.domain, connection.username) == ("m1", "mx.example.net", "")
    assert (connection.peer_host, connection.peer_port, connection.with_protocol()) == ("192.0.2.1", 4711, "ESMTPS")
    local = QueuedMessage("m1", envelope(username="ann"), 1, b"")
    assert QueuedConnection(local).username == "ann"
