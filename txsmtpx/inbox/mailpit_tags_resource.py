"""Tags for helpers of Mailpit: ``/api/v1/tags`` and ``/api/v1/tags/TAG``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.web.server import Request

from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.mailpit_list_resource import numbers_of
from txsmtpx.inbox.mailpit_query import done
from txsmtpx.inbox.message_tags import MAX_TAG, MAX_TAGS, plain_tags
from txsmtpx.inbox.search_query import SearchQuery, SearchTerm
from txsmtpx.web.cooperative_work import CooperativeWork
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.request_body import JsonBody
from txsmtpx.web.site_request import reject_body
from txsmtpx.web.streamed_response import StreamedResponse, json_response
from txsmtpx.web.web_errors import BadRequest
from txsmtpx.web.web_resource import WebResource


class MailpitTagsResource(WebResource):
    """
    ``/api/v1/tags``: list all tags, and set those of messages.

    Args:
        inbox: The messages.
    """

    def __init__(self, inbox: Inbox) -> None:
        WebResource.__init__(self)
        self._inbox = inbox

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        List the tags.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces.
        """
        tags: list[str] = sorted((yield from self._inbox.store.tags.counted()))
        yield from json_response(request, tags)

    def put(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Replace the tags of messages.

        Args:
            request: The request.  Its body has ``IDs`` and ``Tags``.
            parameters: The query parameters: none.

        Yields:
            The body of the response, and what the work yields.
        """
        body = JsonBody(request, ("IDs", "Tags"), required=True)
        tags = _checked("Tags", body.texts("Tags"))
        yield from self._inbox.store.tags.replace(dict.fromkeys(numbers_of(body.texts("IDs")), tags))
        yield done(request)


class MailpitTagResource(WebResource):
    """
    ``/api/v1/tags/TAG``: rename a tag, or remove it from all messages.

    Args:
        inbox: The messages.
        tag: The tag.
    """

    def __init__(self, inbox: Inbox, tag: str) -> None:
        WebResource.__init__(self)
        self._inbox = inbox
        self._tag = "".join(plain_tags([tag]))

    def put(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Rename the tag.

        Args:
            request: The request.  Its body has ``Name``, the new tag.
            parameters: The query parameters: none.

        Yields:
            The body of the response, and what the work yields.

        Raises:
            BadRequest: There is no name, or no such tag.
        """
        names = _checked("Name", [JsonBody(request, ("Name",), required=True).text("Name")])
        if not names:
            raise BadRequest("Name: this field needs the new tag")
        yield from self._change(lambda tags: plain_tags(names[0] if each == self._tag else each for each in tags))
        yield done(request)

    def delete(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Remove the tag from all messages.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The body of the response, and what the work yields.

        Raises:
            BadRequest: There is no such tag.
        """
        reject_body(request)
        yield from self._change(lambda tags: [each for each in tags if each != self._tag])
        yield done(request)

    def _change(self, change: Callable[[Sequence[str]], list[str]]) -> CooperativeWork[None]:
        query = SearchQuery("")
        query.terms.append(SearchTerm("tag", self._tag))
        numbers = yield from self._inbox.store.numbers(query)
        if not numbers:
            raise BadRequest(f"no message has the tag {self._tag[:MAX_TAG]!r}; GET /api/v1/tags lists all tags")
        for number in numbers:
            try:
                listed = yield from self._inbox.store.described(number)
            except MessageDeleted:  # since the search
                continue
            yield from self._inbox.store.tags.replace({number: change(listed.tags)})


def _checked(field: str, given: Sequence[str]) -> list[str]:
    tags = plain_tags(given)
    if len(tags) > MAX_TAGS:
        raise BadRequest(f"{field}: {len(tags)} tags are too many; the limit is {MAX_TAGS}")
    for tag in tags:
        if len(tag) > MAX_TAG:
            raise BadRequest(f"{field}: a tag may have {MAX_TAG} characters")
    return tags
