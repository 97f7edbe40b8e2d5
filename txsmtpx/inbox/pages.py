"""The pages of the inbox: the list of messages, and one message beside it."""

from __future__ import annotations

from dataclasses import replace
from sys import getsizeof

from twisted.web.resource import Resource
from twisted.web.server import Request

from txsmtpx.inbox.message_checks import RUNS, checks_of
from txsmtpx.inbox.message_detail import MAX_TEXT
from txsmtpx.inbox.message_frame import MessageFrame
from txsmtpx.inbox.message_list import LIST_PARAMETERS, MessageList
from txsmtpx.inbox.message_views import HEADER_VIEWS, VIEWS, shown_text, views_of
from txsmtpx.inbox.page_renderer import PageRenderer, with_links, without_links
from txsmtpx.inbox.parsed_message import arrived_text
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.web.cooperative_work import CooperativeWork
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_request import hold, redirect, root_of
from txsmtpx.web.streamed_response import StreamedResponse
from txsmtpx.web.web_errors import BadRequest
from txsmtpx.web.web_resource import WebResource


class FrontPage(WebResource):
    """
    ``/``: the list alone.

    Args:
        renderer: It renders the page.
    """

    def __init__(self, renderer: PageRenderer) -> None:
        posted = ("delete", "mark", "restore", *LIST_PARAMETERS)
        WebResource.__init__(self, {"GET": (*LIST_PARAMETERS, "undo"), "POST": posted})
        self._renderer = renderer
        self.putChild(b"messages", _Messages(renderer))

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
        Render the page.

        Args:
            request: The request.
            parameters: The query parameters, see `LIST_PARAMETERS`.

        Returns:
            The page.
        """
        return self._renderer.page(request, MessageList.of(parameters))

    def post(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Delete or mark all messages of the mailbox or those that a search finds, or undo a deletion.

        Args:
            request: The request.
            parameters: The query parameters: ``delete=all``, ``delete=found``, ``mark=read``, ``mark=unread`` or
                ``restore=NUMBER``, and `LIST_PARAMETERS`.

        Yields:
            What the work yields.

        Raises:
            BadRequest: A parameter is missing or wrong.
        """
        inbox, listed = self._renderer.inbox, MessageList.of(parameters)
        if listed.error:
            raise BadRequest(f"search: {listed.error}")
        delete, mark = parameters.text("delete"), parameters.text("mark")
        deletion = 0
        if delete == "all":
            query = SearchQuery("", listed.mailbox)
            deletion = yield from inbox.delete((yield from inbox.store.numbers(query)))
        elif delete == "found" and listed.search:
            deletion = yield from inbox.delete((yield from inbox.store.numbers(listed.query)))
        elif mark in ("read", "unread"):
            yield from inbox.store.mark((yield from inbox.store.numbers(listed.query)), mark == "read")
        elif "restore" in parameters:
            yield from inbox.restore(parameters.number("restore", 0, 999_999_999))
        else:
            raise BadRequest("a POST to this path needs delete=all, delete=found and a search, or mark=read or unread")
        redirect(request, f"{root_of(request)}{listed.after_deletion(deletion)}")


class _Messages(WebResource):
    """``/messages``: it redirects to ``/``."""

    def __init__(self, renderer: PageRenderer) -> None:
        WebResource.__init__(self, {"GET": ()})
        self._renderer = renderer

    def getChild(self, path: bytes, request: Request) -> Resource:
        return MessagePage(self._renderer, path.decode("ascii", "replace")) if path else self

    def get(self, request: Request, parameters: QueryParameters) -> bytes:
        return redirect(request, root_of(request))


