"""The way of a message into a thread and back: which wait for which, and what a client that goes leaves behind."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, maybeDeferred

from tests.threads import Threads
from txsmtpx.backends import maildir_writer
from txsmtpx.backends.maildir_writer import GROUPS, MaildirWriter


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


@pytest.fixture
def groups(monkeypatch):
    """The groups that have been stored, each a list of messages."""
    stored = []

    def store(group, maildirs, each):
        stored.append(list(group))

    monkeypatch.setattr(maildir_writer, "store", store)
    return stored


def made(in_thread) -> MaildirWriter:
    return MaildirWriter(None, in_thread, None)


def test_what_waits_for_a_thread_is_a_group(groups):
    threads = Threads()
    writer = made(threads)
    messages = [Message() for _ in range(3)]
    results = [writer.store(each, b"last") for each in messages]
    assert len(threads.waiting) == 1
    threads.work()
    assert groups == [messages]
    assert [each.result for each in results] == [None] * 3
    assert [each.last for each in messages] == [b"last"] * 3


def test_a_message_alone_waits_for_no_other(groups):
    writer = made(maybeDeferred)
    message = Message()
    assert writer.store(message, b"").result is None
    assert groups == [[message]]


@pytest.mark.parametrize("count", [31, 32, 33, 100])
def test_a_group_has_an_end(groups, count):
    threads = Threads()
    writer = made(threads)
    for _ in range(count):
        writer.store(Message(), b"")
    while threads.waiting:
        threads.work()
    assert sum(map(len, groups)) == count
    assert max(map(len, groups)) <= 32


def test_only_so_many_groups_at_a_time(groups):
    """Each thread has begun, and works: the next message needs another one, up to a limit."""
    threads = Threads()
    working = []

    def in_thread(function, *arguments):
        result = Deferred()
        working.append((result, function(*arguments)))
        return result

    writer = made(in_thread)
    for _ in range(GROUPS + 3):
        writer.store(Message(), b"")
    assert len(working) == GROUPS
    assert threads.waiting == []
    result, group = working.pop(0)
    result.callback(group)
    assert list(map(len, groups)) == [1] * GROUPS + [3]


def test_a_long_message_is_stored_alone(groups):
    threads = Threads()
    writer = made(threads)
    messages = [Message(), Message(is_long=True), Message()]
    for each in messages:
        writer.store(each, b"")
    while threads.waiting:
        threads.work()
    assert groups == [[messages[0], messages[2]], [messages[1]]]


@pytest.mark.parametrize("is_long", [False, True])
def test_a_failure_of_all_is_that_of_each(monkeypatch, is_long):
    def store(group, maildirs, each):
        raise MemoryError("of all")

    monkeypatch.setattr(maildir_writer, "store", store)
    threads = Threads()
    writer = made(threads)
    results = [writer.store(Message(is_long), b"") for _ in range(2)]
    while threads.waiting:
        threads.work()
    failures = []
    for each in results:
        each.addErrback(failures.append)
    assert [str(each.value) for each in failures] == ["of all"] * 2
    assert failures[0].value is not failures[1].value


def test_no_thread_to_be_had(groups):
    writer = made(lambda function, *arguments: fail(RuntimeError("no thread")))
    for _ in range(2):
        failures = []
        writer.store(Message(), b"").addErrback(failures.append)
        assert [each.type for each in failures] == [RuntimeError]
    assert groups == []


def test_octets_are_written_one_after_the_other():
    threads = Threads()
    writer = made(threads)
    message = Message()
    for octets in (b"one ", b"two"):
        written = writer.write(message, octets)
        assert not written.called
        threads.work()
        assert written.result is None
    assert message.octets == b"one two"


def test_one_that_is_abandoned_between_two_writes_is_discarded_at_once():
    writer = made(maybeDeferred)
    message = Message()
    writer.write(message, b"one")
    writer.abandon(message)
    assert message.abandoned
    assert message.discarded == 1


def test_one_that_is_abandoned_within_a_write_is_discarded_after_it():
    threads = Threads()
    writer = made(threads)
    message = Message()
    written = writer.write(message, b"one")
    written.addErrback(lambda failure: failure.trap(CancelledError) and writer.abandon(message))
    written.cancel()
    assert message.discarded == 0
    threads.work()
    assert (message.octets, message.discarded) == (b"one", 0)
    threads.work()
    assert message.discarded == 1
    assert threads.waiting == []


def test_one_that_is_abandoned_within_a_group_disturbs_no_other(groups):
    threads = Threads()
    writer = made(threads)
    messages = [Message(), Message()]
    results = [writer.store(each, b"") for each in messages]
    results[0].addErrback(lambda failure: failure.trap(CancelledError) and writer.abandon(messages[0]))
    results[0].cancel()
    while threads.waiting:
        threads.work()
    assert groups == [messages]  # of which the thread knows that one is abandoned
    assert messages[0].abandoned
    assert results[1].result is None
    assert messages[1].discarded == 0
