"""The mailboxes in memory.  ``test_mailbox_resource`` has what both stores do."""

from __future__ import annotations

import sys

from tests.inbox.site import Web
from txsmtpx.inbox.memory_mailboxes import MemoryMailboxes
from txsmtpx.inbox.store_limits import MailboxLimits, StoreLimits


def test_what_is_deleted_leaves_nothing(web):
    mailboxes = MemoryMailboxes(set())
    first, second = (web.keep(b"", "ann+a@example.org", username="me") for _ in range(2))
    for each in (first, second, second):
        mailboxes.add(each)
    assert set(mailboxes._messages) == {"recipient:ann@example.org", "tag:a", "login:me"}
    mailboxes.remove(first)
    assert [each.id for each in mailboxes._oldest_first("tag:a")] == [second.id]
    mailboxes.remove(second)
    mailboxes.remove(second)
    assert mailboxes._messages == {}


def test_its_memory_counts(web):
    mailboxes = MemoryMailboxes(set())
    few = mailboxes.add(web.keep(b"", "ann@example.org"))
    many = mailboxes.add(web.keep(b"", *(f"{n}@example.org" for n in range(100))))
    assert many > 100 * sys.getsizeof("recipient:1@example.org") > few


def test_the_backend_counts_it():
    names = [f"{n}@example.org" for n in range(100)]
    held = []
    for recipients in (names, names[:1]):
        web = Web()
        received = web.keep(b"", *recipients)
        held.append(web.backend._held[received.id] - received.held)
        web.stop()
    assert held[0] > 50 * held[1] > 0


def test_limits_of_two_mailboxes_of_a_message(web):
    web.store.mailboxes.limit(MailboxLimits({"recipient": StoreLimits(messages=1), "tag": StoreLimits(messages=2)}))
    for name in ("a+x", "b+x", "c+x", "c+y"):
        web.keep(b"", f"{name}@example.org")
    assert web.backend.numbers == [2, 4]  # 1 left the tag x, 3 the recipient c
