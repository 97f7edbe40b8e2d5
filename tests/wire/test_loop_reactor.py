"""A reactor of Twisted for a loop of asyncio that runs already."""

from __future__ import annotations

import asyncio
import threading

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from tests.loops import runners
from txsmtpx.wire.loop_reactor import LoopReactor, LoopThreads, is_served, loop_reactor, running_loop
from txsmtpx.wire.pending_work import before_end


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


class Lost(Protocol):
    def __init__(self) -> None:
        self.lost = False

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True


@runners
def test_what_is_left_at_the_end_of_the_loop_is_closed(run):
    """A port, and both ends of a connection."""
    made: list[Lost] = []

    def build() -> Lost:
        made.append(Lost())
        return made[-1]

    async def main() -> None:
        reactor = loop_reactor()
        listening = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(Factory.forProtocol(build))
        port = (await listening.asFuture(asyncio.get_running_loop())).getHost().port
        connecting = TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(Factory.forProtocol(build))
        await connecting.asFuture(asyncio.get_running_loop())
        while len(made) < 2:
            await asyncio.sleep(0)

    run(main())
    assert [each.lost for each in made] == [True, True]


def test_the_end_waits_for_what_has_a_time_limit():
    ended: list[str] = []

    async def main() -> None:
        reactor, work = loop_reactor(), Deferred()
        before_end(reactor, work.addCallback(ended.append))
        asyncio.get_running_loop().call_later(0.05, work.callback, "before the loop was closed")

    asyncio.run(main())
    assert ended == ["before the loop was closed"]
