"""
Any use of a client, with any server: what is asked, answered late, cancelled, lied to, timed out, lost, in any order.

Each Deferred fires once, and with the answer to its own command (guarantee 15); when the connection is gone, neither a
timer nor a reference is left (guarantee 10), and nothing is in the log.
"""

from __future__ import annotations

import gc
import weakref
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from txsmtpx import Plain, Result
from txsmtpx.grammar.reply import Reply
from txsmtpx.testing import Network, Outcome, ScriptedServer

LIES = [
    b"250 2.0.0 lie\r\n",
    b"550 5.0.0 lie\r\n",
    b"354 lie\r\n",
    b"250-lie\r\n",
    b"lie\r\n",
    b"421 4.3.2 bye\r\n",
    b"2",
    b"\0",
]

OFFERS = [[], ["PIPELINING"], ["PIPELINING", "CHUNKING"], ["CHUNKING", "SIZE 100"]]


class Late(ScriptedServer):
    """Answers when it is told to, and repeats what it was asked."""

    def __init__(self, offers: list[str], lmtp: bool) -> None:
        self.held: list[Any] = []
        repeated = {
            "VRFY": lambda word: f"252 2.5.0 {word}",
            "MAIL": lambda word: f"{'550 5.1.0' if 'no' in word else '250 2.1.0'} {word}",
            "RCPT": lambda word: f"{'550 5.1.1' if 'no' in word else '250 2.1.5'} {word}",
        }
        super().__init__([*offers, "AUTH PLAIN"], lmtp=lmtp, **repeated)

    def send_reply(self, answer: Any) -> None:
        self.held.append(answer)

    def release(self) -> None:
        """Say what is due."""
        if self.held:
            super().send_reply(self.held.pop(0))


class Step(NamedTuple):
    """Something that happens: the name of a method of `Use`, and a number for whatever is to be chosen."""

    name: str
    number: int


class Use:
    """A client that is used."""

    def __init__(self, offers: list[str], lmtp: bool) -> None:
        self.net = Network(Late(offers, lmtp))
        self.client = self.net.client(lmtp=lmtp, allow_insecure_auth=True)
        self.server = self.net.servers[0]
        self.outcomes: list[tuple[str, Outcome]] = [("220", Outcome(self.client.greeting))]
        self.pending: list[Any] = []
        self.lied = False
        began = self.client, self.client.protocol.dialog
        self.began = [weakref.ref(each) for each in began if hasattr(each, "__weakref__")]

    def take(self, step: Step) -> None:
        """It happens."""
        getattr(self, step.name)(step.number)
        self.net.flush()

    def ask(self, number: int) -> None:
        word = f"{'no' if number % 5 == 0 else 'yes'}{len(self.outcomes)}"
        address = f"{word}@example.com"
        body = [b"x\r\n", iter([b"a\r\n.", b"\r\nb"]), b".\r\n" * 50][number // 10 % 3]
        asked = [
            lambda: self.client.verify(word),
            lambda: self.client.mail(address),
            lambda: self.client.rcpt(address),
            self.client.noop,
            self.client.reset,
            self.client.hello,
            lambda: self.client.authenticate(Plain("me", "secret")),
            lambda: self.client.send(address, [f"a{address}", f"b{word}x@example.com"], body),
            lambda: self.client.send("", [f"yes{address}", f"no{address}"], body),
            self.client.quit,
        ][number % 100 % 10]()
        self.pending.append(asked)
        self.outcomes.append((word if number % 10 in (0, 1, 2) else "", Outcome(asked)))

    def release(self, number: int) -> None:
        for _ in range(1 + number % 4):
            self.server.release()
            self.net.flush()

    def cancel(self, number: int) -> None:
        if self.pending:
            self.pending.pop(number % len(self.pending)).cancel()

    def lie(self, number: int) -> None:
        self.lied = True
        ScriptedServer.send_reply(self.server, LIES[number % len(LIES)])

    def wait(self, number: int) -> None:
        self.net.advance((1, 700)[number % 2])

    def lose(self, number: int) -> None:
        self.server.transport.loseConnection()

    def end(self) -> None:
        """All is over: everybody has heard it."""
        self.net.hang_up()  # complains about timers
        for word, outcome in self.outcomes:
            assert len(outcome.results) == 1
            if outcome.error is None and not self.lied:
                self.fits(word, outcome.results[0])

    def fits(self, word: str, result: Any) -> None:
        """An answer that repeats what was asked."""
        if isinstance(result, Result):
            assert all(recipient in str(reply) for recipient, reply in result.refused if reply.code == 550)
        elif isinstance(result, Reply) and word:
            assert word in str(result)


names = st.sampled_from(["ask"] * 8 + ["release"] * 12 + ["cancel", "lie", "wait", "lose"])
steps = st.lists(st.builds(Step, names, st.integers(0, 999)), min_size=10, max_size=50)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps, st.sampled_from(OFFERS), st.booleans())
def test_any_use(garbage, logged_failures, taken, offers, lmtp):
    use = Use(offers, lmtp)
    for step in taken:
        use.take(step)
    use.end()
    began = use.began
    del use
    assert logged_failures.flush() == []  # which collects garbage
    assert [each for each in began if each() is not None] == []
    gc.freeze()  # likewise
