"""The floor: a bare Twisted protocol that says constants in lock-step, and looks at nothing but the ends of replies."""

from orders import SENDER, orders
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.internet.threads import deferToThread
from twisted.protocols.basic import LineOnlyReceiver


class Client(LineOnlyReceiver):
    def connectionMade(self):
        self.transport.setTcpNoDelay(True)
        self.waiting = None
        self.steps = [b"EHLO localhost\r\n"]
        self.at = 0
        self.left = 1
        self.finished = Deferred()

    def send(self, steps, times):
        """Say these one after the other, and all of them so many times."""
        self.steps, self.left, self.at = steps, times, 0
        self.finished = Deferred()
        self.step()
        return self.finished

    def step(self):
        if self.at == len(self.steps):
            self.at = 0
            self.left -= 1
            if not self.left:
                self.finished.callback(None)
                return
        self.at += 1
        self.transport.write(self.steps[self.at - 1])

    def lineReceived(self, line):
        if line[3:4] != b"-":
            self.step()


async def main(reactor):
    told = orders()
    envelope = [f"MAIL FROM:<{SENDER}>\r\n", *[f"RCPT TO:<{each}>\r\n" for each in told.recipients], "DATA\r\n"]
    steps = [*[each.encode() for each in envelope], told.body + b".\r\n"]
    client = await clientFromString(reactor, f"tcp:127.0.0.1:{told.port}").connect(Factory.forProtocol(Client))
    await client.finished
    while (count := await deferToThread(told.next)) is not None:
        await client.send(steps, count)
        told.done()


react(main)
