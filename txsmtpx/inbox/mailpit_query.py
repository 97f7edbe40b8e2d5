"""What a request of a helper for Mailpit asks for: its query parameters, and the answer to a change."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from twisted.web.server import Request

from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.web_errors import BadRequest


def mailpit_query(parameters: QueryParameters, search: str) -> SearchQuery:
    """
    Return a search in the mailbox and the time zone that a request names.

    Args:
        parameters: The query parameters: ``tz`` and ``mailbox``.
        search: The text of the search.

    Returns:
        The search.
    """
    return SearchQuery(search, parameters.text("mailbox"), _zone(parameters.text("tz")))


def required_search(parameters: QueryParameters) -> str:
    """
    Return the text of the search that a request needs.

    Args:
        parameters: The query parameters: ``query``.

    Returns:
        The text, which has a term.

    Raises:
        BadRequest: There is none, as if a script has an empty variable.
    """
    search = parameters.text("query")
    if not SearchQuery(search):
        raise BadRequest("query: this parameter needs a word, such as query=to:ann@example.org")
    return search


def _zone(name: str) -> tzinfo:
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadRequest(f"tz: {name[:100]!r} is no time zone of this server, such as Europe/Berlin") from None


def done(request: Request) -> bytes:
    """
    Answer a request that has changed something.

    Mailpit answers "ok", and MailHog nothing.  The client ``mailhog`` of npm reads each body as JSON.  It sends no
    ``Accept``, as the clients of Mailpit do.

    Args:
        request: The request.

    Returns:
        The body.
    """
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    return b"ok" if request.requestHeaders.hasHeader("Accept") else b""
