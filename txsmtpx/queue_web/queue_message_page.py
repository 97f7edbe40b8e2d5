"""The page of one message: its envelope, its recipients and the beginning of its source."""

from __future__ import annotations

from twisted.web.resource import Resource
from twisted.web.server import Request

from txsmtpx.queue_web.queue_list import BUTTONS, LIST_PARAMETERS, QueueList
from txsmtpx.queue_web.queue_page_renderer import QueuePageRenderer
from txsmtpx.queue_web.queue_view import mail_view
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_request import hold, redirect, root_of
from txsmtpx.web.streamed_response import StreamedResponse
from txsmtpx.web.web_errors import BadRequest
from txsmtpx.web.web_resource import WebResource

MAX_TEXT = 64 * 1024
"""Octets of the source that the page shows."""

MAX_RECIPIENTS = 1000
"""Recipients that the page shows."""


class QueuedMessagePages(WebResource):
    """
    ``/messages``: it redirects to ``/``, and finds the page of each message.

    Args:
        renderer: It renders the pages.
    """

    def __init__(self, renderer: QueuePageRenderer) -> None:
        WebResource.__init__(self, {"GET": ()})
        self._renderer = renderer

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        Find the page of a message.

        Args:
            path: The identifier of the message.
            request: The request.

        Returns:
            The page; this resource for an empty path.
        """
        return QueuedMessagePage(self._renderer, path.decode("utf-8", "replace")) if path else self

    def get(self, request: Request, parameters: QueryParameters) -> bytes:
        """
        Redirect to the list.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Returns:
            The body: nothing.
        """
        return redirect(request, root_of(request))


class QueuedMessagePage(WebResource):
    """
    ``/messages/ID``: one message.

    Args:
        renderer: It renders the page.
        id: The identifier of the message.
    """

    def __init__(self, renderer: QueuePageRenderer, id: str) -> None:
        WebResource.__init__(self, {"GET": LIST_PARAMETERS, "POST": ("change", *LIST_PARAMETERS)})
        self._renderer = renderer
        self._id = id

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Render the page.

        Args:
            request: The request.
            parameters: `LIST_PARAMETERS`.

        Yields:
            The page in pieces, and Deferreds to wait for.
        """
        listed, queue = QueueList.of(parameters), self._renderer.queue
        mail = yield from queue.one(request, self._id)
        file = yield from queue.opened(mail)
        with file:
            octets = yield from queue.read(file, MAX_TEXT)
        hold(request, 4 * len(octets))
        yield from self._renderer.page(
            request,
            "message.html",
            listed,
            {
                "mail": mail_view(mail, queue.now(), MAX_RECIPIENTS),
                "envelope": mail.envelope,
                "source": octets.decode("utf-8", "replace"),
                "truncated": mail.size > len(octets),
                "actions": _actions({each.state for each in mail.recipients}),
            },
        )

    def post(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Change all recipients of the message.

        Args:
            request: The request.
            parameters: ``change`` and `LIST_PARAMETERS`.

        Yields:
            Deferreds to wait for.

        Raises:
            BadRequest: The change is missing or wrong.
        """
        listed, change = QueueList.of(parameters), BUTTONS.get(parameters.text("change"))
        if change is None:
            raise BadRequest("a POST to this path needs change=retry, hold or release")
        yield from self._renderer.queue.change_one(request, self._id, change)
        redirect(request, f"{root_of(request)}messages/{self._id}{listed.address()}")


def _actions(states: set[str]) -> list[tuple[str, str]]:
    """Return the buttons that change something, with their titles."""
    waiting = [("retry", "Retry now"), ("hold", "Hold")] if "waiting" in states else []
    return waiting + ([("release", "Release")] if "held" in states else [])
