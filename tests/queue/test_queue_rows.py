"""What is leased, and what an operator selects."""

from __future__ import annotations

from txsmtpx.queue.queue_rows import PRIORITIES, SETTLE, chosen, condition, settled
from txsmtpx.queue.queued_mail import RecipientOutcome, Selection


def test_the_limits_of_a_lease() -> None:
    ready = [(1, "a"), (2, "a"), (1, "b"), (3, "a"), (1, "a"), (4, "b"), (5, "c")]
    assert chosen(ready, 10, 2) == [(1, "a"), (2, "a"), (1, "b"), (4, "b"), (5, "c")]
    assert chosen(iter(ready), 3, 9) == [(1, "a"), (2, "a"), (1, "b")]
    assert chosen(ready, 0, 9) == []


def test_no_more_is_read_than_is_leased() -> None:
    ready = iter([(1, "a"), (2, "a"), (3, "a"), (4, "a")])
    chosen(ready, 2, 9)
    assert next(ready) == (4, "a")


def test_the_most_urgent_comes_first() -> None:
    assert list(PRIORITIES) == sorted(range(-9, 10), reverse=True)


def test_a_condition_has_its_values() -> None:
    assert condition(Selection(), "", "") == ("TRUE", {})
    text, values = condition(Selection(["q1"], "a@x", "@y", "y", "held"), "AMONG", "ENDING")
    assert text == "TRUE AND AMONG AND mail.sender = :sender AND ENDING AND recipient.destination = :destination" + (
        " AND recipient.state = :state"
    )
    assert values == {"ids": ["q1"], "sender": "a@x", "recipient": "@y", "destination": "y", "state": "held"}
    assert condition(Selection(recipient="b@y"), "", "")[0] == "TRUE AND recipient.address = :recipient"


def test_an_outcome_has_all_values() -> None:
    values = settled(7, "me", RecipientOutcome(1, "delivered", "250 a\0b"))
    assert (values["final"], values["reply"]) == (True, "250 a?b")
    assert all(f":{name}" in SETTLE for name in values)
