"""The mailboxes of a file.  ``test_mailbox_resource`` has what both stores do."""

from __future__ import annotations

from tests.inbox.site import Web
from txsmtpx.inbox.store_limits import MailboxLimits, StoreLimits


def test_they_are_read_in_the_thread_of_the_reader(tmp_path):
    web = Web(file=tmp_path / "mail.db")
    web.keep(b"", "ann@example.org")
    called = []
    read = web.store.mailboxes._read

    def noted(function, *arguments):
        called.append((function.__name__, *arguments))
        return read(function, *arguments)

    web.store.mailboxes._read = noted
    assert web.json("/api/mailboxes?start=1&limit=2")["total"] == 1
    assert web.json("/api/mailboxes/login:me")["messages"] == 0
    assert called == [("mailboxes", 1, 2), ("mailbox", "login:me")]
    web.stop()


def test_limits_hold_after_a_restart(tmp_path):
    for n in range(3):
        web = Web(file=tmp_path / "mail.db")
        web.store.mailboxes.limit(MailboxLimits({"recipient": StoreLimits(messages=2)}))
        web.keep(b"Subject: %d\r\n\r\n" % n, "ann@example.org")
        found = [each["id"] for each in web.json("/api/messages")["messages"]]
        web.stop()
    assert found == [3, 2]
