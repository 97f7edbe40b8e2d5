"""Messages that wait for a thread: which are a group, how many groups there are, and that none waits for ever."""

from __future__ import annotations

from collections import deque

import pytest
from twisted.internet.defer import Deferred, fail, maybeDeferred

from tests.threads import Threads
from txsmtpx.backends import maildir_queue
from txsmtpx.backends.maildir_queue import DeliveryQueue

GROUPS, MOST = 3, 5


@pytest.fixture
def groups(monkeypatch):
    """The groups that have been stored."""
    stored = []
    monkeypatch.setattr(maildir_queue, "store", lambda group, maildirs, each: stored.append(group))
    return stored


def made(in_thread) -> DeliveryQueue:
    return DeliveryQueue(GROUPS, MOST, None, in_thread, None)


def test_what_waits_when_the_thread_begins_is_a_group(groups):
    threads = Threads()
    queue = made(threads)
    results = [queue.store(name) for name in "abc"]
    assert len(threads.waiting) == 1
    assert not any(each.called for each in results)
    threads.work()
    assert groups == [["a", "b", "c"]]
    assert [each.result for each in results] == [None] * 3


def test_a_message_alone_waits_for_no_other(groups):
    assert made(maybeDeferred).store("a").result is None
    assert groups == [["a"]]


@pytest.mark.parametrize("count", [MOST - 1, MOST, MOST + 1, 10 * MOST + 1])
def test_a_group_has_so_many_messages_at_most(groups, count):
    threads = Threads()
    queue = made(threads)
    results = [queue.store(number) for number in range(count)]
    while threads.waiting:
        threads.work()
    assert [number for group in groups for number in group] == list(range(count))
    assert {len(group) for group in groups[:-1]} <= {MOST}
    assert all(each.called for each in results)


def test_only_so_many_groups_at_a_time(groups):
    """Each thread has begun: the next message needs another one, up to a limit."""
    working = []

    def in_thread(function):
        working.append((Deferred(), function()))
        return working[-1][0]

    queue = made(in_thread)
    for number in range(GROUPS + 3):
        queue.store(number)
    assert groups == [[number] for number in range(GROUPS)]
    result, group = working[0]
    result.callback(group)
    assert groups[GROUPS:] == [[GROUPS, GROUPS + 1, GROUPS + 2]]


def test_what_comes_while_a_group_is_stored_is_in_the_next(monkeypatch):
    threads = Threads()
    queue = made(threads)
    groups = []

    def store(group, maildirs, each):
        groups.append(group)
        if group == ["a"]:
            queue.store("b")
            queue.store("c")

    monkeypatch.setattr(maildir_queue, "store", store)
    queue.store("a")
    while threads.waiting:
        threads.work()
    assert groups == [["a"], ["b", "c"]]


def test_a_failure_of_the_group_is_that_of_each(monkeypatch):
    def store(group, maildirs, each):
        raise MemoryError("of all")

    monkeypatch.setattr(maildir_queue, "store", store)
    threads = Threads()
    queue = made(threads)
    failures = []
    for name in "ab":
        queue.store(name).addErrback(failures.append)
    threads.work()
    assert [str(each.value) for each in failures] == ["of all"] * 2
    assert failures[0].value is not failures[1].value
    assert "in store" in failures[1].getTraceback()


def test_no_thread_to_be_had(groups):
    """The messages fail, and the next one tries again."""
    in_thread = [lambda function: fail(RuntimeError("no thread")), maybeDeferred]
    queue = made(lambda function: in_thread[0](function))
    failures = []
    queue.store("a").addErrback(failures.append)
    assert [each.type for each in failures] == [RuntimeError]
    in_thread.pop(0)
    assert queue.store("b").result is None
    assert groups == [["b"]]


class Contended(deque):
    """Another thread takes the last item after this one has seen it."""

    def __len__(self):
        return super().__len__() + 1

    def __bool__(self):
        return True


def test_another_thread_takes_the_last_message_meanwhile(groups):
    threads = Threads()
    queue = made(threads)
    results = [queue.store(name) for name in "ab"]
    queue._waiting = Contended(queue._waiting)
    threads.work()
    assert groups == [["a", "b"]]
    assert [each.result for each in results] == [None] * 2
