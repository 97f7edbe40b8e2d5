"""A mailbox in a list."""

from __future__ import annotations

from txsmtpx.inbox.listed_mailbox import ListedMailbox


def test_its_parts_and_its_json():
    one = ListedMailbox("login:a:b", 3, 2, 100)
    assert (one.kind, one.value) == ("login", "a:b")
    assert one.as_json() == {"name": "login:a:b", "messages": 3, "unread": 2, "octets": 100}
