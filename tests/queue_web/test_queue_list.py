"""The filters of a page, and the links that keep them."""

from __future__ import annotations

import pytest

from txsmtpx.queue.queued_mail import Selection
from txsmtpx.queue_web.queue_list import LIST_PARAMETERS, QueueList, chosen_ids
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.web_errors import BadRequest


def listed(query: bytes) -> QueueList:
    return QueueList.of(QueryParameters(b"/?" + query, LIST_PARAMETERS))


def test_an_empty_field_selects_any() -> None:
    assert listed(b"sender=&state=&destination=+&recipient=").selection() == Selection()
    assert listed(b"sender=%3C%3E&state=held").selection(["1"]) == Selection(["1"], sender="", state="held")


def test_a_link_keeps_the_filters() -> None:
    assert listed(b"after=7&sender=a%26b").address({"done": "hold"}) == "?sender=a%26b&after=7&done=hold"
    assert listed(b"").address() == "?"


@pytest.mark.parametrize("query", [b"", b"ids=", b"ids=,", b"ids=" + b"x," * 1001])
def test_identifiers_are_needed(query: bytes) -> None:
    with pytest.raises(BadRequest, match="ids: this parameter needs 1 to 1000 identifiers"):
        chosen_ids(QueryParameters(b"/?" + query, ["ids"]) if query != b"ids=" else QueryParameters(b"/", ["ids"]))
