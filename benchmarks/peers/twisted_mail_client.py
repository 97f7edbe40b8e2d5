"""Twisted's own client: its protocol on one connection, which is less than half of what its ``sendmail`` costs."""

from io import BytesIO

from orders import SENDER, orders
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.internet.threads import deferToThread
from twisted.mail.smtp import ESMTPClient


class Client(ESMTPClient):
    requireTransportSecurity = requireAuthentication = False

    def __init__(self, told):
        ESMTPClient.__init__(self, secret=None, identity="localhost")
        self.told = told
        self.body = told.body.replace(b"\r\n", b"\n")  # it takes local line ends
        self.left = 0
        self.ready = Deferred()
        self.finished = Deferred()

    def connectionMade(self):
        self.transport.setTcpNoDelay(True)  # or it waits 40 ms in each message, which is not what is measured
        ESMTPClient.connectionMade(self)

    def send(self, times):
        self.left = times
        self.finished = Deferred()
        self.smtpState_from(250, b"")
        return self.finished

    def getMailFrom(self):
        if not self.left:
            return None
        self.left -= 1
        return SENDER

    def getMailTo(self):
        return self.told.recipients

    def getMailData(self):
        return BytesIO(self.body)

    def sentMail(self, code, response, refused, addresses, log):
        if code != 250:
            raise RuntimeError(response)

    def smtpState_from(self, code, response):
        if self.left:
            return ESMTPClient.smtpState_from(self, code, response)
        waiting = self.finished if self.ready.called else self.ready
        waiting.callback(None)


async def main(reactor):
    told = orders()
    endpoint = clientFromString(reactor, f"tcp:127.0.0.1:{told.port}")
    client = await endpoint.connect(Factory.forProtocol(lambda: Client(told)))
    await client.ready
    while (count := await deferToThread(told.next)) is not None:
        await client.send(count)
        told.done()


react(main)
