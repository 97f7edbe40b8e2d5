"""What a request of a helper for Mailpit asks for."""

from __future__ import annotations

import pytest

from txsmtpx.inbox.mailpit_query import mailpit_query, required_search
from txsmtpx.inbox.search_query import SearchTerm
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.web_errors import BadRequest

KNOWN = ("query", "tz", "mailbox")


def test_a_search_of_a_mailbox_in_a_time_zone():
    parameters = QueryParameters(b"/?query=after:2025-06-16&tz=Asia/Tokyo&mailbox=tag:A", KNOWN)
    query = mailpit_query(parameters, required_search(parameters))
    assert query.terms == [SearchTerm("after", 1750032000.0 - 9 * 3600), SearchTerm("mailbox", "tag:a")]
    assert mailpit_query(QueryParameters(b"/", KNOWN), "").terms == []


@pytest.mark.parametrize("zone", ["Nowhere", "Europe", "/etc/passwd", "../x", "%00", "%F0%9F%8E%89", "x" * 5000])
def test_what_is_no_time_zone(zone):
    with pytest.raises(BadRequest, match="is no time zone of this server, such as Europe/Berlin"):
        mailpit_query(QueryParameters(f"/?tz={zone}".encode(), KNOWN), "")
