"""The limits of a store, and of its mailboxes."""

from __future__ import annotations

from txsmtpx.inbox.store_limits import NO_LIMITS, MailboxLimits, StoreLimits


def test_the_newest_message_stays():
    limits = StoreLimits(messages=1, octets=10)
    assert (limits.exceeded(1, 1000), limits.exceeded(2, 5), StoreLimits().exceeded(99, 99)) == (False, True, False)
    assert StoreLimits(octets=10).exceeded(2, 11)
    assert not StoreLimits(octets=10).exceeded(2, 10)


def test_the_age():
    assert (StoreLimits(age=10).outlived(0, 11), StoreLimits(age=10).outlived(0, 10)) == (True, False)
    assert not StoreLimits().outlived(0, 1e9)


def test_a_mailbox_of_its_own_is_before_its_kind():
    each, own = StoreLimits(messages=5), StoreLimits(age=3)
    limits = MailboxLimits({"login": each, "login:me": own})
    assert (limits.of("login:me"), limits.of("login:you"), limits.of("tag:me")) == (own, each, None)
    assert limits.have_age
    assert not NO_LIMITS.have_age
