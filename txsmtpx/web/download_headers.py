"""The header fields of a response that a browser saves in a file."""

from __future__ import annotations

from urllib.parse import quote

from twisted.web.server import Request


def set_download_headers(request: Request, content_type: str, name: str, size: int) -> None:
    """
    Make a response a download (RFC 6266), so that no browser displays it in place of a page.

    Args:
        request: The request.
        content_type: The media type.
        name: The file name.
        size: The octets of the body.
    """
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\%' else "_" for char in name)
    extended = quote(name, safe="")
    request.setHeader("Content-Type", content_type)
    request.setHeader("Content-Disposition", f"attachment; filename=\"{plain}\"; filename*=UTF-8''{extended}")
    request.setHeader("Content-Length", str(size))
