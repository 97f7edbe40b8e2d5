"""The pages of a queue: the list, and the confirmation of a deletion."""

from __future__ import annotations

from typing import get_args

from twisted.web.resource import Resource
from twisted.web.server import Request

from txsmtpx.queue.queue_store import Change
from txsmtpx.queue.queued_mail import Selection
from txsmtpx.queue_web.queue_list import BUTTONS, LIST_PARAMETERS, PAGE, QueueList, chosen_ids
from txsmtpx.queue_web.queue_message_page import QueuedMessagePages
from txsmtpx.queue_web.queue_page_renderer import QueuePageRenderer
from txsmtpx.queue_web.queue_view import mail_view, span_text
from txsmtpx.queue_web.requested_selection import STATES
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_request import redirect, root_of
from txsmtpx.web.streamed_response import StreamedResponse
from txsmtpx.web.web_errors import BadRequest
from txsmtpx.web.web_resource import WebResource

CHANGES: tuple[Change, ...] = get_args(Change)
"""What the buttons do."""

MAX_CHANGED = 999_999_999
"""The greatest number of recipients that a page reports as changed."""


class QueueFrontPage(WebResource):
    """
    ``/``: the list.

    Args:
        renderer: It renders the page.
    """

    def __init__(self, renderer: QueuePageRenderer) -> None:
        WebResource.__init__(
            self, {"GET": (*LIST_PARAMETERS, "done", "changed"), "POST": (*LIST_PARAMETERS, "change", "ids")}
        )
        self._renderer = renderer
        self.putChild(b"messages", QueuedMessagePages(renderer))
        self.putChild(b"delete", DeletionPage(renderer))

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        Find the resource of a path that was not registered.

        Args:
            path: The next segment of the path.
            request: The request.

        Returns:
            This resource for the path ``/``, otherwise one that answers 404.
        """
        return self if path == b"" else WebResource.getChild(self, path, request)

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Render the list.

        Args:
            request: The request.
            parameters: `LIST_PARAMETERS`; ``done`` and ``changed`` say what a button has changed.

        Yields:
            The page in pieces, and Deferreds to wait for.

        Raises:
            BadRequest: A parameter is wrong.
        """
        listed, queue = QueueList.of(parameters), self._renderer.queue
        done = parameters.text("done")
        if done and done not in CHANGES:
            raise BadRequest(f"done: this parameter needs {', '.join(CHANGES)}, not {done[:100]!r}")
        depth = yield from queue.depth()
        found = yield from queue.listed(request, listed.selection(), PAGE + 1, listed.after)
        shown, now = found[:PAGE], queue.now()
        yield from self._renderer.page(
            request,
            "queue.html",
            listed,
            {
                "depth": depth,
                "oldest": "" if depth.oldest is None else span_text(now - depth.oldest),
                "mails": [mail_view(each, now) for each in shown],
                "ids": ",".join(each.id for each in shown),
                "more": shown[-1].number if len(found) > PAGE else 0,
                "states": STATES,
                "done": done,
                "changed": parameters.number("changed", 0, MAX_CHANGED),
            },
        )

    def post(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Change the recipients of the messages that the page shows, or try all that wait.

        Args:
            request: The request.
            parameters: ``change=flush``, or another change with ``ids``; and `LIST_PARAMETERS`.

        Yields:
            Deferreds to wait for.

        Raises:
            BadRequest: A parameter is missing or wrong.
        """
        listed, change = QueueList.of(parameters), parameters.text("change")
        if change == "flush":
            changed = yield from self._renderer.queue.change(request, Selection(), "retry")
            change = "retry"
        elif change in BUTTONS:
            selection = listed.selection(chosen_ids(parameters))
            changed = yield from self._renderer.queue.change(request, selection, BUTTONS[change])
        else:
            raise BadRequest("a POST to this path needs change=retry, hold, release or flush")
        address = listed.address({"done": change, "changed": changed})
        redirect(request, f"{root_of(request)}{address}")


class DeletionPage(WebResource):
    """
    ``/delete``: ask whether to delete the recipients of messages, and delete them.

    Args:
        renderer: It renders the page.
    """

    def __init__(self, renderer: QueuePageRenderer) -> None:
        WebResource.__init__(self, {"GET": (*LIST_PARAMETERS, "ids"), "POST": (*LIST_PARAMETERS, "ids")})
        self._renderer = renderer

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Ask for a confirmation.

        Args:
            request: The request.
            parameters: ``ids`` and `LIST_PARAMETERS`.

        Yields:
            The page in pieces, and Deferreds to wait for.
        """
        listed, ids = QueueList.of(parameters), chosen_ids(parameters)
        found = yield from self._renderer.queue.listed(request, listed.selection(ids), len(ids), 0)
        now = self._renderer.queue.now()
        yield from self._renderer.page(
            request,
            "delete.html",
            listed,
            {
                "mails": [mail_view(each, now) for each in found],
                "recipients": sum(len(each.recipients) for each in found),
                "ids": ",".join(each.id for each in found),
            },
        )

    def post(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Delete the recipients.

        Args:
            request: The request.
            parameters: ``ids`` and `LIST_PARAMETERS`.

        Yields:
            Deferreds to wait for.
        """
        listed = QueueList.of(parameters)
        selection = listed.selection(chosen_ids(parameters))
        changed = yield from self._renderer.queue.change(request, selection, "delete")
        address = listed.address({"after": 0, "done": "delete", "changed": changed})
        redirect(request, f"{root_of(request)}{address}")
