"""The checks of every request to a web site, before any resource handles it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import IResource, Resource, getChildForRequest
from twisted.web.server import NOT_DONE_YET, Request

from txsmtpx.web.cross_origin import CrossOriginAccess, answer_preflight, is_preflight
from txsmtpx.web.same_origin_check import SameOriginCheck
from txsmtpx.web.web_login import Refusal, WebLogin
from txsmtpx.web.web_resource import ErrorResource, WebResource


class CheckedResource(WebResource):
    """
    Check each request, and hand it to the resource of its path if it passes.  `CheckedSite` creates one.

    Args:
        inner: The resource of the path ``/``.
        check: It checks the host and the origin.
        other_origins: The origins of other sites whose pages may use the API.
        login: It checks the login; None for no login.
    """

    def __init__(
        self, inner: Resource, check: SameOriginCheck, other_origins: CrossOriginAccess, login: WebLogin | None
    ) -> None:
        WebResource.__init__(self)
        self._inner = inner
        self._check = check
        self._other_origins = other_origins
        self._login = login

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        """
        Check a request, and find its resource.

        Args:
            path: The next segment of the path.
            request: The request.

        Returns:
            The resource, or one that answers with an error.
        """
        allowed = self._other_origins.allows(request)
        rejection = self._check.rejection(request, allowed)
        if rejection:
            return ErrorResource(403, rejection)
        if allowed and is_preflight(request):
            return _Preflight()
        found = None if self._login is None else self._login.check(request)
        if isinstance(found, Deferred):
            return _LoginInProgress(found, lambda refusal: self._checked(refusal, path, request))
        return self._checked(found, path, request)

    def _checked(self, refusal: Refusal | None, path: bytes, request: Request) -> IResource:
        if refusal is not None:
            return ErrorResource(*refusal)
        found: IResource = self._inner.getChildWithDefault(path, request)
        return found


class _Preflight(WebResource):
    """The answer to a browser that asks what a page of another origin may send."""

    isLeaf = True

    def render(self, request: Request) -> bytes:
        return answer_preflight(request)


class _LoginInProgress(WebResource):
    """A resource that is known when a login has been checked."""

    isLeaf = True

    def __init__(self, checked: Deferred[Refusal | None], find: Callable[[Refusal | None], IResource]) -> None:
        WebResource.__init__(self)
        self._found = checked
        self._find = find
        self._disconnected = False

    def render(self, request: Request) -> int:
        request.notifyFinish().addErrback(self._disconnect)
        self._found.addCallback(self._render, request)
        self._found.addErrback(self._failed, request)
        return NOT_DONE_YET

    def _disconnect(self, failure: Failure) -> None:
        self._disconnected = True

    def _render(self, refusal: Refusal | None, request: Request) -> None:
        if not self._disconnected:
            request.render(getChildForRequest(self._find(refusal), request))

    def _failed(self, failure: Failure, request: Request) -> None:
        request.processingFailed(failure)