class MessagePage(WebResource):
    """
    ``/messages/ID`` and ``/messages/ID/VIEW``: one view of a message, beside the list.

    Args:
        renderer: It renders the page.
        name: The number of the message, or "latest".
        view: One of `VIEWS` or `HEADER_VIEWS`, "" for the first that the message has.
    """

    def __init__(self, renderer: PageRenderer, name: str, view: str = "") -> None:
        get, post = ("remote", *LIST_PARAMETERS), ("delete", "mark", "run", *LIST_PARAMETERS)
        WebResource.__init__(self, {"GET": get, "POST": post})
        self._renderer = renderer
        self._inbox = renderer.inbox
        self._name = name
        self._view = view

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        Find the resource of a view.

        Args:
            path: The next segment of the path: a view, "frame" for the HTML alone, or "".
            request: The request.

        Returns:
            The resource, or one that answers 404.
        """
        view = path.decode("utf-8", "replace")
        if self._view == "" and view == "frame":
            return MessageFrame(self._inbox, self._name)
        if self._view == "" and view in ("", *VIEWS, *HEADER_VIEWS):
            return MessagePage(self._renderer, self._name, view)
        return WebResource.getChild(self, path, request)

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Render the page, and mark the message as read.

        Args:
            request: The request.
            parameters: The query parameters: ``remote``, the token that shows images of other hosts, and
                `LIST_PARAMETERS`.

        Yields:
            The page in pieces.
        """
        listed = MessageList.of(parameters)
        number = yield from self._inbox.number_of(self._name)
        message = yield from self._values(request, number, parameters.text("remote"))
        yield from self._renderer.page(request, listed, number, message)

    def post(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Delete the message, mark it as unread, or run a check.

        Args:
            request: The request.
            parameters: The query parameters: ``delete=this`` or ``mark=unread``; for the view "checks" ``run=links`` or
                ``run=spam``; and `LIST_PARAMETERS`.

        Yields:
            What the work yields.

        Raises:
            BadRequest: A parameter is missing or wrong, or the path names a view.
        """
        if self._view == "checks" and parameters.text("run") in RUNS:
            yield from self._checked(request, parameters)
        else:
            yield from self._changed(request, parameters)

    def _checked(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        number = yield from self._inbox.number_of(self._name)
        message = yield from self._values(request, number, run=parameters.text("run"))
        yield from self._renderer.page(request, MessageList.of(parameters), number, message)

    def _changed(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        delete, mark = parameters.text("delete") == "this", parameters.text("mark") == "unread"
        if delete == mark or self._view:
            raise BadRequest("a POST to /messages/ID needs the parameter delete=this or mark=unread")
        listed, deletion = MessageList.of(parameters), 0
        number = yield from self._inbox.number_of(self._name)
        yield from self._inbox.store.described(number)  # which raises MessageDeleted
        if delete:
            deletion = yield from self._inbox.delete([number])
        else:
            yield from self._inbox.store.mark([number], read=False)
        redirect(request, f"{root_of(request)}{listed.after_deletion(deletion)}")

    def _values(
        self, request: Request, number: int, token: str = "", run: str = ""
    ) -> CooperativeWork[dict[str, object]]:
        # No value holds the octets of the whole message: the client may read slowly, and would keep them in memory.
        received = yield from self._inbox.store.message(number)
        detail = yield from self._inbox.parser.detail(received)
        yield from self._inbox.store.mark([number], read=True)
        views = views_of(detail)
        view = self._view if self._view in views | HEADER_VIEWS else next(iter(views))
        text = shown_text(view, received.content, detail)
        checks = (yield from checks_of(self._inbox, received, run)) if view == "checks" else None
        tools = self._inbox.tools
        envelope = replace(received, content=b"")
        hold(request, detail.held + envelope.held + getsizeof(text))
        return {
            "message": detail,
            "received": envelope,
            "size": len(received.content),
            "arrived": arrived_text(received.arrived),
            "view": view,
            "header_views": HEADER_VIEWS,
            "checks": checks,
            "tools": tools,
            "token": token if tools.accepts(number, token) else "",
            "views": list(views.items()),
            "body": with_links(text) if view == "text" else without_links(text),
            "outcomes": self._inbox.release.outcomes(number) if self._inbox.release else (),
            "truncated": view == "source" and len(received.content) > MAX_TEXT,
        }
