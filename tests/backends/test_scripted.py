"""The backend ``scripted``: what each address does over SMTP and LMTP, and which messages are kept."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from txsmtpx import MemoryBackend
from txsmtpx.backends.plugins import backend_named
from txsmtpx.backends.scripted import ScriptedBackend
from txsmtpx.testing import Conversation

REJECTED = "Rejected, as the address asks for"


class Client(Conversation):
    """A client of the backend, after its hello and MAIL."""

    def __init__(self, *, lmtp: bool = False, sender: str = "me@example.org") -> None:
        self.backend = ScriptedBackend(reactor=(clock := Clock()))
        super().__init__(self.backend, clock=clock, lmtp=lmtp)
        self.ask("LHLO me" if lmtp else "EHLO me")
        self.after_mail = self.ask(f"MAIL FROM:<{sender}>")

    def rcpt(self, *locals_: str) -> list[str]:
        return [line for each in locals_ for line in self.ask(f"RCPT TO:<{each}@example.net>")]

    def message(self) -> list[str]:
        self.ask("DATA")
        return self.ask("Hi", ".")

    def kept(self) -> int:
        return len(self.backend.messages)


def test_recipients() -> None:
    client = Client()
    assert client.rcpt("reject-550", "reject-552-5.2.2", "defer", "reject-450", "alice") == [
        f"550 5.0.0 {REJECTED}",
        f"552 5.2.2 {REJECTED}",
        "451 4.7.1 Deferred, try again later",
        f"450 4.0.0 {REJECTED}",
        "250 2.1.5 Recipient ok",
    ]
    assert client.message()[0].startswith("250")
    assert [each.recipients for each in client.backend.messages] == [("alice@example.net",)]
    client.hang_up()


@pytest.mark.parametrize("verb", ["mail", "rcpt"])
def test_a_slow_reply(verb: str) -> None:
    client = Client(sender="slow-3s@x" if verb == "mail" else "me@x")
    replies = client.after_mail if verb == "mail" else client.rcpt("slow-3s")
    assert replies == []
    client.clock.advance(2.9)
    assert client.replies() == []
    client.clock.advance(0.2)
    assert [line[:3] for line in client.replies()] == ["250"]
    client.hang_up()


def test_a_slow_reply_to_a_client_that_leaves() -> None:
    client = Client()
    client.rcpt("slow-3s")
    client.hang_up()
    assert client.clock.getDelayedCalls() == []


@pytest.mark.parametrize("at", ["sender", "recipient", "end of the message", "end, by the sender"])
def test_drop(at: str) -> None:
    senders = {"sender": "drop@x", "end, by the sender": "data-drop@x"}
    client = Client(sender=senders.get(at, "me@x"))
    if at != "sender":
        assert client.rcpt({"recipient": "drop", "end of the message": "data-drop"}.get(at, "alice"))[:1] != ["550"]
    if at.startswith("end"):
        assert client.message() == []
    assert client.closed
    assert client.kept() == 0
    client.hang_up()


def test_senders() -> None:
    client = Client(sender="reject-553-5.1.8@example.org")
    assert client.after_mail == [f"553 5.1.8 {REJECTED}"]
    client.hang_up()


def test_the_sender_at_the_end_of_the_message() -> None:
    client = Client(sender="data-554-5.6.0@example.org")
    client.rcpt("alice")
    assert client.message() == [f"554 5.6.0 {REJECTED}"]
    assert client.kept() == 0
    client.hang_up()


def test_smtp_answers_for_all_recipients() -> None:
    client = Client()
    client.rcpt("alice", "data-452-4.2.2", "data-550")
    assert client.message() == [f"452 4.2.2 {REJECTED}"]
    assert client.kept() == 0
    client.hang_up()


def test_lmtp_answers_for_each_recipient() -> None:
    client = Client(lmtp=True)
    client.rcpt("alice", "data-452-4.2.2", "data-550", "bob")
    stored, full, rejected, other = client.message()
    assert (full, rejected) == (
        f"452 4.2.2 <data-452-4.2.2@example.net> {REJECTED}",
        f"550 5.0.0 <data-550@example.net> {REJECTED}",
    )
    assert (stored[:3], other[:3]) == ("250", "250")
    assert client.kept() == 1
    client.hang_up()


def test_lmtp_with_one_slow_recipient() -> None:
    client = Client(lmtp=True)
    client.rcpt("alice", "data-slow-3s", "bob")
    assert [line[:3] for line in client.message()] == ["250"]
    client.clock.advance(3.1)
    assert [line[:3] for line in client.replies()] == ["250", "250"]
    client.hang_up()


def test_a_mistake_is_rejected() -> None:
    client = Client()
    (reply,) = client.rcpt("rejct-550")
    assert reply == "501 5.1.3 rejct-550: rejct is no word of these addresses; did you mean reject?"
    client.hang_up()


def test_by_its_name() -> None:
    backend = backend_named("scripted:2")
    assert isinstance(backend, ScriptedBackend)
    assert isinstance(backend, MemoryBackend)  # so --web shows its messages
    with pytest.raises(ValueError, match="scripted:NUMBER is the number of messages that are kept, 1 or more, not 'x'"):
        backend_named("scripted:x")
