"""The way of a message into a thread and back: which wait for which, and what a client that goes leaves behind."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, fail, maybeDeferred

from tests.threads import Threads
from txsmtpx.backends import maildir_queue
from txsmtpx.backends.maildir_group import AT_ONCE
from txsmtpx.backends.maildir_writer import MaildirWriter


class Message:
    """Stands for a `Delivery`: it records what is done with it."""

    def __init__(self, is_long=False):
        self.is_long = is_long
        self.abandoned = False
        self.last = b""
        self.octets = b""
        self.discarded = 0

    def write(self, octets):
        self.octets += octets

    def discard(self):
        self.discarded += 1


class Client:
    """Waits for a Deferred as a session does, and abandons its message when that is cancelled."""

    def __init__(self, writer, message, result):
        self.error = None
        self._result = result.addErrback(self._abandon, writer, message)

    def _abandon(self, failure, writer, message):
        self.error = failure.type
        writer.abandon(message)

    def go(self):
        self._result.cancel()


@pytest.fixture
def threads():
    return Threads()


@pytest.fixture
def writer(threads):
    return MaildirWriter(None, threads, None, threads)


@pytest.fixture
def groups(monkeypatch):
    """The groups that have been stored."""
    stored = []
    monkeypatch.setattr(maildir_queue, "store", lambda group, maildirs, each: stored.append(group))
    return stored


def work(threads):
    while threads.waiting:
        threads.work()


def test_octets_are_written_one_after_the_other(threads, writer):
    message = Message()
    for octets in (b"one ", b"two"):
        written = writer.write(message, octets)
        assert not written.called
        threads.work()
        assert written.result is None
    assert message.octets == b"one two"


def test_the_last_octets_are_those_of_the_message(threads, writer, groups):
    message = Message()
    stored = writer.store(message, b"last")
    threads.work()
    assert stored.called
    assert message.last == b"last"
    assert groups == [[message]]


def test_long_messages_are_stored_alone(threads, writer, groups):
    short, long = [Message() for _ in range(2)], [Message(is_long=True) for _ in range(2)]
    for each in (short[0], long[0], short[1], long[1]):
        writer.store(each, b"")
    work(threads)
    assert groups == [short, [long[0]], [long[1]]]


def test_a_group_holds_so_many_at_most(threads, writer, groups):
    for _ in range(AT_ONCE + 1):
        writer.store(Message(), b"")
    work(threads)
    assert list(map(len, groups)) == [AT_ONCE, 1]


def test_one_that_is_abandoned_between_two_writes_is_discarded_at_once():
    writer = MaildirWriter(None, maybeDeferred, None, maybeDeferred)
    message = Message()
    writer.write(message, b"one")
    writer.abandon(message)
    assert message.discarded == 1


def test_one_that_is_abandoned_within_a_write_is_discarded_after_it(threads, writer):
    message = Message()
    client = Client(writer, message, writer.write(message, b"one"))
    client.go()
    assert client.error is CancelledError
    assert message.abandoned
    assert message.discarded == 0
    threads.work()
    assert (message.octets, message.discarded) == (b"one", 0)
    threads.work()
    assert message.discarded == 1
    assert threads.waiting == []


def test_one_that_is_abandoned_within_a_group_disturbs_no_other(threads, writer, groups):
    messages = [Message(), Message()]
    clients = [Client(writer, each, writer.store(each, b"")) for each in messages]
    clients[0].go()
    work(threads)
    assert groups == [messages]  # the thread reads the flag
    assert [each.abandoned for each in messages] == [True, False]
    assert [each.discarded for each in messages] == [1, 0]
    assert clients[1].error is None


def test_no_thread_to_be_had():
    """What was written is removed all the same."""

    def in_no_thread(function):
        return fail(RuntimeError("no thread"))

    writer = MaildirWriter(None, in_no_thread, None, in_no_thread)
    message = Message()
    client = Client(writer, message, writer.write(message, b"one"))
    assert client.error is RuntimeError
    assert message.discarded == 1


def test_a_write_that_fails(threads, writer):
    message = Message()
    message.write = lambda octets: (_ for _ in ()).throw(OSError("no space"))
    client = Client(writer, message, writer.write(message, b"one"))
    work(threads)
    assert client.error is OSError
    assert message.discarded == 1
