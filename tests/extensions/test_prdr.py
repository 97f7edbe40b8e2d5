"""draft-hall-prdr: each recipient's fate, from the backend to the caller of our client, as under LMTP."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from tests.extensions.ends import Ends
from txsmtpx import MailOptions, RelayBackend, SMTPClient, SMTPError, first_failure
from txsmtpx.testing import Conversation, RecordingBackend

SENDER = "me@example.com"
THREE = ["one@example.com", "two@example.com", "three@example.com"]
BODIES = {"small": b"Hello\r\n", "large": b"Hello\r\n" * 50000}


def telling(*statuses: Any) -> RecordingBackend:
    """It has a status for each recipient."""

    async def data(message: Any, context: Any) -> None:
        await backend.keep(message, context)
        for recipient, status in zip(context.recipients, statuses, strict=False):
            context.set_status(recipient, status)

    backend = RecordingBackend(data=data)
    return backend


def fates(pairs: Any) -> list[tuple[str, str]]:
    return [(recipient, str(getattr(outcome, "reply", outcome))) for recipient, outcome in pairs]


NO, LATER = SMTPError(550, (5, 7, 1), "Not to me"), SMTPError(451, (4, 2, 1), "Not now")


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
@pytest.mark.parametrize("without", [(), ("CHUNKING",), ("PIPELINING",), ("CHUNKING", "PIPELINING")],
                         ids=["as offered", "by DATA", "BDAT step by step", "DATA step by step"])  # fmt: skip
def test_some_refuse(without: tuple[str, ...], body: bytes) -> None:
    ends = Ends(telling("Read", NO, LATER))
    for keyword in without:
        ends.client.extensions.pop(keyword)
    result = ends.send(SENDER, THREE, body)
    assert fates(result.accepted) == [(THREE[0], f"250 2.0.0 <{THREE[0]}> Read")]
    refused = [(THREE[1], f"550 5.7.1 <{THREE[1]}> Not to me"), (THREE[2], f"451 4.2.1 <{THREE[2]}> Not now")]
    assert fates(result.refused) == refused
    assert ends.words("MAIL")[0].endswith(" PRDR")
    assert "353 A reply for each recipient follows, then one for all" in ends.heard
    assert ends.come(ends.client.noop()).code == 250
    ends.over()


def test_refused_at_rcpt_and_after_the_data() -> None:
    backend = telling("Read", NO)
    backend.outcomes["rcpt"] = [None, SMTPError(550, (5, 1, 1), "Nobody"), None]
    ends = Ends(backend)
    result = ends.send(SENDER, THREE, b"Hello\r\n")
    assert [recipient for recipient, _ in result.accepted] == [THREE[0]]
    assert [(recipient, reply.enhanced_code) for recipient, reply in result.refused] == [
        (THREE[1], (5, 1, 1)), (THREE[2], (5, 7, 1)),
    ]  # fmt: skip
    ends.over()


def test_all_refuse() -> None:
    """The last reply says no as well, and so it is the message that was refused."""
    ends = Ends(telling(NO, LATER, NO))
    with pytest.raises(SMTPError, match=r"550 5\.7\.1 Not to me"):
        ends.send(SENDER, THREE, b"Hello\r\n")
    assert ends.come(ends.client.noop()).code == 250
    ends.over()


def test_one_recipient_needs_none() -> None:
    ends = Ends(telling("Read"))
    ends.send(SENDER, THREE[:1], b"Hello\r\n")
    assert "PRDR" not in ends.words("MAIL")[0]
    ends.over()


def test_one_recipient_and_one_reply() -> None:
    ends = Ends(telling(NO))
    with pytest.raises(SMTPError, match=r"550 5\.7\.1 Not to me"):
        ends.send(SENDER, THREE[:1], b"Hello\r\n", MailOptions(prdr=True))
    assert not any(line.startswith("353") for line in ends.heard)
    ends.over()


def test_not_wanted() -> None:
    ends = Ends(telling("Read", NO))
    with pytest.raises(SMTPError, match=r"550 5\.7\.1 Not to me"):
        ends.send(SENDER, THREE, b"Hello\r\n", MailOptions(prdr=False))
    assert "PRDR" not in ends.words("MAIL")[0]
    ends.over()


def test_by_hand() -> None:
    ends = Ends(telling("Read", NO, LATER))
    ends.come(ends.client.mail(SENDER, MailOptions(prdr=True)))
    for recipient in THREE:
        ends.come(ends.client.rcpt(recipient))
    replies = ends.come(ends.client.data(b"Hello\r\n", 3))
    assert [reply.code for reply in replies] == [250, 550, 451]
    ends.over()


@pytest.mark.parametrize(("last", "outcome"), [
    ("250 fine", [250, 550]), ("550 no after all", [550]), ("451 perhaps", [451]),
])  # fmt: skip
def test_the_last_word_counts(last: str, outcome: list[int]) -> None:
    """A server's no at the end is one to those too who were told yes."""
    ends = Ends()
    ends.come(ends.client.mail(SENDER, MailOptions(prdr=True)))
    for recipient in THREE[:2]:
        ends.come(ends.client.rcpt(recipient))
    transport, ends.server.dialog.wire = ends.server.transport, Mute()
    waiting = ends.client.bdat(b"Hello\r\n", True, 2)
    ends.flush()
    transport.write(f"353 now\r\n250 one\r\n550 two\r\n{last}\r\n".encode())
    assert [reply.code for reply in ends.come(waiting)] == outcome


