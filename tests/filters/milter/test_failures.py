"""A client whose server asks a milter that hangs, dies or sends nonsense: the stated policy, and nothing is left."""

from __future__ import annotations

import contextlib

import pytest
from twisted.internet.task import Clock

from tests.milters import DIE, Milters, Say
from txsmtpx import ConfiguredFilter, FilterBackend, MemoryBackend
from txsmtpx.filters.milter import Milter, commands
from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.negotiation import Negotiation
from txsmtpx.testing import Conversation, Network

STAGES = [
    Negotiation, commands.Connect, commands.Hello, commands.Mail, commands.Recipient, commands.Data,
    commands.HeaderField, commands.EndOfHeader, commands.Body, commands.EndOfMessage,
]  # fmt: skip
HANGS: list[Say] = []
NONSENSE: list[Say] = [b"HTTP/1.1 400 Bad Request\r\n\r\n"]
LINES = ("EHLO a.example", "MAIL FROM:<a@a.example>", "RCPT TO:<b@localhost>", "DATA", "Subject: x\r\n\r\ny\r\n.")
DEFERRED, REJECTED = "451 4.7.1 ", "550 5.7.1 "


class Asked:
    """A client of a server that asks a milter."""

    def __init__(self, milters: Milters, policy: str) -> None:
        self.clock = Clock()
        self.network = Network(milters, clock=self.clock)
        self.memory = MemoryBackend()
        milter = Milter(self.network, timeout=5, kept=0, reactor=self.clock)
        made = ConfiguredFilter(milter, timeout=60, on_failure=policy)  # type: ignore[arg-type]
        self.client = Conversation(FilterBackend(self.memory, made, reactor=self.clock), clock=self.clock)
        self.milters = milters

    def ask(self, line: str = "") -> str:
        """Send a line, and give the milter all the time that it is given; return the last reply."""
        said = self.client.ask(line) if line else self.client.replies()
        for _ in range(2):
            self.network.flush()
            self.clock.advance(3)
        self.network.flush()
        said += self.client.replies()
        return said[-1] if said else ""

    def end(self) -> None:
        with contextlib.suppress(AssertionError):  # the connection to the milter is still being closed
            self.client.hang_up()
        self.network.flush()
        self.clock.advance(10)
        self.network.flush()
        assert all(each.lost for each in self.milters.connections)
        assert self.clock.getDelayedCalls() == []


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("failure", [HANGS, [DIE], NONSENSE, [b"\0\0\0", DIE]], ids=["hangs", "dies", "lies", "is cut"])
@pytest.mark.parametrize(("policy", "reply"), [("defer", DEFERRED), ("reject", REJECTED), ("accept", "250 2.0.0 ")])
def test_the_stated_policy(stage, failure, policy, reply):
    asked = Asked(Milters({stage: failure}), policy)
    said = [asked.ask()]
    for line in LINES:
        if asked.client.closed:
            break
        said.append(asked.ask(line))
    if policy == "accept":
        assert said[-1].startswith(reply)
        assert len(asked.memory.messages) == 1
    else:
        first = next(each for each in said if each[:1] in "45")
        assert first.startswith((reply, "421 4.7.1 ", "554 5.7.1 "))
        assert asked.memory.messages == []
        if not asked.client.closed:  # it holds for the rest of the connection, of which 503 is another rejection
            assert asked.ask("MAIL FROM:<a@a.example>").startswith((reply, "503 "))
    asked.end()


ANSWER = b"".join(map(replies.encode, [replies.AddHeader(b"X", b"y"), replies.ReplaceBody(b"z"), replies.Continue()]))


@pytest.mark.parametrize("cut", range(len(ANSWER)))
def test_a_death_at_every_octet_of_an_answer(cut):
    asked = Asked(Milters({commands.EndOfMessage: [ANSWER[:cut], DIE]}), "defer")
    asked.ask()
    assert [asked.ask(line) for line in LINES][-1].startswith(DEFERRED)
    assert asked.memory.messages == []
    asked.end()


def test_the_whole_answer():
    asked = Asked(Milters({commands.EndOfMessage: [ANSWER]}), "defer")
    asked.ask()
    assert [asked.ask(line) for line in LINES][-1].startswith("250 ")
    assert [each.content for each in asked.memory.messages] == [b"Subject: x\r\nX: y\r\n\r\nz"]
    asked.end()


def test_the_server_limits_progress():
    """By the time of the filter, however often the milter promises an answer."""
    asked = Asked(Milters({commands.EndOfMessage: []}), "defer")
    for line in ("", *LINES[:-1]):
        asked.ask(line)
    asked.client.ask(LINES[-1])
    said: list[str] = []
    for _ in range(30):
        asked.network.flush()
        if asked.milters.connections[-1].lost:
            break
        asked.milters.connections[-1].say(replies.Progress())
        asked.network.flush()
        asked.clock.advance(4)
        said += asked.client.replies()
    assert said[-1].startswith(DEFERRED)
    asked.end()


def test_transactions_that_end_in_every_way():
    """By a rejection, RSET, EHLO, a message, and another MAIL: the milter sees each, and answers the next one."""

    def answer(command: commands.Command) -> list[Say]:
        assert isinstance(command, commands.Mail | commands.Recipient)
        return [replies.Reject() if b"bad" in command.address else replies.Continue()]

    asked = Asked(Milters({commands.Mail: answer, commands.Recipient: answer}), "defer")
    mail, bad, rcpt, no = ("MAIL FROM:<ok@a>", "MAIL FROM:<bad@a>", "RCPT TO:<b@localhost>", "RCPT TO:<bad@localhost>")
    asked.ask()
    for line in (
        "EHLO a",
        bad,
        bad,
        mail,
        no,
        rcpt,
        "RSET",
        mail,
        no,
        "EHLO b",
        mail,
        "MAIL FROM:<x@a>",
        rcpt,
        "RSET",
        mail,
        rcpt,
        "EHLO c",
        "EHLO d",
        mail,
        rcpt,
        "DATA",
        "x: y\r\n\r\nz\r\n.",
        bad,
        "RSET",
        "NOOP",
    ):
        code = asked.ask(line)[:3]
        assert code == ("550" if "bad" in line else "354" if line == "DATA" else "503" if "<x@" in line else "250")
    assert len(asked.memory.messages) == 1
    asked.end()
