"""Policy servers and clamd that hang, die or answer nonsense: the stated consequence follows, and nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.task import Clock

from tests.filters.daemon import NEVER, REFUSED, Daemon
from txsmtpx import ConfiguredFilter, FilterBackend, MemoryBackend
from txsmtpx.filters.clamd import Clamd
from txsmtpx.filters.policy_server import PolicyServer
from txsmtpx.testing import Conversation

Maker = Callable[[Daemon, Clock], Any]
MAKERS: dict[str, tuple[Maker, bytes]] = {
    "policy": (lambda daemon, clock: PolicyServer(daemon, timeout=60, reactor=clock), b"action=REJECT No\n\n"),
    "clamd": (lambda daemon, clock: Clamd(daemon, timeout=60, reactor=clock), b"stream: Eicar FOUND\0"),
}
REPLIES = {"defer": "451 4.7.1", "reject": "550 5.7.1", "accept": "250 2.0.0"}


class Asking:
    """A server whose filter asks a daemon."""

    def __init__(self, kind: str, on_failure: Any, mode: str = "") -> None:
        self.clock = Clock()
        self.daemon = Daemon(mode)
        self.memory = MemoryBackend()
        make, self.answer = MAKERS[kind]
        configured = ConfiguredFilter(make(self.daemon, self.clock), on_failure=on_failure)
        backend = FilterBackend(self.memory, configured, reactor=self.clock)
        self.client = Conversation(backend, clock=self.clock)
        self.client.ask("EHLO client.example")

    def send(self) -> None:
        """A message, without waiting."""
        self.client.send(b"MAIL FROM:<a@client.example>\r\nRCPT TO:<b@localhost>\r\nDATA\r\n")
        self.client.send(b"Subject: x\r\n\r\ny\r\n.\r\n")

    def last(self) -> str:
        """The last reply: that to RCPT if it was rejected, else that to the data."""
        replies = self.client.replies()
        rejected = [each for each in replies if each[:3] in ("451", "550") and "recipient" not in each]
        return (rejected or replies)[0 if rejected else -1]

    def end(self) -> None:
        """Nothing is left when the client has gone."""
        self.client.hang_up()
        assert all(pipe.lost for pipe in self.daemon.pipes)
        assert all(each.called for each in self.daemon.connecting)
        for call in self.clock.getDelayedCalls():
            pytest.fail(f"{call} is left")


@pytest.mark.parametrize("on_failure", REPLIES)
@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("end", ["dies", "hangs", "answers nonsense"])
def test_it_fails_at_every_octet(kind: str, on_failure: str, end: str) -> None:
    for cut in range(len(MAKERS[kind][1])):
        asking = Asking(kind, on_failure)
        asking.send()
        pipe = asking.daemon.pipes[-1]
        if cut:
            pipe.say(asking.answer[:cut])
        if end == "dies":
            pipe.hang_up()
        elif end == "hangs":
            asking.clock.advance(59)
            assert not any(each.startswith(tuple(REPLIES.values())) for each in asking.client.replies())
            asking.clock.advance(1)
        else:
            pipe.say(b"\xff\0\n\n\n")
        assert asking.last().startswith(REPLIES[on_failure]), cut
        assert len(asking.memory.messages) == (on_failure == "accept")
        asking.end()


@pytest.mark.parametrize("on_failure", REPLIES)
@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("mode", [REFUSED, NEVER])
def test_it_is_not_there(kind: str, on_failure: str, mode: str) -> None:
    asking = Asking(kind, on_failure, mode)
    asking.send()
    asking.clock.advance(60)
    assert asking.last().startswith(REPLIES[on_failure])
    asking.end()


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("mode", ["", NEVER])
def test_the_client_is_lost_meanwhile(kind: str, mode: str) -> None:
    asking = Asking(kind, "defer", mode)
    asking.send()
    asking.end()
    assert asking.memory.messages == []
