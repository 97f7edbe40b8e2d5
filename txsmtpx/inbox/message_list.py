"""The list of messages on a page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from txsmtpx.inbox.mailbox_name import mailbox_name
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.web_errors import BadRequest

LIST = 100
"""Messages in the list, if the request has no ``limit``."""

MAX_LIST = 1000
"""The greatest ``limit``.  A link leads to the older messages."""

LIST_PARAMETERS = ("search", "mailbox", "start", "limit")
"""The query parameters of each page that has the list."""


@dataclass(frozen=True)
class MessageList:
    """
    Describe the list of a page: which messages it has.

    Attributes:
        search: The text of the search field.
        query: The same, parsed.
        start: The number of messages that are left out before the first.
        limit: The number of messages in the list.
        mailbox: The name of the mailbox that the page shows, "" for all messages.
        undo: The number of the deletion that the page can undo, 0 for none.
        error: What is wrong with the search, "" if nothing is.  The page shows it in the place of the list.
    """

    search: str
    query: SearchQuery
    start: int
    limit: int
    error: str = ""
    undo: int = 0
    mailbox: str = ""

    @classmethod
    def of(cls, parameters: QueryParameters) -> MessageList:
        """
        Read the list that a request asks for.

        Args:
            parameters: The query parameters, see `LIST_PARAMETERS`.

        Returns:
            The list.

        Raises:
            BadRequest: ``start`` or ``limit`` is out of range.
        """
        search, mailbox, error = parameters.text("search"), parameters.text("mailbox"), ""
        try:
            mailbox = mailbox and mailbox_name(mailbox)
            query = SearchQuery(search, mailbox)
        except BadRequest as wrong:
            query, error = SearchQuery(""), str(wrong).removeprefix("search: ").removeprefix("mailbox: ")
        start, limit = parameters.number("start", 0, 1_000_000), parameters.number("limit", LIST, MAX_LIST)
        return cls(search, query, start, limit, error, parameters.number("undo", 0, 999_999_999), mailbox)

    def after_deletion(self, deletion: int) -> str:
        """
        Return the `address` of the list after messages were deleted.

        Args:
            deletion: The number of the deletion, 0 if nothing was deleted.

        Returns:
            The address.  Its page can undo the deletion.
        """
        separator = "&" if self.address else "?"
        return f"{self.address}{separator}undo={deletion}" if deletion else self.address

    @property
    def address(self) -> str:
        """The part behind the path of a URL that has this list, such as ``?search=to:ann``; "" for the first page."""
        limit = self.limit if self.limit != LIST else 0
        values = {"search": self.search, "mailbox": self.mailbox, "start": self.start, "limit": limit}
        given = {name: value for name, value in values.items() if value}
        return f"?{urlencode(given)}" if given else ""

    def more(self, found: int) -> str:
        """
        Return the `address` of the page with more messages.

        Args:
            found: The number of messages that match the query.

        Returns:
            The address of a longer list, or, behind the longest list, of the next one; "" if there are no more.
        """
        if self.start + self.limit >= found:
            return ""
        if self.limit < MAX_LIST:
            return replace(self, limit=min(self.limit + LIST, MAX_LIST)).address
        return replace(self, start=self.start + self.limit).address
