"""
The client against our server as a process: what large messages cost, and what is acknowledged while it is killed.

TXSMTPX_LARGE_MESSAGE: octets of the large message, 200 MB by default.
TXSMTPX_MANY_MESSAGES: how many small ones, 2,000 by default.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.task import deferLater

from tests.interop.smtpx import smtpx
from tests.maildir import stored
from tests.ports import free_port
from txsmtpx import SMTPError, SMTPPool

pytestmark = pytest.mark.system

LARGE = int(os.environ.get("TXSMTPX_LARGE_MESSAGE", 200 * 2**20))
MANY = int(os.environ.get("TXSMTPX_MANY_MESSAGES", 2_000))
GROWTH = 16 * 2**20

SENDER = """
import re, sys
from twisted.internet import reactor
from txsmtpx import send_mail

def peak():
    # Not ru_maxrss, which begins with that of the process that has started this one.
    return int(re.search("VmHWM:[^0-9]*([0-9]+) kB", open("/proc/self/status").read())[1]) * 1024

async def main():
    to, path = sys.argv[1:]
    await send_mail(to, "me@example.org", ["you@example.net"], b"small")
    before = peak()
    with open(path, "rb") as file:
        await send_mail(to, "me@example.org", ["you@example.net"], file)
    print(peak() - before)

from twisted.internet.task import react
from twisted.internet.defer import ensureDeferred
react(lambda reactor: ensureDeferred(main()))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
@pytest.mark.parametrize("how", ["BDAT", "DATA"])
def test_a_large_file_costs_no_memory(tmp_path, how):
    """Sparse, so that it costs no disk either."""
    path = tmp_path / "large"
    with open(path, "wb") as file:
        file.truncate(LARGE)
    port = free_port()
    options = ["--port", f"tcp:{port}:interface=127.0.0.1", "--backend", "null", "--max-message-bytes", "0"]
    sender = SENDER
    if how == "DATA":  # to a server that is taken for one without CHUNKING
        sender = "from txsmtpx.extensions import registry\n" + SENDER.replace(
            "async def main():", "from txsmtpx.dialog.client import ClientDialog as C\nlearn = C.learn\n"
            "def forget(self, *said):\n    learn(self, *said)\n    self.offer.extensions.pop('CHUNKING')\n"
            "C.learn = forget\n\nasync def main():",
        )  # fmt: skip
    with smtpx(tmp_path, port, *options):
        command = [sys.executable, "-c", sender, f"tcp:127.0.0.1:{port}", path]
        run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert 0 < int(run.stdout) < GROWTH


class Sender:
    """Sends messages through a pool until each is acknowledged, and counts."""

    def __init__(self, port: int) -> None:
        self.pool = SMTPPool(f"tcp:127.0.0.1:{port}", size=10, max_messages=500)
        self.acknowledged: set[int] = set()
        self.unknown: set[int] = set()
        self.halfway: Deferred[None] = Deferred()

    async def send(self, number: int) -> None:
        """Again where nobody was there; where the answer was lost, nobody knows, and it is sent under another name."""
        for attempt in range(1000):
            name = number + attempt * MANY
            try:
                await self.pool.send("me@example.org", ["you@example.net"], b"Message: %d\r\n\r\nx\r\n" % name)
            except ConnectError:
                await deferLater(reactor, 0.05)
            except (ConnectionClosed, SMTPError):
                self.unknown.add(name)
                await deferLater(reactor, 0.05)
            else:
                self.acknowledged.add(name)
                if len(self.acknowledged) == MANY // 3:
                    self.halfway.callback(None)
                return


def numbers(maildir: Path) -> list[int]:
    """The number of each message."""
    found = []
    for message in stored(maildir):
        match = re.search(rb"^Message: (\d+)\r?$", message, re.MULTILINE)
        assert match is not None, message
        found.append(int(match[1]))
    return found


@pytest.mark.time_limit(150)
async def test_what_was_acknowledged_is_there_once(tmp_path):
    """Many messages through a pool of ten, to a server that is killed in the middle and started again."""
    port, maildir = free_port(), tmp_path / "Maildir"
    options = ["--port", f"tcp:{port}:interface=127.0.0.1", "--backend", f"maildir:{maildir}"]
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    sender = Sender(port)
    with smtpx(tmp_path / "first", port, *options) as server:
        all_sent = DeferredList([Deferred.fromCoroutine(sender.send(number)) for number in range(MANY)])
        await sender.halfway
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    with smtpx(tmp_path / "second", port, *options):
        await all_sent
        await sender.pool.stopService()
    found = numbers(maildir)
    assert len(sender.acknowledged) == MANY
    assert len(found) == len(set(found))
    assert sender.acknowledged <= set(found)
    assert set(found) <= sender.acknowledged | sender.unknown
    assert len(sender.unknown) <= 10  # one a connection
