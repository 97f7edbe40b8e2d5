"""An ESMTP server with a command of its own, which tells the time."""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react

from txsmtpx import Extension, MemoryBackend, Reply, SMTPServerFactory, Verb


def tell(dialog, argument):
    return Reply(250, (2, 0, 0), "High time")


class Backend(MemoryBackend):
    supports = (Extension("XTIME", "none yet", verbs=(Verb("XTIME", tell, "XTIME"),)),)


async def main(reactor, endpoint="tcp:1025:interface=127.0.0.1"):
    await serverFromString(reactor, endpoint).listen(SMTPServerFactory(Backend()))
    await Deferred()  # for ever


if __name__ == "__main__":
    react(main, sys.argv[1:])
