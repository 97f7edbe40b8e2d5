"""The selection of a request; `test_queue_resources` sends wrong ones."""

from __future__ import annotations

import pytest

from txsmtpx.queue.queued_mail import Selection
from txsmtpx.queue_web.requested_selection import FILTERS, listed_selection, selection_text
from txsmtpx.web.query_parameters import QueryParameters


@pytest.mark.parametrize(
    ("query", "selection"),
    [
        (b"", Selection()),
        (b"sender=", Selection(sender="")),
        (b"recipient=%40example.org&state=held", Selection(recipient="@example.org", state="held")),
        (b"destination=*", Selection(destination="*")),
    ],
)
def test_a_list(query: bytes, selection: Selection) -> None:
    assert listed_selection(QueryParameters(b"/api/queue/messages?" + query, FILTERS)) == selection


def test_a_selection_as_text() -> None:
    assert selection_text(Selection()) == "all"
    assert selection_text(Selection(["1", "2"], "", "@b", "*", "held")) == (
        "ids=1,2 sender=<> recipient=@b destination=* state=held"
    )
