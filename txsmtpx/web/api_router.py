"""The resource of ``/api``: it finds the resource of a path in the table of the API."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.web.resource import Resource
from twisted.web.server import Request

from txsmtpx.web.api_operation import ApiRoute
from txsmtpx.web.web_resource import WebResource


class ApiRouter(WebResource):
    """
    Hand each request to the resource of its path.  The site creates one; it creates one for each further segment.

    A name in a path is preferred to a value: ``/messages/read`` is no message.  A slash at the end does not matter.

    Args:
        routes: The routes.
        depth: The segments of the path so far.
        values: The values of the path so far.
    """

    def __init__(self, routes: Sequence[ApiRoute], depth: int = 0, values: Sequence[str] = ()) -> None:
        WebResource.__init__(self)
        self._routes = routes
        self._depth = depth
        self._values = values

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        Find the resource of a longer path.

        Args:
            path: The next segment of the path, percent-decoded.
            request: The request.

        Returns:
            The resource, or one that answers 404.
        """
        found = self._found()
        if path == b"":
            return self if found is None else found
        name = path.decode("utf-8", "replace")
        longer = [(each, segments) for each in self._routes if len(segments := _segments(each)) > self._depth]
        for wanted, values in ((name, self._values), (None, [*self._values, name])):
            routes = [each for each, segments in longer if segments[self._depth] == wanted]
            if routes:
                return ApiRouter(routes, self._depth + 1, values)
        return WebResource.getChild(self, path, request)

    def render(self, request: Request) -> bytes | int:
        """
        Handle a request for the path so far.

        Args:
            request: The request.

        Returns:
            As `WebResource.render`.
        """
        found = self._found()
        return WebResource.render(self, request) if found is None else found.render(request)

    def _found(self) -> WebResource | None:
        for each in self._routes:
            if len(_segments(each)) == self._depth:
                resource = each.resource(*self._values)
                resource.methods = each.methods
                return resource
        return None


def _segments(route: ApiRoute) -> list[str | None]:
    """Return the segments of a path, with None for each value."""
    return [None if each.startswith("{") else each for each in route.path.split("/") if each]
