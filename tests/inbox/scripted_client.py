"""A client of web sites without a network."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txsmtpx.inbox.remote_client import RemoteClient
from txsmtpx.wire.web_request import WebAnswer, WebError


class ScriptedClient(RemoteClient):
    """
    The client, whose requests are answered from a table.

    Args:
        found: The answers by URL: a status, headers and a body; a text is the error, None is no answer at all.
    """

    def __init__(self, found: dict[str, tuple[int, dict[str, str], bytes] | str | None]) -> None:
        self.clock = Clock()
        super().__init__(self.clock)
        self._found = found
        self.asked: list[tuple[str, str]] = []

    async def _send(self, method: str, text: str, limit: int) -> WebAnswer:
        self.asked.append((method, text))
        found = self._found.get(text, (404, {}, b""))
        if found is None:
            await Deferred()
        if isinstance(found, str):
            raise WebError(found)
        status, headers, body = found
        if len(body) > limit:
            raise WebError("the answer is too long")
        return WebAnswer(status, "", headers, body)