class Mute:
    """The server's side says nothing by itself."""

    def write(self, octets: bytes) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def test_a_second_353_is_nonsense() -> None:
    ends = Ends()
    ends.come(ends.client.mail(SENDER, MailOptions(prdr=True)))
    for recipient in THREE[:2]:
        ends.come(ends.client.rcpt(recipient))
    transport, ends.server.dialog.wire = ends.server.transport, Mute()
    waiting = ends.client.bdat(b"Hello\r\n", True, 2)
    ends.flush()
    transport.write(b"353 now\r\n353 again\r\n")
    with pytest.raises(Exception, match="no answer to PRDR: 353 again"):
        ends.come(waiting)


def test_the_last_reply_is_a_yes_where_anybody_said_yes() -> None:
    """Whatever the policy for those who cannot be told apart: a no would be one for all."""
    talk = Conversation(telling(NO, "Read"), outcome_policy=first_failure)
    talk.ask("EHLO client.example", f"MAIL FROM:<{SENDER}> PRDR", *(f"RCPT TO:<{each}>" for each in THREE[:2]), "DATA")
    assert [line[:3] for line in talk.ask(".")] == ["353", "550", "250", "250"]
    talk.hang_up()


@pytest.mark.parametrize(("asked", "answers"), [(" PRDR", ["353", "250", "550", "451", "250"]), ("", ["550"])])
def test_a_relay_passes_it_on(asked: str, answers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for here it is asked for there, and each recipient hears his own."""
    next_server = Ends(telling("Read", NO, LATER))

    async def connect(*args: Any, **kwargs: Any) -> SMTPClient:
        return next_server.client

    monkeypatch.setattr("txsmtpx.wire.pool.connect_with", connect)
    clock = Clock()
    relay = RelayBackend(["unix:next"], domains=["example.com"], reactor=clock)
    talk = Conversation(relay, clock=clock)
    said = []
    for line in ("EHLO client.example", f"MAIL FROM:<{SENDER}>{asked}", *(f"RCPT TO:<{to}>" for to in THREE), "DATA"):
        said += talk.ask(line)
        next_server.flush()
        said += talk.replies()
    assert said[-1].startswith("354")
    said = talk.ask("Hello", ".")
    next_server.flush()
    said += talk.replies()
    assert [line[:3] for line in said] == answers
    assert next_server.words("MAIL")[0].endswith("PRDR") is bool(asked)
    talk.ask("QUIT")
    for pool in relay.pools:
        pool.stopService()
    next_server.flush()
    talk.hang_up()
