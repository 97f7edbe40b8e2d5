"""The backend of a queue: what a client may send, what is stored, and what 250 means."""

import errno
import sqlite3

import pytest
from twisted.internet.defer import Deferred, fail

from tests.queue.queues import ANN, BODY, ME, Queues
from txsmtpx.backends.received_body import ReceivedBody
from txsmtpx.interfaces import StoreError
from txsmtpx.queue.queue_backend import QueueBackend
from txsmtpx.testing import Conversation


@pytest.fixture
def queue():
    made = Queues()
    yield made
    made.stop(60)


@pytest.fixture
def client(queue):
    made = Conversation(QueueBackend(queue.queue, domains=["example.net"]), domain="mail.example.org")
    made.ask("EHLO client.example")
    yield made
    made.hang_up()


def send(client, *lines, to=ANN, mail=f"MAIL FROM:<{ME}>"):
    assert client.ask(mail)[-1].startswith("250")
    assert client.ask(f"RCPT TO:<{to}>")[-1].startswith("250")
    assert client.ask("DATA")[-1].startswith("354")
    return client.ask(*(lines or ("Subject: x", "", "hello")), ".")[-1]


def test_a_message_is_stored_and_delivered_with_a_received_field(queue, client):
    reply = send(client)
    assert reply.startswith("250 2.0.0 Ok: queued as ")
    queue.flush()
    (message,) = queue.server().messages
    assert message.startswith(b"Received: from client.example ")
    assert message.endswith(BODY)
    assert queue.events[0].id == reply.split()[-1]


def test_a_stranger_sends_to_the_domains_only(client):
    client.ask(f"MAIL FROM:<{ME}>")
    assert client.ask("RCPT TO:<bob@example.com>") == ["550 5.7.1 Relaying denied"]
    assert client.ask("RCPT TO:<bob@EXAMPLE.NET>")[0].startswith("250")


def test_postmaster_is_that_of_this_host(queue):
    client = Conversation(QueueBackend(queue.queue, domains=["mail.example.org"]), domain="mail.example.org")
    client.ask("EHLO client.example")
    send(client, to="Postmaster")
    queue.flush()
    assert "RCPT TO:<Postmaster@mail.example.org>" in queue.server().lines
    client.hang_up()


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (StoreError("the database is locked"), "451 4.3.0"),
        (OSError(errno.EIO, "an error of the disk"), "451 4.3.0"),
        (OSError(errno.EACCES, "Permission denied"), "451 4.3.0"),
        (OSError(errno.ENOSPC, "No space left on device"), "452 4.3.1"),
    ],
)
def test_what_is_not_stored_is_not_accepted(queue, client, monkeypatch, error, reply):
    monkeypatch.setattr(queue.store, "add", lambda mail: fail(error))
    assert send(client).startswith(reply)
    assert queue.events == []
    monkeypatch.undo()
    assert send(client).startswith("250 ")


def full_file():
    return OSError(errno.ENOSPC, "No space left on device")


def full_sqlite():
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(sqlite3.OperationalError) as full:
        connection.execute("CREATE TABLE x (y)")
    connection.close()
    return full.value


def full_postgresql():
    return pytest.importorskip("psycopg").errors.DiskFull("could not extend file")


@pytest.mark.parametrize("cause", [full_file, full_sqlite, full_postgresql])
def test_a_store_that_is_full_behind_its_error_is_a_full_disk(queue, client, monkeypatch, cause):
    error = StoreError("the queue cannot be used")
    error.__cause__ = cause()
    monkeypatch.setattr(queue.store, "add", lambda mail: fail(error))
    assert send(client).startswith("452 4.3.1")


def test_a_message_in_a_loop_is_rejected(queue, client):
    assert send(client, *["Received: by x"] * 100, "", "x").startswith("554 5.4.6")
    assert queue.store.mails == {}


def test_a_client_that_is_lost_leaves_nothing(queue, client):
    client.ask(f"MAIL FROM:<{ME}>", f"RCPT TO:<{ANN}>", "DATA", "Subject: x")
    client.hang_up()
    assert queue.store.mails == {}
    assert queue.events == []


def test_the_extensions_of_a_queue_are_offered(client):
    offered = {line[4:].split()[0] for line in client.ask("EHLO client.example")}
    assert {"DSN", "DELIVERBY", "MT-PRIORITY", "RRVS", "FUTURERELEASE"} <= offered


def test_a_domain_that_is_none_is_refused(queue):
    with pytest.raises(TypeError, match="queue"):
        QueueBackend("queue.db")


def test_the_body_of_a_message_that_may_be_stored_is_kept(queue, monkeypatch):
    """The client is lost while the store commits: the message may be in the queue, and needs its body then."""
    discarded = []
    monkeypatch.setattr(ReceivedBody, "discard", lambda self: discarded.append(self))
    monkeypatch.setattr(queue.store, "add", lambda mail: Deferred())
    client = Conversation(QueueBackend(queue.queue, domains=["example.net"]))
    client.ask("EHLO client.example", f"MAIL FROM:<{ME}>", f"RCPT TO:<{ANN}>", "DATA", "x", ".")
    client.hang_up()
    assert discarded == []
