"""The actions of a policy server on a message, through a whole server: what the backend gets."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from tests.filters.daemon import Daemon
from txsmtpx import FilterBackend, MemoryBackend, Quarantine
from txsmtpx.filters.policy_server import PolicyServer
from txsmtpx.interfaces import DataContext
from txsmtpx.testing import Conversation

STAGES = ("MAIL", "RCPT", "DATA", "END-OF-MESSAGE")
CONTENT = b"Subject: x\r\n\r\ny\r\n"


class Keeping(MemoryBackend):
    """It keeps why messages were set aside."""

    def __init__(self) -> None:
        super().__init__()
        self.reasons: list[str] = []

    def keep(self, content: bytes, context: DataContext) -> Any:
        self.reasons += [each.reason for each in context.results.all(Quarantine)]
        return super().keep(content, context)


class Sent:
    """A message for two recipients, about which a policy server is asked at each stage."""

    def __init__(self, **answers: list[str]) -> None:
        self.memory = Keeping()
        clock, daemon = Clock(), Daemon()
        asked = PolicyServer(daemon, stages=STAGES, reactor=clock)
        client = Conversation(FilterBackend(self.memory, asked, reactor=clock), clock=clock)
        self.replies = client.ask("EHLO client.example")[-1:]
        for stage, lines in (
            ("MAIL", ["MAIL FROM:<a@client.example>"]),
            ("RCPT", ["RCPT TO:<b@localhost>"]),
            ("RCPT", ["RCPT TO:<c@localhost>"]),
            ("DATA", ["DATA"]),
            ("END", ["Subject: x", "", "y", "."]),
        ):
            self.replies += client.ask(*lines)
            given = answers.get(stage) or ["DUNNO"]
            daemon.pipes[-1].say(f"action={given.pop(0)}\n\n".encode())
            self.replies += client.replies()
        asked.pool.close()  # which keeps its connection for the next client
        client.hang_up()

    @property
    def stored(self) -> list[tuple[list[str], bytes]]:
        return [(list(each.recipients), each.content) for each in self.memory.messages]


BOTH = ["b@localhost", "c@localhost"]
FIRST_STAGES = ["MAIL", "RCPT", "DATA"]


def test_a_message_without_an_action() -> None:
    sent = Sent()
    assert sent.stored == [(BOTH, CONTENT)]
    assert [each[:3] for each in sent.replies] == ["250", "250", "250", "250", "354", "250"]


@pytest.mark.parametrize("stage", FIRST_STAGES)
def test_prepend(stage: str) -> None:
    assert Sent(**{stage: ["PREPEND X-Spam: no"]}).stored == [(BOTH, b"X-Spam: no\r\n" + CONTENT)]


def test_prepend_in_order() -> None:
    sent = Sent(MAIL=["PREPEND A: 1"], RCPT=["PREPEND B: 2", "PREPEND C: 3"], DATA=["PREPEND D: 4"])
    assert sent.stored == [(BOTH, b"A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n" + CONTENT)]


@pytest.mark.parametrize("stage", [*FIRST_STAGES, "END"])
def test_hold(stage: str) -> None:
    sent = Sent(**{stage: ["HOLD for a human"]})
    assert sent.stored == [(BOTH, CONTENT)]
    assert sent.memory.reasons == ["for a human"]


@pytest.mark.parametrize("stage", [*FIRST_STAGES, "END"])
def test_discard(stage: str) -> None:
    sent = Sent(**{stage: ["DISCARD silently"]})
    assert sent.stored == []
    assert [each[:3] for each in sent.replies] == ["250", "250", "250", "250", "354", "250"]


@pytest.mark.parametrize("stage", [*FIRST_STAGES, "END"])
def test_redirect(stage: str) -> None:
    assert Sent(**{stage: ["REDIRECT trap@localhost"]}).stored == [(["trap@localhost"], CONTENT)]


@pytest.mark.parametrize("stage", [*FIRST_STAGES, "END"])
def test_bcc(stage: str) -> None:
    assert Sent(**{stage: ["BCC copy@localhost"]}).stored == [([*BOTH, "copy@localhost"], CONTENT)]


def test_a_recipient_that_is_rejected() -> None:
    sent = Sent(RCPT=["REJECT No", "PREPEND A: 1"])
    assert sent.stored == [(["c@localhost"], b"A: 1\r\n" + CONTENT)]
    assert "554 5.7.1 <b@localhost>: Recipient address rejected: No" in sent.replies


@pytest.mark.parametrize("stage", ["DATA", "END"])
def test_a_message_that_is_rejected(stage: str) -> None:
    sent = Sent(**{stage: ["REJECT No"]})
    assert sent.stored == []
    kind = "<DATA>: Data command" if stage == "DATA" else "<END-OF-MESSAGE>: End-of-data"
    assert sent.replies[-1] == f"554 5.7.1 {kind} rejected: No"
