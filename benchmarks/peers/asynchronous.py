"""
Our server with a backend that answers each recipient at once, or by a Deferred in a later turn of the reactor.

``asynchronous.py now|later|apart PORT``; apart is later, with a write for each reply.
"""

import sys

from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import deferLater

from txsmtpx import OpenBackend, Session, SMTPServerFactory
from txsmtpx.wire import server


class Later(Session):
    def rcpt(self, recipient, options):
        return deferLater(reactor, 0, lambda: None)


def main(how, port):
    if how == "apart":
        server.BREATH = 0
    session = Session() if how == "now" else Later()
    factory = SMTPServerFactory(OpenBackend(lambda connection: session), domain="localhost")
    serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1:backlog=1000").listen(factory)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
