"""The list of a page: its filters, and its place in the queue.  The links and forms of the page keep them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from txsmtpx.queue.queue_store import Change
from txsmtpx.queue.queued_mail import Selection
from txsmtpx.queue_web.requested_selection import FILTERS, MAX_IDS, checked_selection
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.web_errors import BadRequest

PAGE = 50
"""Messages of a page."""

NULL_SENDER = "<>"
"""What a user writes for the null reverse-path; an empty field of a form selects any sender."""

LIST_PARAMETERS = (*FILTERS, "after")
"""The query parameters of a list."""

BUTTONS: Mapping[str, Change] = {"retry": "retry", "hold": "hold", "release": "release"}
"""The changes that need no confirmation, since another one undoes them."""

MAX_AFTER = 999_999_999
"""The greatest number of a message before a page."""


@dataclass(frozen=True)
class QueueList:
    """
    One page of the list.  Pages create it from a request.

    Attributes:
        filters: The filters that are set, as the user has written them.
        after: The number of the last message of the page before; 0 for the first page.
    """

    filters: Mapping[str, str] = field(default_factory=dict)
    after: int = 0

    @classmethod
    def of(cls, parameters: QueryParameters) -> QueueList:
        """
        Read the parameters of a request.

        Args:
            parameters: The query parameters, see `LIST_PARAMETERS`.

        Returns:
            The list.

        Raises:
            BadRequest: One is wrong.
        """
        filters = {name: parameters.text(name).strip() for name in FILTERS}
        found = cls({name: value for name, value in filters.items() if value}, parameters.number("after", 0, MAX_AFTER))
        found.selection()  # which raises an error if a state is wrong
        return found

    def selection(self, ids: Sequence[str] | None = None) -> Selection:
        """
        Return the recipients of the list.

        Args:
            ids: The identifiers of messages; None for any.

        Returns:
            The selection.
        """
        given = dict(self.filters)
        if given.get("sender") == NULL_SENDER:
            given["sender"] = ""
        return checked_selection(given, "parameter", ids)

    def address(self, more: Mapping[str, str | int] | None = None) -> str:
        """
        Return the query of a URL.

        Args:
            more: Further parameters, or other values; None for none.  Those that are 0 or empty are left out.

        Returns:
            The query with its question mark; "?" alone if there is no parameter.

        Example:
            >>> QueueList({"state": "held"}, 7).address({"after": 0, "change": "release"})
            '?state=held&change=release'
        """
        given = {**self.filters, "after": self.after, **(more or {})}
        return "?" + urlencode({name: value for name, value in given.items() if value})


def chosen_ids(parameters: QueryParameters) -> list[str]:
    """
    Read the identifiers of the messages of a form.

    Args:
        parameters: The query parameters, among them ``ids``.

    Returns:
        The identifiers.

    Raises:
        BadRequest: There is none, or there are too many.
    """
    ids = [each for each in parameters.text("ids").split(",") if each]
    if not 1 <= len(ids) <= MAX_IDS:
        raise BadRequest(f"ids: this parameter needs 1 to {MAX_IDS} identifiers with commas between them")
    return ids
