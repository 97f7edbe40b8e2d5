"""Chromium without a window, driven by its DevTools protocol over a pipe."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

from tests.interop.peers import program
from tests.waiting import PATIENCE, eventually

FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class Chromium:
    """A browser with one tab."""

    def __init__(self, width: int = 1280, height: int = 800, dark: bool = False) -> None:
        self._size = width, height
        self._dark = dark
        self._number = 0
        self._buffer = b""
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Chromium:
        self._profile = tempfile.mkdtemp(prefix="txsmtpx-chromium-")
        to_browser, self._to = os.pipe()
        self._from, from_browser = os.pipe()
        flags = [*FLAGS, f"--user-data-dir={self._profile}", "--window-size={},{}".format(*self._size)]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # which does not start as root

        # The descriptors of the pipe are 3 and 4, by the protocol.
        wrapper = f'exec 3<&{to_browser} 4>&{from_browser}; exec "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", wrapper, "bash", program("chromium"), *flags, "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(to_browser, from_browser),
            start_new_session=True,
        )
        os.close(to_browser)
        os.close(from_browser)
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.send("Page.enable")
        self.send("Runtime.enable")
        self.send("Log.enable")
        width, height = self._size
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = "dark" if self._dark else "light"
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        return self

    def __exit__(self, *exception: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self._profile, ignore_errors=True)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """One command; its result."""
        self._number += 1
        command: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._to, json.dumps(command).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def _receive(self) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0, deadline - time.monotonic()))
            octets = os.read(self._from, 1 << 20) if ready else b""
            if not octets:
                raise TimeoutError("Chromium does not answer")
            self._buffer += octets
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def go(self, url: str) -> None:
        """Go to a page, and wait until it is there."""
        self.send("Page.navigate", url=url)
        self.eventually(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited if it is a promise."""
        said = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in said:
            raise RuntimeError(json.dumps(said["exceptionDetails"]))
        return said["result"].get("value")

    def eventually(self, expression: str) -> None:
        """
        Wait until ``expression`` is true.

        Raises:
            TimeoutError: It never is; with what the page shows.
        """

        def true() -> object:
            with contextlib.suppress(RuntimeError):  # between two pages
                return self.ask(f"!!({expression})")
            return False

        eventually(true, lambda: f"never: {expression}\n{self.ask('document.body.innerText')}")

    def frame_loaded(self, end: str) -> None:
        """Wait until a frame whose address has this ``end`` is seen."""
        entries = "performance.getEntriesByType('resource')"
        self.eventually(f"{entries}.some((each) => each.name.endsWith({json.dumps(end)}) && each.responseEnd)")
        self.ask("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def middle(self, selector: str) -> tuple[float, float]:
        """Where the middle of an element is seen."""
        box = f"document.querySelector({json.dumps(selector)}).getBoundingClientRect()"
        x, y = self.ask(f"[{box}.x + {box}.width / 2, {box}.y + {box}.height / 2]")
        return x, y

    def sees(self, x: float, y: float, colour: tuple[int, int, int]) -> None:
        """Wait until this is the colour of a place."""
        clip = {"x": x, "y": y, "width": 1, "height": 1, "scale": 1}

        def seen() -> bool:
            picture = base64.b64decode(self.send("Page.captureScreenshot", format="png", clip=clip)["data"])
            return _only_pixel(picture) == colour

        eventually(seen)

    def press(self, key: str) -> None:
        """Press a key, as a person does."""
        text = {"text": key} if len(key) == 1 else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def write(self, text: str) -> None:
        """Type ``text`` where the cursor is."""
        for char in text:
            self.press(char)

    def click_on(self, selector: str) -> None:
        """Click on the middle of an element, once the page has its styles, which move it."""
        element = f"document.querySelector({json.dumps(selector)})"
        middle = "document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)"
        seen = f"((box) => {middle})({element}.getBoundingClientRect())"
        self.eventually(f"document.readyState === 'complete' && {element}.contains({seen})")
        self.click(*self.middle(selector))

    def click(self, x: float, y: float) -> None:
        """Click there."""
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, file: Path) -> None:
        """Save what is seen."""
        file.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))


def _only_pixel(png: bytes) -> tuple[int, ...]:
    """The colour of a picture that is one pixel: behind one octet for its filter stand red, green and blue."""
    at, data = 8, b""
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += length + 12
    return tuple(zlib.decompress(data)[1:4])
