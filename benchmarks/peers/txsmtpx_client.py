"""The client of txsmtpx."""

from orders import SENDER, orders
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from txsmtpx import connect


async def main(reactor):
    told = orders()
    client = await connect(f"tcp:127.0.0.1:{told.port}")
    while (count := await deferToThread(told.next)) is not None:
        for _ in range(count):
            await client.send(SENDER, told.recipients, told.body)
        told.done()
    await client.quit()


react(main)
