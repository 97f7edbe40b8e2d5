"""Changes are reported to all subscribers."""

from __future__ import annotations

from txsmtpx.inbox.change_reports import ChangeReports
from txsmtpx.inbox.inbox_store import StoreChange


def test_a_subscriber_that_fails_harms_no_other(logged_failures):
    reports, told = ChangeReports(), []
    reports.subscribe(lambda change: 1 / 0)
    reports.subscribe(told.append)
    change = StoreChange("marked", [1])
    reports.report(change)
    assert told == [change]
    assert len(logged_failures.flush(ZeroDivisionError)) == 1
