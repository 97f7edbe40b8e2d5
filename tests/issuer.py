"""An issuer of access tokens on loopback, which a test scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

Answer = tuple[int, object] | bytes | None
"""The status and what is written as JSON; octets in place of the whole answer, after which it hangs up; no answer."""


class Issuer(Resource):
    """
    The issuer.

    Attributes:
        asked: The parameters of each request.
        headers: The header Authorization of each request.
        answers: One for each request, or a function that makes one of its parameters; then tokens, "token-1" and so on.
        date: The header Date of its answers, if it is not the present time.
        waiting: The requests without an answer.
    """

    isLeaf = True

    def __init__(self, *answers: Answer | Callable[[dict[str, str]], Answer]) -> None:
        super().__init__()
        self.asked: list[dict[str, str]] = []
        self.headers: list[str] = []
        self.answers = list(answers)
        self.date = ""
        self.waiting: list[Request] = []
        self.given = 0

    async def listen(self, reactor: IReactorTime, options: Any = None) -> None:
        """Listen on a free port; within TLS, if there are options of it."""
        site = Site(self)
        where = {"port": 0, "interface": "127.0.0.1"}
        if options is None:
            endpoint = TCP4ServerEndpoint(reactor, **where)
        else:
            endpoint = SSL4ServerEndpoint(reactor, 0, options, interface="127.0.0.1")
        self._port: IListeningPort = await endpoint.listen(site)
        self._site = site
        self._tls = options is not None

    async def stop(self) -> None:
        await self._port.stopListening()
        for each in self.waiting:
            if not each._disconnected:
                each.transport.abortConnection()

    @property
    def url(self) -> str:
        scheme, host = ("https", "localhost") if self._tls else ("http", "127.0.0.1")
        return f"{scheme}://{host}:{self._port.getHost().port}/token"

    def new(self, **more: object) -> Answer:
        """The answer with the next token."""
        self.given += 1
        return 200, {"access_token": f"token-{self.given}", "token_type": "Bearer", "expires_in": 3600} | more

    def render(self, request: Request) -> bytes | int:
        assert request.method == b"POST"
        assert request.getHeader("Content-Type") == "application/x-www-form-urlencoded"
        given = parse_qs(request.content.read().decode(), keep_blank_values=True, strict_parsing=True)
        self.asked.append({name: value for name, (value,) in given.items()})
        self.headers.append(request.getHeader("Authorization") or "")
        answer = self.answers.pop(0) if self.answers else self.new()
        return self.answer(request, answer(self.asked[-1]) if callable(answer) else answer)

    def answer(self, request: Request, answer: Answer) -> bytes | int:
        if answer is None:
            self.waiting.append(request)
            return NOT_DONE_YET
        if isinstance(answer, bytes):
            request.transport.write(answer)
            request.transport.loseConnection()
            return NOT_DONE_YET
        status, content = answer
        request.setResponseCode(status)
        request.setHeader("Content-Type", "application/json")
        if self.date:
            request.setHeader("Date", self.date)
        return content if isinstance(content, bytes) else json.dumps(content).encode()

    def finish(self, answer: Answer) -> None:
        """Answer the request that waits longest."""
        request = self.waiting.pop(0)
        octets = self.answer(request, answer)
        if isinstance(octets, bytes):
            request.write(octets)
            request.finish()
