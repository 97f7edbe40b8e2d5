"""The questions of ``--check`` to the programs that filters and tables ask: each has to answer."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Protocol, cast

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txsmtpx.command.other_user import other_user
from txsmtpx.command.process import Listener, Process, Question
from txsmtpx.command.signals import SignalledReactor
from txsmtpx.settling import deferred_call
from txsmtpx.wire.description import fault

LIMIT = 10.0
"""Seconds in which a program has to answer."""


class UnstartedReactor(SignalledReactor, Protocol):
    """The part of a reactor that `ask_all` calls, before the reactor has started."""

    def run(self) -> None:
        """Run the reactor until it is stopped."""


def ask_all(process: Process, twistd: Mapping[str, object]) -> list[str]:
    """
    Ask every program, as the user that the process becomes.

    The answers become ``answers`` of the listeners.  The reactor runs until all have answered, so the process cannot
    serve mail afterwards.

    Args:
        process: The process, put together.
        twistd: The options of ``twistd``.

    Returns:
        The failures, a line each.
    """
    if not any(listener.questions for listener in process.listeners):
        return []
    from twisted.internet import reactor as installed

    reactor = cast(UnstartedReactor, installed)
    found: list[str] = []

    def start() -> None:
        asked = [(each, ask(clock, each, question)) for each in process.listeners for question in each.questions]

        def end(replies: list[tuple[bool, Reply]]) -> None:
            for (listener, _), (_, (answer, failure)) in zip(asked, replies, strict=True):
                listener.answers += filter(None, [answer])
                found.extend(filter(None, [failure]))
            reactor.stop()

        DeferredList([deferred for _, deferred in asked]).addCallback(end)

    clock = cast(IReactorTime, installed)
    directory = str(twistd.get("rundir", "."))  # to which the paths of UNIX sockets are relative
    with contextlib.chdir(directory), other_user(twistd.get("uid"), twistd.get("gid")):
        reactor.callWhenRunning(start)
        reactor.run()
    return found


Reply = tuple[str, str]
"""The line of an answer, and the line of a failure; one of them is ``""``."""


def ask(clock: IReactorTime, listener: Listener, question: Question) -> Deferred[Reply]:
    """
    Ask one program.

    Args:
        clock: The clock of the time limit.
        listener: The listener.
        question: The question.

    Returns:
        A Deferred of the answer or the failure.
    """

    def late(result: object, seconds: float) -> None:
        raise TimeoutError(f"it does not answer within {seconds:g} seconds")

    def failed(failure: Failure) -> Reply:
        error = failure.value
        text = fault(error) if isinstance(error, Exception) else failure.getErrorMessage()
        return "", listener.values.complaint(question.complaint(text))

    asked = deferred_call(question.ask).addTimeout(LIMIT, clock, late)
    return asked.addCallbacks(lambda answer: (f"{question.name}: {answer}", ""), failed)
