"""A Maildir backend in one loop of asyncio after another, of which each was closed within a delivery."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from tests.maildir import stored
from txsmtpx import MaildirBackend
from txsmtpx.aio import send_mail, serve, wait
from txsmtpx.backends.maildir_writer import LONG, SHORT

ME, YOU = "me@example.org", "you@example.net"


class Disk:
    """An fsync that returns when the test says so."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.works = threading.Event()
        self.works.set()

    def fsync(self, descriptor: int) -> None:
        self.asked.set()
        assert self.works.wait(60)
        os.fsync(descriptor)


async def deliver(backend: MaildirBackend, body: bytes) -> None:
    async with serve(backend) as server:
        await send_mail(f"tcp:127.0.0.1:{server.port}", ME, [YOU], body, tls="none")


@pytest.mark.parametrize(("body", "groups"), [(b"short", SHORT), (b"long\r\n" * 60000, LONG)], ids=["short", "long"])
def test_the_loop_is_closed_while_a_thread_stores_a_message(tmp_path, body, groups):
    """As many times as groups are stored at a time, and once more."""
    disk = Disk()
    backend = MaildirBackend(str(tmp_path / "{local}"), fsync=disk.fsync)

    async def abandoned() -> None:
        disk.asked.clear()
        async with serve(backend, shutdown_timeout=0) as server:
            where = f"tcp:127.0.0.1:{server.port}"
            sending = asyncio.create_task(send_mail(where, ME, [YOU], body, tls="none"))
            await asyncio.to_thread(disk.asked.wait, 60)
        with pytest.raises(Exception, match=r"lost|closed"):
            await sending

    asyncio.run(deliver(backend, b"which creates the Maildir"))
    disk.works.clear()
    try:
        for _ in range(groups + 1):
            asyncio.run(abandoned())
    finally:
        disk.works.set()
    asyncio.run(asyncio.wait_for(deliver(backend, body + b"the last one"), 60))
    assert any(each.endswith(b"the last one\r\n") for each in stored(tmp_path / "you"))


class Message:
    """Stands for a `Delivery`."""

    abandoned = False

    def __init__(self) -> None:
        self.octets = b""

    def write(self, octets: bytes) -> None:
        self.octets += octets


def test_the_loop_is_closed_before_a_thread_is_called(tmp_path):
    backend = MaildirBackend(str(tmp_path))

    loop = asyncio.new_event_loop()
    loop.call_soon(lambda: backend.writer.write(Message(), b"x"))  # type: ignore[arg-type]
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()

    async def write() -> bytes:
        message = Message()
        await wait(backend.writer.write(message, b"y"))  # type: ignore[arg-type]
        return message.octets

    assert asyncio.run(asyncio.wait_for(write(), 60)) == b"y"
