"""The messages that a request of the API selects: by their numbers, by a search, or all."""

from __future__ import annotations

from txsmtpx.grammar import asciitext
from txsmtpx.inbox.inbox_store import InboxStore
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.web.cooperative_work import CooperativeWork
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.web_errors import BadRequest

SELECTION = ("ids", "search", "mailbox")
"""The query parameters that select messages."""

MAX_IDS = 1000
"""Numbers in the parameter ``ids``."""


def selected(store: InboxStore, parameters: QueryParameters) -> CooperativeWork[list[int]]:
    """
    Return the numbers of the messages that a request selects.

    Args:
        store: The store of the messages.
        parameters: The query parameters, see `SELECTION`.  Without one, all messages are selected.

    Returns:
        The numbers.  With ``ids``, some may not exist.

    Yields:
        What the search yields.

    Raises:
        BadRequest: A parameter is wrong, or selects nothing, as if a script has an empty variable.
    """
    if "ids" in parameters:
        for other in SELECTION[1:]:
            if other in parameters:
                raise BadRequest(f"ids: this parameter and {other} exclude each other")
        return _numbers(parameters.text("ids"))
    if "search" in parameters and not SearchQuery(parameters.text("search")):
        raise BadRequest("search: this parameter needs a word; to select all messages, leave it out")
    if "mailbox" in parameters and not parameters.text("mailbox"):
        raise BadRequest("mailbox: this parameter needs a name; to select all messages, leave it out")
    return (yield from store.numbers(SearchQuery(parameters.text("search"), parameters.text("mailbox"))))


def _numbers(text: str) -> list[int]:
    names = text.split(",")
    if len(names) > MAX_IDS:
        raise BadRequest(f"ids: {len(names)} numbers are too many; the limit is {MAX_IDS}")
    for name in names:
        # The number of digits is limited, since the time of int() grows with its square.
        if not (asciitext.is_number(name) and len(name) < 16):
            raise BadRequest(f"ids: this parameter needs numbers with commas between them, not {name[:100]!r}")
    return [int(name) for name in names]
