"""Exchanges of a client: one after the other, and the replies of one awaited together."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost

from tests.dialog.talk import Talk
from txsmtpx import CommandCancelled, Delivered, NetworkError, ProtocolError, Reply, SMTPError
from txsmtpx.dialog.exchange import FinalReplies, Flight, Turns, checked, too_early
from txsmtpx.testing import Outcome


@pytest.mark.parametrize("code", [220, 250, 354, 399])
def test_a_reply_that_accepts_its_command(code):
    reply = Reply(code, None, "Ok")
    assert checked(reply, "MAIL") is reply


@pytest.mark.parametrize("code", [400, 421, 550])
def test_a_reply_that_rejects_its_command(code):
    reply = Reply(code, None, "No")
    with pytest.raises(SMTPError) as refused:
        checked(reply, "MAIL")
    assert refused.value.reply is reply
    assert refused.value.command == "MAIL"


# ---- Turns


class Exchanges:
    """Exchanges that wait for a test, and the order in which they begin and end."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.order: list[str] = []

    def take(self, name: str, until: Deferred[None] | None = None) -> Deferred[str]:
        return self.turns.take(self._exchange(name, until))

    async def _exchange(self, name: str, until: Deferred[None] | None) -> str:
        self.order.append(f"{name} begins")
        if until is not None:
            await until
        self.order.append(f"{name} ends")
        return name


def test_an_exchange_that_need_not_wait_begins_at_once():
    exchanges = Exchanges()
    assert Outcome(exchanges.take("one")).result() == "one"
    assert Outcome(exchanges.take("two")).result() == "two"


def test_each_begins_when_the_one_before_is_over():
    exchanges, until = Exchanges(), Deferred()
    outcomes = [Outcome(exchanges.take(name, until if name == "one" else None)) for name in ("one", "two", "three")]
    assert exchanges.order == ["one begins"]
    until.callback(None)
    assert exchanges.order == [f"{name} {what}" for name in ("one", "two", "three") for what in ("begins", "ends")]
    assert [outcome.result() for outcome in outcomes] == ["one", "two", "three"]


def test_the_next_begins_also_after_one_that_fails():
    exchanges, until = Exchanges(), Deferred()
    first, second = Outcome(exchanges.take("one", until)), Outcome(exchanges.take("two"))
    until.errback(OSError("gone"))
    assert isinstance(first.error, OSError)
    assert second.result() == "two"


def test_one_that_is_cancelled_before_its_turn_is_not_begun():
    exchanges, until = Exchanges(), Deferred()
    Outcome(exchanges.take("one", until))
    waiting = exchanges.take("two")
    outcome, last = Outcome(waiting), Outcome(exchanges.take("three"))
    waiting.cancel()
    assert isinstance(outcome.error, CommandCancelled)
    assert (outcome.error.command, outcome.error.delivered) == ("idle", Delivered.NO)
    until.callback(None)
    assert last.result() == "three"
    assert exchanges.order == ["one begins", "one ends", "three begins", "three ends"]


# ---- Flight


def test_the_replies_of_a_flight_come_together():
    talk, seen = Talk(), []
    flight = Flight(talk.dialog, seen.append)
    flight.expect([("MAIL", "mail"), ("RCPT", "rcpt")])
    over = talk.run(flight.over())
    talk.hear("250 2.1.0 Ok")
    assert not over.fired
    talk.hear("550 5.1.1 No")
    assert over.result() is None
    assert [reply.code for reply in flight.replies] == [250, 550]
    assert seen == flight.replies[:1]


def test_a_flight_whose_replies_are_there_is_not_waited_for():
    talk = Talk()
    flight = Flight(talk.dialog)
    assert talk.run(flight.over()).result() is None
    flight.expect([("NOOP", "command")])
    talk.hear("250 Ok")
    assert talk.run(flight.over()).result() is None


def test_the_first_error_of_a_flight_counts():
    talk = Talk()
    flight = Flight(talk.dialog)
    flight.expect([("MAIL", "mail"), ("RCPT", "rcpt"), ("RCPT", "rcpt")])
    over = talk.run(flight.over())
    talk.hear("250 2.1.0 Ok")
    talk.dialog.fail(NetworkError.of(ConnectionLost("gone")))
    assert isinstance(over.result(), ConnectionLost)
    assert over.result().command == "RCPT"
    assert [reply.code for reply in flight.replies] == [250]


