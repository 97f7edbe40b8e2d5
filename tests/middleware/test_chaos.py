"""Commands fail and wait on demand."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from txsmtpx import LoginBackend, Session
from txsmtpx.grammar.reply import Reply
from txsmtpx.middleware.chaos import ChaosBackend
from txsmtpx.testing import Conversation, RecordingBackend

BUSY = Reply(451, (4, 3, 2), "Busy")
ENVELOPE = ("MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "RCPT TO:<c@example.org>")


class Users(LoginBackend):
    """Any user may log in."""

    def login(self, connection, username, password):
        return Session()


class Faulty:
    """A client of a backend whose commands fail."""

    def __init__(self, command, seconds=0.0, reply=None, inner=None, **settings):
        self.clock = Clock()
        self.seen = []

        def fault(name, addresses):
            self.seen.append((name, list(addresses)))
            return (seconds, reply) if name == command else (0.0, None)

        backend = ChaosBackend(inner or RecordingBackend(), fault, self.clock)
        self.client = Conversation(backend, clock=self.clock, **settings)
        self.client.ask("EHLO me")


@pytest.mark.parametrize(
    ("command", "codes"),
    [("MAIL", "451 503 503 503"), ("RCPT", "250 451 451 503"), ("DATA", "250 250 250 354"), ("", "250 250 250 354")],
)
def test_a_command_is_rejected(command, codes):
    faulty = Faulty(command, reply=BUSY)
    replies = [faulty.client.ask(line)[-1] for line in (*ENVELOPE, "DATA")]
    assert [each[:3] for each in replies] == codes.split()
    if codes.endswith("354"):
        expected = "451 4.3.2 Busy" if command else "250"
        assert faulty.client.ask("Subject: a", "", "x", ".")[-1].startswith(expected)
        assert faulty.seen[-1] == ("DATA", ["b@example.org", "c@example.org"])


def test_a_login_is_rejected():
    faulty = Faulty("AUTH", reply=Reply(454, (4, 7, 0), "Later"), inner=Users(), allow_insecure_auth=True)
    faulty.client.ask("AUTH PLAIN AG1lAHNlY3JldA==")
    faulty.clock.advance(60)  # the reply to a login that has failed is late
    assert faulty.client.ask() == ["454 4.7.0 Later"]
    assert faulty.seen == [("AUTH", [])]


@pytest.mark.parametrize("reply", [None, BUSY])
def test_a_command_waits(reply):
    faulty = Faulty("RCPT", 5, reply)
    faulty.client.ask(ENVELOPE[0])
    assert faulty.client.ask(ENVELOPE[1]) == []
    faulty.clock.advance(4.9)
    assert faulty.client.ask() == []
    faulty.clock.advance(0.2)
    assert faulty.client.ask()[-1].startswith("250" if reply is None else "451 4.3.2 Busy")


def test_a_client_that_is_gone_waits_no_more():
    faulty = Faulty("RCPT", 5)
    faulty.client.ask(*ENVELOPE[:2])
    faulty.client.hang_up()
    assert [each for each in faulty.clock.getDelayedCalls() if each.getTime() == 5] == []
