"""
Render the pages of the inbox from the templates: the list of messages, and one message beside it.

The pages work without JavaScript: links open messages, and buttons of forms delete them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from twisted.web.server import Request

from txsmtpx.inbox.checked_content import TEXT_URL, TRAILING
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_store import Found
from txsmtpx.inbox.listed_mailbox import ListedMailbox
from txsmtpx.inbox.message_list import MessageList
from txsmtpx.inbox.parsed_message import IMAGES
from txsmtpx.web.content_security_policy import PAGE_POLICY
from txsmtpx.web.page_environment import page_environment
from txsmtpx.web.site_request import address_of, hold, root_of
from txsmtpx.web.streamed_response import StreamedResponse, encoded

PIECE = 8 * 1024
"""Characters of a text that are escaped at a time."""

MAX_MAILBOXES = 200
"""Mailboxes in the head of a page."""

ListeningAddress = tuple[str, int]
"""A host and a port on which the mail server listens."""


def with_links(text: str) -> Iterator[tuple[str, bool]]:
    """
    Find the URLs in a text.

    Args:
        text: The text.

    Yields:
        Pieces of the text, in order.  The second value is True if the piece is a URL.

    Example:
        >>> list(with_links("see http://example.org/."))
        [('see ', False), ('http://example.org/', True), ('.', False)]
    """
    at = 0
    for found in TEXT_URL.finditer(text):
        url = found.group().rstrip(TRAILING)
        yield from without_links(text[at : found.start()])
        yield url, True
        at = found.start() + len(url)
    yield from without_links(text[at:])


def without_links(text: str) -> Iterator[tuple[str, bool]]:
    """
    Cut a text into pieces, as `with_links` does, without looking for URLs.

    Args:
        text: The text.

    Returns:
        Pieces of the text, each with False.
    """
    return ((text[at : at + PIECE], False) for at in range(0, len(text), PIECE))


class PageRenderer:
    """
    Render a page.  `InboxSite` creates one for all pages.

    Attributes:
        inbox: The messages.

    Args:
        inbox: The messages.
        addresses: A function that returns where the mail server listens.  The pages show how to send mail there.
    """

    def __init__(self, inbox: Inbox, addresses: Callable[[], Sequence[ListeningAddress]]) -> None:
        self.inbox = inbox
        self._addresses = addresses
        self._template = page_environment("txsmtpx.inbox").get_template("inbox.html")

    def page(
        self, request: Request, listed: MessageList, selected: int = 0, message: Mapping[str, object] | None = None
    ) -> StreamedResponse:
        """
        Render a page.

        Args:
            request: The request.
            listed: The list.
            selected: The number of the message that is shown beside the list, 0 for none.
            message: The values for the template of the message, None to show how to send mail.

        Yields:
            The page in pieces.
        """
        store = self.inbox.store
        found = yield from store.listed(listed.query, listed.start, listed.limit)
        mailboxes = yield from store.mailboxes.listed(0, MAX_MAILBOXES)
        shown = ListedMailbox("", store.total, store.unread)
        if listed.mailbox:
            shown = yield from store.mailboxes.one(listed.mailbox)
        if listed.error:
            found = Found(0, (), False)
        hold(request, found.held)
        request.setHeader("Content-Security-Policy", PAGE_POLICY)
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        page = self._template.generate(
            unread=shown.unread,
            listed=found.shown,
            messages=found.messages,
            found=found.total,
            total=shown.messages,
            everything=store.total,
            mailbox=shown,
            mailboxes=mailboxes,
            search=listed.search,
            error=listed.error,
            root=root_of(request),
            undo=listed.undo,
            undoable=self.inbox.undoable(listed.undo),
            query=listed.address,
            more=listed.more(found.total),
            selected=selected,
            addresses=self._addresses(),
            images=IMAGES,
            base=address_of(request).url,
            release=self.inbox.release,
            **(message or {"message": None}),
        )
        yield from encoded(page)
