"""The counts of an inbox."""

from __future__ import annotations

from txsmtpx.inbox.inbox_counts import InboxCounts
from txsmtpx.inbox.inbox_store import StoreChange


def test_changes_are_counted():
    counts = InboxCounts(5.0)
    for change in (
        StoreChange("arrived", [1], octets=7),
        StoreChange("arrived", [2], octets=8),
        StoreChange("deleted", [1, 2]),
        StoreChange("restored", [1]),
        StoreChange("marked", [1]),
    ):
        counts.add(change)
    assert vars(counts) == {"started": 5.0, "arrived": 2, "octets": 15, "deleted": 2}
