"""The threads of a Maildir backend: calls at the end of a turn, and one work that several threads share."""

from __future__ import annotations

import threading

import pytest

from txsmtpx.backends.maildir_threads import MaildirThreads, in_order


class Meeting:
    """A call that returns when so many threads are in it: none of them could go on alone."""

    def __init__(self, threads: int) -> None:
        self.threads: set[str] = set()
        self._barrier = threading.Barrier(threads, timeout=20)

    def __call__(self, item: object) -> None:
        self.threads.add(threading.current_thread().name)
        self._barrier.wait()


def in_a_thread(function, *arguments):
    """Call it in one of the threads, as a group is stored."""
    return lambda: function(*arguments)


async def test_the_result_comes_back_to_the_thread_of_the_reactor():
    here = threading.current_thread()
    fired = []
    result = MaildirThreads().call(threading.current_thread)
    result.addCallback(lambda there: fired.append(threading.current_thread()) or there)
    assert await result is not here
    assert fired == [here]


async def test_what_a_call_raises_comes_back_too():
    with pytest.raises(OSError, match="no disk"):
        await MaildirThreads().call(lambda: (_ for _ in ()).throw(OSError("no disk")))


async def test_a_call_begins_after_the_turn():
    threads = MaildirThreads()
    turn = ["the turn"]
    results = [threads.call(lambda: list(turn)) for _ in range(3)]
    turn.append("its end")
    assert [await each for each in results] == [["the turn", "its end"]] * 3


@pytest.mark.parametrize("together", [2, 5, 8])
async def test_calls_that_wait_are_made_in_several_threads(together):
    """Each waits for all the others, as fsync does on a disk that serves them together."""
    threads = MaildirThreads(8)
    meeting = Meeting(together)
    await threads.call(in_a_thread(threads.each, meeting, range(together)))
    assert len(meeting.threads) == together


async def test_calls_that_return_at_once_are_made_in_order_in_one_thread():
    """The lock is not given away in between: no other thread is called until the first is through."""
    threads = MaildirThreads(1)
    made = []
    await threads.call(in_a_thread(threads.each, made.append, range(50)))
    assert made == list(range(50))


async def test_more_calls_than_threads():
    threads = MaildirThreads(2)
    made = []
    await threads.call(in_a_thread(threads.each, made.append, range(1000)))
    assert sorted(made) == list(range(1000))


@pytest.mark.parametrize("most", [1, 2, 3])
async def test_none_waits_for_a_thread_that_is_busy(most):
    """Each thread that shares its work can do all of it."""
    threads = MaildirThreads(most)
    made = []
    for each in [threads.call(in_a_thread(threads.each, made.append, range(50))) for _ in range(5)]:
        await each
    assert sorted(made) == sorted([*range(50)] * 5)


@pytest.mark.parametrize("failing", [0, 3, 9])
async def test_one_that_fails_is_raised_when_all_have_ended(failing):
    threads = MaildirThreads(4)
    made = []

    def work(number):
        made.append(number)
        if number == failing:
            raise MemoryError(number)

    with pytest.raises(MemoryError):
        await threads.call(in_a_thread(threads.each, work, range(10)))
    assert sorted(made) == list(range(10))


async def test_a_system_without_further_threads(monkeypatch):
    """It fails the call, and not the work that a thread shares with none."""

    def no_thread(thread):
        raise RuntimeError("can't start new thread")

    threads = MaildirThreads()
    made = []
    with monkeypatch.context() as few:
        few.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError):
            await threads.call(lambda: made.append("a call that has failed"))
        threads.each(made.append, range(10))
    await threads.call(lambda: made.append("later"))
    assert made == [*range(10), "later"]


def test_nothing_to_do():
    made = []
    MaildirThreads().each(made.append, [])
    in_order(made.append, [])
    assert made == []


def test_in_order():
    made = []
    in_order(made.append, [3, 1, 2])
    assert made == [3, 1, 2]


async def test_a_call_at_once_needs_no_turn_of_the_reactor():
    threads, called = MaildirThreads(), threading.Event()
    result = threads.call_at_once(called.set)
    assert called.wait(10)
    await result
