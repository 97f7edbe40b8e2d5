"""
Pictures of the HTML of a message, by Chromium.

Theory of operation: Chromium is started for each picture, with a new profile, and gets the HTML in the URL of a page.
It runs no script and reaches no network: its policy forbids both, scripts are turned off, and each host name leads to
an address that refuses connections.  The server speaks the DevTools protocol with it over two pipes.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from typing import Protocol, cast

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from txsmtpx.inbox.inbox_reactor import IInboxReactor
from txsmtpx.web.content_security_policy import MESSAGE_POLICY
from txsmtpx.web.web_errors import Busy

SECONDS = 30.0
"""Seconds for a picture."""

MAX_HEIGHT = 8000
"""Pixels of the height of a picture.  What is below is cut."""

MAX_ANSWER = 64 * 1024 * 1024
"""Octets that Chromium may write."""

MAX_WAITING = 8
"""Pictures that wait.  A further request gets 503."""

_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-first-run",
    "--blink-settings=scriptEnabled=false",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",
    "--remote-debugging-pipe",
)


class ScreenshotFailed(Exception):
    """Report that Chromium gives no picture."""


class Screenshots:
    """
    Make pictures, one at a time.

    Args:
        reactor: Starts Chromium, and keeps the time.
        program: The program, such as ``chromium``.

    Raises:
        ValueError: There is no such program.
    """

    def __init__(self, reactor: IInboxReactor, program: str) -> None:
        found = shutil.which(program)
        if found is None:
            raise ValueError(f"there is no program {program!r} that can be executed")
        self._reactor = reactor
        self._program = found
        self._turns = DeferredSemaphore(1)
        self._waiting = 0

    async def picture(self, html: bytes, width: int, dark: bool) -> bytes:
        """
        Make a picture of HTML.

        Args:
            html: The sanitized HTML.
            width: The width in pixels.
            dark: True for a dark screen.

        Returns:
            A PNG.

        Raises:
            Busy: Too many pictures wait.
            ScreenshotFailed: There is none.
        """
        if self._waiting >= MAX_WAITING:
            raise Busy
        self._waiting += 1
        await self._turns.acquire()
        profile = tempfile.mkdtemp(prefix="txsmtpx-chromium-")
        try:
            page = os.path.join(profile, "message.html")
            policy = f'<meta http-equiv="Content-Security-Policy" content="{_meta_policy()}">'.encode("ascii")
            with open(page, "wb") as file:
                file.write(html.replace(b"\n", b"\n" + policy, 1))
            return await _Browser(self._reactor, self._program, profile).picture(f"file://{page}", width, dark)
        finally:
            shutil.rmtree(profile, ignore_errors=True)
            self._waiting -= 1
            self._turns.release()


def _meta_policy() -> str:
    """Return the policy without the directives that a meta element cannot have (CSP Level 3 §3.3)."""
    kept = [each for each in MESSAGE_POLICY.split("; ") if not each.startswith(("frame-ancestors", "sandbox"))]
    return "; ".join(kept)


class _Transport(Protocol):
    def writeToChild(self, childFD: int, data: bytes) -> None: ...

    def signalProcess(self, signalID: str | int) -> None: ...


class _Browser(ProcessProtocol):
    """One process of Chromium, and its DevTools protocol."""

    transport: _Transport  # type: ignore[assignment]  # Twisted declares ITransport

    def __init__(self, reactor: IInboxReactor, program: str, profile: str) -> None:
        self._reactor = reactor
        self._waiting: dict[int, Deferred[dict[str, object]]] = {}
        self._number = 0
        self._received: list[bytes] = []
        self._size = 0
        self._session = ""
        self._loaded: Deferred[None] = Deferred()
        self._ended: Deferred[None] = Deferred()
        self._over = False
        flags = [*_FLAGS, f"--user-data-dir={profile}"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium does not start as root with its sandbox
        descriptors = {0: "w", 1: "r", 2: "r", 3: "w", 4: "r"}
        reactor.spawnProcess(
            self, program, [program, *flags, "about:blank"], env={**os.environ, "HOME": profile}, childFDs=descriptors
        )

    async def picture(self, url: str, width: int, dark: bool) -> bytes:
        timer = self._reactor.callLater(SECONDS, self._kill)
        try:
            target = await self._send("Target.createTarget", {"url": "about:blank"})
            attached = await self._send("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
            self._session = str(attached["sessionId"])
            scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            await self._send("Emulation.setEmulatedMedia", {"features": [scheme]})
            size = {"width": width, "height": 600, "deviceScaleFactor": 1, "mobile": False}
            await self._send("Emulation.setDeviceMetricsOverride", size)
            await self._send("Page.enable")
            await self._send("Page.navigate", {"url": url})
            await self._loaded
            metrics = await self._send("Page.getLayoutMetrics")
            content = metrics["cssContentSize"]
            assert isinstance(content, dict)
            height = max(1, min(int(content["height"]), MAX_HEIGHT))
            clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
            shot = {"format": "png", "clip": clip, "captureBeyondViewport": True}
            answer = await self._send("Page.captureScreenshot", shot)
            return base64.b64decode(str(answer["data"]))
        finally:
            if timer.active():
                timer.cancel()
            self._kill()
            await self._ended

    def _send(self, method: str, params: Mapping[str, object] | None = None) -> Deferred[dict[str, object]]:
        self._number += 1
        command: dict[str, object] = {"id": self._number, "method": method, "params": params or {}}
        if self._session:
            command["sessionId"] = self._session
        answer: Deferred[dict[str, object]] = Deferred()
        if self._over:
            raise ScreenshotFailed("Chromium has ended")
        self._waiting[self._number] = answer
        self.transport.writeToChild(3, json.dumps(command).encode("ascii") + b"\0")
        return answer

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Read answers and events, which end with a NUL."""
        if childFD != 4:  # what Chromium writes for people
            return
        self._received.append(data)
        self._size += len(data)
        if self._size > MAX_ANSWER:
            self._kill()
        if b"\0" not in data:
            return
        *messages, rest = b"".join(self._received).split(b"\0")
        self._received, self._size = [rest], len(rest)
        for message in messages:
            self._message(json.loads(message))

    def _message(self, message: dict[str, object]) -> None:
        if message.get("method") == "Page.loadEventFired" and not self._loaded.called:
            self._loaded.callback(None)
        waiting = self._waiting.pop(cast(int, message.get("id", 0)), None)
        if waiting is None:
            return
        if "error" in message:
            waiting.errback(ScreenshotFailed(f"Chromium answers {message['error']}"))
        else:
            waiting.callback(cast(dict[str, object], message["result"]))

    def processEnded(self, reason: Failure) -> None:
        """Fail what still waits."""
        self._over = True
        waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            each.errback(ScreenshotFailed("Chromium has ended without a picture, or took too long"))
        if not self._loaded.called:
            self._loaded.errback(ScreenshotFailed("Chromium has ended without a picture, or took too long"))
            self._loaded.addErrback(lambda failure: None)  # if nothing waits for it
        self._ended.callback(None)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")