def test_a_flight_after_the_end_has_failed_already():
    talk = Talk()
    talk.dialog.fail(ProtocolError("nonsense"))
    flight = Flight(talk.dialog)
    flight.expect([("MAIL", "mail"), ("RCPT", "rcpt")])
    failure = talk.run(flight.over()).result()
    assert isinstance(failure, ProtocolError)
    assert failure is not talk.dialog.failure
    assert flight.replies == []


def test_a_flight_that_is_cancelled_ends_the_connection():
    talk = Talk()
    flight = Flight(talk.dialog)
    flight.expect([("MAIL", "mail")])
    waiting = Deferred.fromCoroutine(flight.over())
    outcome = Outcome(waiting)
    waiting.cancel()
    assert isinstance(outcome.result(), CommandCancelled)
    assert talk.wire.aborted


# ---- FinalReplies


def final(talk: Talk, accepted: int, verb: str = "DATA") -> Outcome:
    """The outcomes of a message whose end was sent."""
    recipients = [f"{number}@example.net" for number in range(accepted)]
    return talk.run(FinalReplies(talk.dialog, verb, accepted).outcomes(recipients))


def codes(outcomes: Outcome) -> list[int]:
    return [reply.code for reply in outcomes.result()]


def test_smtp_has_one_reply_for_all():
    talk = Talk()
    outcomes = final(talk, 2)
    talk.hear("250 2.0.0 Ok")
    assert codes(outcomes) == [250]


@pytest.mark.parametrize(("accepted", "replies"), [(0, [554]), (1, [250]), (3, [250, 452, 550])])
def test_lmtp_has_one_for_each_accepted_recipient(accepted, replies):
    talk = Talk(lmtp=True)
    outcomes = final(talk, accepted)
    for code in replies:
        assert not outcomes.fired
        talk.hear(f"{code} x")
    assert codes(outcomes) == replies


@pytest.mark.parametrize(
    ("replies", "found"),
    [
        (["250 one", "550 two", "250 all"], [250, 550]),
        (["250 one", "250 two", "451 all"], [451]),
    ],
)
def test_prdr_has_one_for_each_and_one_for_all(replies, found):
    talk = Talk("PRDR")
    outcomes = final(talk, 2)
    talk.hear("353 Wait")
    for line in replies:
        assert not outcomes.fired
        talk.hear(line)
    assert codes(outcomes) == found


@pytest.mark.parametrize("lmtp", [False, True], ids=["PRDR", "LMTP"])
def test_replies_that_have_come_count_though_the_connection_is_lost(lmtp):
    talk = Talk("PRDR", lmtp=lmtp)
    outcomes = final(talk, 2)
    talk.hear(*["353 Wait"] * (not lmtp), "250 one")
    talk.dialog.fail(NetworkError.of(ConnectionLost("gone")))
    reply, error = outcomes.result()
    assert reply.code == 250
    assert isinstance(error, ConnectionLost)
    assert error.delivered is Delivered.MAYBE


def test_without_any_reply_there_is_an_error_for_all():
    talk = Talk(lmtp=True)
    outcomes = final(talk, 2, "BDAT")
    talk.dialog.fail(NetworkError.of(ConnectionLost("gone")))
    assert isinstance(outcomes.error, ConnectionLost)
    assert (outcomes.error.command, outcomes.error.delivered) == ("BDAT", Delivered.MAYBE)


@pytest.mark.parametrize(("reply", "kind", "delivered"), [
    ("250 2.0.0 Ok", ProtocolError, Delivered.MAYBE), ("552 5.3.4 Too big", SMTPError, Delivered.NO),
])  # fmt: skip
def test_a_reply_while_octets_wait_to_be_sent_ends_the_connection(reply, kind, delivered):
    """The server cannot have the whole message; and after a rejection nothing is sent (guarantee 25)."""
    talk = Talk()
    talk.wire.congested = True
    outcomes = final(talk, 1)
    talk.hear(reply)
    assert talk.wire.aborted
    assert isinstance(talk.dialog.failure, kind)
    assert talk.dialog.failure.delivered is delivered
    if kind is ProtocolError:
        assert isinstance(outcomes.error, ProtocolError)
    else:
        assert codes(outcomes) == [552]


def test_an_answer_before_the_end_of_the_data_leaves_the_delivery_open():
    error = too_early("BDAT")
    assert isinstance(error, ProtocolError)
    assert (error.command, error.delivered, error.temporary) == ("BDAT", Delivered.MAYBE, True)
    assert too_early("BDAT") is not error
