"""A resource of a web site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.streamed_response import ResponseWriter, StreamedResponse
from txsmtpx.web.web_errors import BadRequest, error_body

Response = bytes | StreamedResponse | int
"""A body, a response in pieces, or ``NOT_DONE_YET``."""


class WebResource(Resource):
    """
    Handle the requests for one path.

    A subclass has a method for each HTTP method, such as ``get(request, parameters)``, which returns a `Response`.  All
    other methods and unknown parameters get an error response.

    Attributes:
        methods: The HTTP methods that the resource handles, each with the names of its query parameters.  HEAD is
            handled as GET.  `ApiRouter` sets those of the API.

    Args:
        methods: See the attributes.
    """

    def __init__(self, methods: Mapping[str, Iterable[str]] | None = None) -> None:
        Resource.__init__(self)
        self.methods: Mapping[str, Iterable[str]] = methods or {}

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        Find the resource of a longer path, if no child was registered for it.

        Args:
            path: The next segment of the path, percent-decoded.
            request: The request.

        Returns:
            A resource that answers 404.
        """
        return ErrorResource(404, "There is nothing at this path.")

    def render(self, request: Request) -> bytes | int:
        """
        Handle a request by the method for its HTTP method.

        Args:
            request: The request.

        Returns:
            The body, or ``NOT_DONE_YET``.
        """
        method = "GET" if request.method == b"HEAD" else request.method.decode("ascii", "replace")
        if method not in self.methods:
            allowed = ", ".join([*self.methods, *(["HEAD"] if "GET" in self.methods else [])])
            request.setHeader("Allow", allowed)
            if not allowed:
                return error_body(request, 404, "There is nothing at this path.")
            return error_body(request, 405, f"This path allows {allowed} only.")
        try:
            parameters = QueryParameters(request.uri, self.methods[method])
            # The client chooses the name, but only the names that the subclass has declared come here.
            response: Response = getattr(self, method.lower())(request, parameters)
        except BadRequest as error:
            return error_body(request, error.code, str(error))
        if isinstance(response, bytes | int):
            return response
        ResponseWriter(request, response)
        return NOT_DONE_YET


class ErrorResource(WebResource):
    """
    Answer each request with an error.

    Args:
        code: The status code.
        text: One line for the client.
    """

    isLeaf = True

    def __init__(self, code: int, text: str) -> None:
        WebResource.__init__(self)
        self._code = code
        self._text = text

    def render(self, request: Request) -> bytes:
        """
        Answer a request.

        Args:
            request: The request.

        Returns:
            The body of the error response.
        """
        return error_body(request, self._code, self._text)
