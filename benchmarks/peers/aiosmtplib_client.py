"""aiosmtplib."""

import asyncio

from aiosmtplib import SMTP
from orders import SENDER, orders


async def main():
    told = orders()
    async with SMTP(hostname="127.0.0.1", port=told.port, start_tls=False) as client:
        while (count := await asyncio.to_thread(told.next)) is not None:
            for _ in range(count):
                await client.sendmail(SENDER, told.recipients, told.body)
            told.done()


asyncio.run(main())
