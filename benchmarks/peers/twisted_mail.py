"""
Twisted's own ESMTP server, with a delivery that takes everything and keeps nothing.

``twisted_mail.py PORT [PEM]``: with a file of certificate and key, TLS from the start.
"""

import sys

from twisted.internet import reactor
from twisted.internet.defer import succeed
from twisted.internet.endpoints import serverFromString
from twisted.mail.smtp import ESMTP, IMessage, IMessageDelivery, SMTPFactory
from zope.interface import implementer


@implementer(IMessage)
class Message:
    def lineReceived(self, line):
        pass

    def eomReceived(self):
        return succeed(None)

    def connectionLost(self):
        pass


@implementer(IMessageDelivery)
class Delivery:
    def receivedHeader(self, helo, origin, recipients):
        return b"Received: from somewhere"

    def validateFrom(self, helo, origin):
        return origin

    def validateTo(self, user):
        return Message


class Server(SMTPFactory):
    protocol = ESMTP

    def buildProtocol(self, address):
        protocol = SMTPFactory.buildProtocol(self, address)
        protocol.delivery = Delivery()
        return protocol


def main(port, pem=None):
    kind = f"ssl:{port}:privateKey={pem}:certKey={pem}" if pem else f"tcp:{port}"
    serverFromString(reactor, f"{kind}:interface=127.0.0.1:backlog=1000").listen(Server())
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
