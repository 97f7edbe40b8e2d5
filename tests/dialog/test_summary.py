"""The result of a transaction, as an observer gets it."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.conversations import observed
from txsmtpx import MailOptions, Observer, Reply, Session
from txsmtpx.dialog.summary import Summary
from txsmtpx.interfaces import Connection

MAIL = ("EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "RCPT TO:<c@localhost>")


class Summaries(Observer):
    """Keeps each of them."""

    def __init__(self) -> None:
        self.all: list[Summary] = []

    def concluded(self, summary: Summary) -> None:
        self.all.append(summary)


@pytest.fixture
def summaries() -> Summaries:
    return Summaries()


def test_the_summary(summaries):
    clock = Clock()
    answer = Deferred()

    class Slow(Session):
        async def data(self, message, context):
            await message.content()
            context.note(stored="here", parts=2)
            await answer

    client = observed(summaries, Slow(), clock=clock)
    client.ask(*MAIL, "DATA")
    clock.advance(2)
    client.send(b"Subject: hi\r\n\r\n..\r\n.\r\n")
    clock.advance(3)
    answer.callback(None)
    client.hang_up()
    (summary,) = summaries.all
    assert (summary.sender, summary.recipients) == ("a@client.example", ["b@localhost", "c@localhost"])
    assert summary.octets == len(b"Subject: hi\r\n\r\n.\r\n")
    assert (summary.seconds, summary.backend_seconds) == (5, 3)
    assert summary.facts == {"stored": "here", "parts": 2}
    assert summary.reply.code == 250
    assert summary.reply.text.endswith(summary.queue_id)
    assert (summary.outcomes, summary.replies) == ((), (summary.reply,))


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        (["RSET"], "reset"),
        (["EHLO again"], "reset"),
        (["QUIT"], "closed"),
        ([], "closed"),
        (["DATA", "half a message"], "closed"),
        (["DATA", "."], "answered"),
    ],
)
def test_every_transaction_ends_once(summaries, lines, end):
    client = observed(summaries)
    client.ask(*MAIL, *lines)
    client.hang_up()
    (summary,) = summaries.all
    assert summary.end == end
    assert summary.octets == (len("half a message") if len(lines) == 2 and end == "closed" else 0)


def test_a_rejected_recipient_is_counted_and_not_listed(summaries):
    client = observed(summaries)
    client.ask(*MAIL, "RCPT TO:<>", "RCPT TO:<@>", "RSET")
    client.hang_up()
    (summary,) = summaries.all
    assert (summary.recipients, summary.rejected) == (["b@localhost", "c@localhost"], 2)
    assert (summary.octets, summary.reply, summary.replies, summary.backend_seconds) == (0, None, (), 0)


def test_lmtp_has_an_outcome_in_place_of_the_one_reply(summaries):
    client = observed(summaries, lmtp=True)
    client.ask("LHLO client.example", *MAIL[1:], "DATA", ".")
    client.hang_up()
    (summary,) = summaries.all
    assert summary.reply is None
    assert [reply.code for reply in summary.outcomes] == [250, 250]
    assert summary.replies is summary.outcomes


ONE = Reply(250, (2, 0, 0), "one")


@pytest.mark.parametrize(
    ("reply", "outcomes", "replies"), [(None, (), ()), (ONE, (), (ONE,)), (None, (ONE, ONE), (ONE, ONE))]
)
def test_the_replies_to_the_data(reply, outcomes, replies):
    summary = Summary(
        connection=Connection("s1", "localhost", False),
        queue_id="q1",
        sender="",
        options=MailOptions(),
        recipients=[],
        rejected=0,
        octets=0,
        reply=reply,
        outcomes=outcomes,
        end="answered",
        seconds=0,
        backend_seconds=0,
        facts={},
    )
    assert tuple(summary.replies) == replies
