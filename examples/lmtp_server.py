"""An LMTP server that delivers to all recipients in parallel, with a time-out of two seconds for each."""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import deferLater, react
from twisted.python.log import startLogging

from txsmtpx import OpenBackend, Session, SMTPServerFactory


class DeliveringSession(Session):
    def __init__(self, reactor):
        self.reactor = reactor

    async def data(self, message, context):
        content = await message.content()
        for i, recipient in enumerate(context.recipients):
            context.start_delivery(recipient, self.deliver(content, seconds=1 + i), timeout=2)

    async def deliver(self, content, seconds):
        await deferLater(self.reactor, seconds)  # your code stores the content here
        return "Finished"


async def main(reactor, endpoint="tcp:1025:interface=127.0.0.1"):
    backend = OpenBackend(lambda connection: DeliveringSession(reactor))
    factory = SMTPServerFactory(backend, lmtp=True, domain="localhost", read_timeout=10, write_timeout=10)
    await serverFromString(reactor, endpoint).listen(factory)
    await Deferred()  # runs until it is stopped


if __name__ == "__main__":
    startLogging(sys.stdout)
    react(main, sys.argv[1:])
