"""A web site on this machine, from which messages take images and to which they link."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RED = bytes.fromhex("47494638396101000100800000ff0000000000") + b",\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
"""One red pixel, a GIF."""


class Website(ThreadingHTTPServer):
    """
    The site.

    Attributes:
        asked: The method, the path and the headers of each request.
        found: What there is, by path: the status, the type and the body.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.found: dict[str, tuple[int, str, bytes]] = {}
        self.port = self.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        """The paths that were requested."""
        return sorted(path for _, path, _ in self.asked)


class _Handler(BaseHTTPRequestHandler):
    server: Website

    def do_GET(self) -> None:
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        status, kind, body = self.server.found.get(self.path, (404, "text/plain", b"nothing"))
        self.send_response(status)
        self.send_header("Location" if 300 < status < 400 else "Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_POST = do_GET

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def website() -> Iterator[Website]:
    """Run one."""
    with Website() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
