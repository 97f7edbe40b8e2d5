"""The files of ``/static``: styles, scripts and icons."""

from __future__ import annotations

from importlib.resources import files

from twisted.web.resource import Resource
from twisted.web.server import Request

from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.web_resource import WebResource

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def static_types(package: str) -> dict[str, str]:
    """
    List the files in the directory ``static`` of a package.

    Args:
        package: The name of the package.

    Returns:
        The names, with the media type of each.
    """
    directory = files(package).joinpath("static")
    return {each.name: _TYPES[each.name.rpartition(".")[2]] for each in directory.iterdir()}


def static_files(*packages: str) -> Resource:
    """
    Return the resource of ``/static``.

    Args:
        packages: The packages whose files it has.

    Returns:
        The resource.
    """
    found = WebResource()
    for package in packages:
        for name, content_type in static_types(package).items():
            octets = files(package).joinpath("static", name).read_bytes()
            found.putChild(name.encode("ascii"), _StaticFile(content_type, octets))
    return found


class _StaticFile(WebResource):
    """A file of ``/static``.  The files are few and small, so they stay in memory."""

    def __init__(self, content_type: str, octets: bytes) -> None:
        WebResource.__init__(self, {"GET": ()})
        self._content_type = content_type
        self._octets = octets

    def get(self, request: Request, parameters: QueryParameters) -> bytes:
        request.setHeader("Content-Type", f"{self._content_type}; charset=utf-8")
        return self._octets
