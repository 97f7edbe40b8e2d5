"""
The HTML of a message with the images and styles of other hosts.

The server requests them, and writes them into the HTML as ``data:`` URLs and ``style`` elements.  So the browser still
loads nothing: the Content-Security-Policy of the HTML is the same with them as without.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import urljoin

from twisted.internet.defer import CancelledError, Deferred, DeferredList, DeferredSemaphore
from twisted.logger import Logger

from txsmtpx.content.charset import text_of
from txsmtpx.inbox.parsed_message import IMAGES
from txsmtpx.inbox.remote_client import RemoteClient
from txsmtpx.inbox.remote_references import Kind, RemoteReferences, is_remote
from txsmtpx.wire.web_request import WebError

log = Logger(__name__)

MAX_IMAGE = 4 * 1024 * 1024
"""Octets of an image."""

MAX_STYLE = 256 * 1024
"""Octets of a style sheet."""

MAX_LOADED = 16 * 1024 * 1024
"""Octets of all images and styles of a message, as they are written."""

MAX_SECONDS = 20.0
"""Seconds for all images and styles of a message.  What has not come then is left out."""

MAX_PAGES = 2
"""Messages whose images are requested at the same time.  Others wait."""

_URL = re.compile(r"""url\(\s*+(?:"([^"]*+)"|'([^']*+)'|([^"'()\s]++))\s*+\)""", re.ASCII | re.IGNORECASE)
_IMPORT = re.compile(r"@import[^;{}]*+;?", re.ASCII | re.IGNORECASE)

_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
    b"\xff\xd8\xff": "image/jpeg",
    b"BM": "image/bmp",
}
"""The first octets of images.  Those of WebP and AVIF begin with a length."""


class RemoteHtml:
    """
    Load the images and styles of messages.  `MessageTools` has one.

    Args:
        client: It sends the requests.
    """

    def __init__(self, client: RemoteClient) -> None:
        self._client = client
        self._turns = DeferredSemaphore(MAX_PAGES)

    async def loaded(self, view: bytes) -> bytes:
        """
        Write the images and styles of a message into its HTML.

        Args:
            view: The view "remote" of the message, see `rendered_view`.

        Returns:
            The HTML, in UTF-8.
        """
        await self._turns.acquire()
        try:
            return await _Loading(self._client, view).html()
        finally:
            self._turns.release()


class _Loading:
    """The requests for one message."""

    def __init__(self, client: RemoteClient, view: bytes) -> None:
        self._client = client
        self._references, self._html = RemoteReferences.deserialized(view)
        self._loaded: dict[int, bytes] = {}
        self._left = MAX_LOADED
        self._until = client.reactor.seconds() + MAX_SECONDS

    async def html(self) -> bytes:
        """Return the HTML.  Styles come first, since they refer to images."""
        await self._all("style")
        await self._all("image")
        pattern = self._references.pattern
        styled = pattern.sub(self._style, self._html)
        return pattern.sub(self._image, styled)

    async def _all(self, kind: Kind) -> None:
        wanted = [(url, number) for (each, url), number in self._references.found.items() if each == kind]
        seconds = self._until - self._client.reactor.seconds()
        if not wanted or seconds <= 0:
            return
        every = DeferredList([Deferred.fromCoroutine(self._one(kind, *each)) for each in wanted])
        timer = self._client.reactor.callLater(seconds, every.cancel)
        await every
        if timer.active():
            timer.cancel()

    async def _one(self, kind: Kind, url: str, number: int) -> None:
        try:
            final, answer = await self._client.request("GET", url, MAX_IMAGE if kind == "image" else MAX_STYLE)
            if answer.status != 200:
                raise WebError(f"the status is {answer.status}")
            if kind == "style":
                if answer.media_type != "text/css":
                    raise WebError(f"the type is {answer.media_type}, not text/css")
                found = self._sheet(text_of(answer.body, "utf-8"), final)
            else:
                found = _data_url(answer.body)
        except CancelledError:
            log.info("{kind} {url} is not shown: it took too long", kind=kind, url=url[:200])
        except WebError as error:
            log.info("{kind} {url} is not shown: {error}", kind=kind, url=url[:200], error=error)
        else:
            if len(found) <= self._left:
                self._left -= len(found)
                self._loaded[number] = found

    def _sheet(self, css: str, base: str) -> bytes:
        """Return a style sheet that cannot end its element.  Its images are requested, its imports are not."""

        def image(found: re.Match[str]) -> str:
            url = (found[1] or found[2] or found[3] or "").strip()
            try:
                url = urljoin(base, url)
            except ValueError:
                return 'url("data:,")'
            placeholder = self._references.placeholder("image", url) if is_remote(url) else ""
            return f'url("{placeholder or "data:,"}")'

        return _URL.sub(image, _IMPORT.sub("", css)).replace("<", r"\3c ").encode("utf-8", "replace")

    def _style(self, found: re.Match[bytes]) -> bytes:
        """Return the style sheet of a placeholder; that of an image stays."""
        number = int(found[1])
        is_style = list(self._references.found)[number][0] == "style"
        return self._loaded.get(number, b"") if is_style else found[0]

    def _image(self, found: re.Match[bytes]) -> bytes:
        return self._loaded.get(int(found[1]), b"data:,")


def _data_url(octets: bytes) -> bytes:
    """Return the ``data:`` URL of an image.  The octets decide the type, since what a server declares may be wrong."""
    kind = next((name for beginning, name in _SIGNATURES.items() if octets.startswith(beginning)), "")
    if octets[:4] == b"RIFF" and octets[8:12] == b"WEBP":
        kind = "image/webp"
    elif octets[4:12] in (b"ftypavif", b"ftypavis"):
        kind = "image/avif"
    if kind not in IMAGES:
        raise WebError("it is no image of a type that is shown")
    return b"data:%b;base64,%b" % (kind.encode("ascii"), base64.b64encode(octets))
