"""The paths of a site that a proxy serves below a path, such as ``/mail``."""

from __future__ import annotations

from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_request import redirect
from txsmtpx.web.web_resource import WebResource


class _Mount(WebResource):
    """The path of the site without the slash at its end, from which its relative URLs would lead elsewhere."""

    def __init__(self, front: Resource, name: str) -> None:
        WebResource.__init__(self, {"GET": ()})
        self._front = front
        self._name = name

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        found: IResource = self._front.getChildWithDefault(path, request)
        return found

    def get(self, request: Request, parameters: QueryParameters) -> bytes:
        return redirect(request, f"{self._name}/")


class _Outside(WebResource):
    """A path above that of the site, which leads there."""

    def __init__(self, way: str) -> None:
        WebResource.__init__(self, {"GET": ()})
        self._way = way

    def getChild(self, path: bytes, request: Request) -> Resource:
        return self if path == b"" else WebResource.getChild(self, path, request)

    def get(self, request: Request, parameters: QueryParameters) -> bytes:
        return redirect(request, self._way)


def mounted(front: Resource, path: str) -> Resource:
    """
    Return the resource of ``/``, with the front page at a path.

    Args:
        front: The front page.
        path: The path without a slash at its end; "" for ``/``.

    Returns:
        The resource.
    """
    if not path:
        return front
    *above, name = path.strip("/").split("/")
    root = _Outside(f"{path.strip('/')}/")
    here: WebResource = root
    for segment in above:
        here.putChild(segment.encode("ascii"), inner := WebResource())
        here = inner
    here.putChild(name.encode("ascii"), _Mount(front, name))
    return root
