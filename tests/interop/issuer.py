"""
An issuer of access tokens on the loopback interface, as a program: ``python -m tests.interop.issuer PORT DIRECTORY``.

``/keys`` is the file ``keys`` of the directory.  ``/introspect`` answers a token with the file of that name, for the
client ``mail`` with the password ``its-secret``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Request, Site


class Keys(Resource):
    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory

    def render_GET(self, request: Request) -> bytes:
        return (self._directory / "keys").read_bytes()


class Introspection(Resource):
    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory

    def render_POST(self, request: Request) -> bytes:
        if (request.getUser(), request.getPassword()) != (b"mail", b"its-secret"):
            request.setResponseCode(401)
            return b""
        file = self._directory / request.args[b"token"][0].decode()
        return file.read_bytes() if file.exists() else b'{"active": false}'


if __name__ == "__main__":
    root = Resource()
    root.putChild(b"keys", Keys(Path(sys.argv[2])))
    root.putChild(b"introspect", Introspection(Path(sys.argv[2])))
    reactor.listenTCP(int(sys.argv[1]), Site(root), interface="127.0.0.1")  # type: ignore[attr-defined]
    reactor.run()  # type: ignore[attr-defined]
