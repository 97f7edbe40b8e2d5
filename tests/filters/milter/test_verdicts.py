"""What the verdicts of a milter mean."""

from __future__ import annotations

import pytest

from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.verdicts import instead_of_greeting, verdict_of
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Accept, Discard, Quarantine

CHANGES = (Quarantine("x"),)


@pytest.mark.parametrize(("verdict", "meaning"), [
    (replies.Continue(), None),
    (replies.Skip(), None),
    (replies.AcceptAll(), Accept(final=True)),
    (replies.DiscardMessage(), Discard()),
    (replies.Reject(), Reply(550, (5, 7, 1), "Command rejected")),
    (replies.TemporaryFailure(), Reply(451, (4, 7, 1), "Service unavailable - try again later")),
    (replies.Shutdown(), Reply(421, (4, 7, 0), "Service unavailable")),
    (replies.ConnectionFailure(), Reply(421, (4, 7, 0), "Service unavailable")),
    (replies.ReplyCode(b"552 5.3.4 Big"), Reply(552, (5, 3, 4), "Big")),
])  # fmt: skip
def test_a_verdict(verdict, meaning):
    assert verdict_of(verdict) == meaning


@pytest.mark.parametrize(("verdict", "meaning"), [
    (replies.Continue(), Accept(changes=CHANGES)),
    (replies.AcceptAll(), Accept(changes=CHANGES, final=True)),
    (replies.Reject(), Reply(550, (5, 7, 1), "Command rejected")),
    (replies.DiscardMessage(), Discard()),
])  # fmt: skip
def test_with_changes(verdict, meaning):
    assert verdict_of(verdict, CHANGES) == meaning


@pytest.mark.parametrize(("verdict", "meaning"), [
    (None, None),
    (Accept(final=True), Accept(final=True)),
    (Reply(421, (4, 7, 0), "a"), Reply(421, (4, 7, 0), "a")),
    (Reply(451, (4, 7, 1), "a", "b"), Reply(421, (4, 7, 1), "a", "b")),
    (Reply(554, (5, 7, 1), "a"), Reply(554, (5, 7, 1), "a")),
    (Reply(521, (5, 3, 2), "a"), Reply(521, (5, 3, 2), "a")),
    (Reply(550, (5, 7, 1), "a"), Reply(554, (5, 7, 1), "a")),
])  # fmt: skip
def test_before_the_greeting(verdict, meaning):
    assert instead_of_greeting(verdict) == meaning
