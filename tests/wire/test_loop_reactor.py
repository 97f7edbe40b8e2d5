"""A reactor of Twisted for a loop of asyncio that runs already."""

from __future__ import annotations

import asyncio
import threading

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from txsmtpx.wire.loop_reactor import LoopReactor, LoopThreads, is_served, loop_reactor, running_loop


def test_without_a_loop():
    assert running_loop() is None
    assert loop_reactor() is None


def test_a_loop_has_one_reactor():
    async def main() -> tuple[object, ...]:
        loop = asyncio.get_running_loop()
        before = is_served(loop)
        return before, loop_reactor(), loop_reactor(), is_served(loop), loop

    before, one, same, served, loop = asyncio.run(main())
    assert (before, served) == (False, True)
    assert isinstance(one, LoopReactor)
    assert one is same
    assert asyncio.run(main())[1] is not one
    assert not is_served(loop)  # since it is closed


def test_timers_and_calls_from_threads():
    async def main() -> list[str]:
        reactor, done, found = LoopReactor(asyncio.get_running_loop()), asyncio.Event(), []
        reactor.callLater(0, found.append, "timer")
        thread = threading.Thread(target=reactor.callFromThread, args=(done.set,))
        thread.start()
        await done.wait()
        thread.join()
        while not found:
            await asyncio.sleep(0)
        return found

    assert asyncio.run(main()) == ["timer"]


def test_threads_are_those_of_the_loop():
    async def main() -> list[object]:
        reactor = LoopReactor(asyncio.get_running_loop())
        results: list[object] = []

        def found(result: object) -> None:
            results.append(result)

        waiting: list[Deferred[None]] = [
            deferToThreadPool(reactor, reactor.getThreadPool(), function, "4").addBoth(found)
            for function in (int, bytes)
        ]
        called = threading.Event()
        LoopThreads(asyncio.get_running_loop()).callInThread(called.set)
        while len(results) < len(waiting) or not called.is_set():
            await asyncio.sleep(0)
        return results

    results = asyncio.run(main())
    assert 4 in results
    assert [each.type for each in results if isinstance(each, Failure)] == [TypeError]


def test_two_threads_forget_the_same_closed_loop(monkeypatch):
    class Forgotten:
        """A loop that another thread forgets at the same time."""

        def is_closed(self):
            del reactors[self]
            return True

    reactors = {Forgotten(): None, Forgotten(): None}
    monkeypatch.setattr("txsmtpx.wire.loop_reactor._REACTORS", reactors)

    async def ask():
        return loop_reactor(), asyncio.get_running_loop()

    reactor, loop = asyncio.run(ask())
    assert reactors == {loop: reactor}
