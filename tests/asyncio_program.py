"""A program of asyncio that serves and sends, some times, and prints what is left."""

from __future__ import annotations

import asyncio
import sys

from txsmtpx import MemoryBackend
from txsmtpx.aio import send_mail, serve


async def main() -> None:
    async with serve(MemoryBackend()) as server:
        where = f"tcp:localhost:{server.port}"
        await send_mail(where, "me@example.org", ["you@example.net"], b"Subject: x\r\n\r\nx\r\n", tls="none")
    print(f"installed: {'twisted.internet.reactor' in sys.modules}, tasks: {len(asyncio.all_tasks())}")


for _ in range(int(sys.argv[1])):
    asyncio.run(main())
