"""The messages of a POP3 session."""

from __future__ import annotations

import pytest

from txsmtpx.inbox import pop3_mailbox
from txsmtpx.inbox.pop3_mailbox import (
    Pop3Mailbox,
    Pop3Message,
    Pop3Refusal,
    mailbox_of,
    number_of,
    opened_mailbox,
)


def done(work):
    """The result of work whose Deferreds have fired."""
    try:
        while True:
            next(work)
    except StopIteration as end:
        return end.value


@pytest.mark.parametrize(
    ("name", "mailbox"),
    [
        ("me", ""), ("", ""), ("shop", ""), ("Ann@Example.org", "recipient:ann@example.org"),
        ("ann+signup@example.org", "recipient:ann@example.org"), ("login:shop", "login:shop"),
        ("tag:Signup", "tag:signup"), ("recipient:ann@example.org", "recipient:ann@example.org"), ("tag:", ""),
        ("mailbox:x", ""),
    ],
)  # fmt: skip
def test_the_user_name_selects_a_mailbox(name, mailbox):
    assert mailbox_of(name) == mailbox


@pytest.mark.parametrize("octets", [b"", b"x", b"-1", b"1.0", b"+1", b"1234567890", "²".encode(), b"\xb2"])
def test_numbers(octets):
    with pytest.raises(Pop3Refusal, match="must be a number"):
        number_of(octets)


def test_deletion():
    mailbox = Pop3Mailbox([Pop3Message(5, 10, "a"), Pop3Message(7, 20, "b")])
    assert mailbox.message(b"2").number == 7
    mailbox.delete(b"1")
    assert (mailbox.deleted, [index for index, _ in mailbox.listed()]) == ([5], [2])
    for number, why in ((b"1", "is deleted"), (b"0", "no such"), (b"3", "no such")):
        with pytest.raises(Pop3Refusal, match=why):
            mailbox.delete(number)
    mailbox.undelete()
    assert (mailbox.deleted, [index for index, _ in mailbox.listed()]) == ([], [1, 2])


def test_the_newest_messages_the_oldest_first(both, monkeypatch):
    monkeypatch.setattr(pop3_mailbox, "MAX_MESSAGES", 5)
    monkeypatch.setattr(pop3_mailbox, "PAGE", 2)
    for number in range(7):
        both.keep(b"x" * (number + 1), "ann@example.org" if number % 2 else "bob@example.org")
    messages = [each for _, each in done(opened_mailbox(both.store, "me")).listed()]
    assert [(each.number, each.size) for each in messages] == [(3, 3), (4, 4), (5, 5), (6, 6), (7, 7)]
    assert messages[0].identifier == "0123456789AB.3"
    assert [each.number for _, each in done(opened_mailbox(both.store, "ann@example.org")).listed()] == [2, 4, 6]


def test_messages_that_come_and_go_meanwhile(web, monkeypatch):
    monkeypatch.setattr(pop3_mailbox, "PAGE", 2)
    for _ in range(6):
        web.keep(b"x")
    store, listed = web.store, web.store.listed

    def moving(query, start, limit):
        if start == 2:
            web.keep(b"new")
            web.backend.delete(1)
        return listed(query, start, limit)

    monkeypatch.setattr(store, "listed", moving)
    assert [each.number for _, each in done(opened_mailbox(store, "me")).listed()] == [2, 3, 4, 5, 6]
