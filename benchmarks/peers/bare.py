"""
The floor: a bare Twisted protocol that answers constants and parses nothing, except where a message ends.

``bare.py PORT [PEM]``: with a file of certificate and key, TLS from the start.
"""

import sys

from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol

END = b"\r\n.\r\n"


class Bare(Protocol):
    """Knows DATA and BDAT by their first letters, and QUIT."""

    def connectionMade(self):
        self.rest = b""
        self.reading = False  # the lines of a message
        self.skipping = 0  # octets of a chunk
        self.transport.setTcpNoDelay(True)
        self.transport.write(b"220 bare\r\n")

    def dataReceived(self, data):
        data = self.rest + data if self.rest else data
        self.rest = b""
        replies = []
        while data:
            if self.skipping:
                skipped = min(self.skipping, len(data))
                self.skipping -= skipped
                data = data[skipped:]
                if not self.skipping:
                    replies.append(b"250 ok\r\n")
            elif self.reading:
                data = self.body(data, replies)
            else:
                data = self.commands(data, replies)
        if replies:
            self.transport.write(b"".join(replies))

    def body(self, data, replies):
        end = data.find(END)
        if end < 0:
            self.rest = data[-4:]
            return b""
        self.reading = False
        replies.append(b"250 ok\r\n")
        return data[end + 5 :]

    def commands(self, data, replies):
        at = 0
        while (end := data.find(b"\r\n", at)) >= 0:
            first = data[at : at + 4]
            at, line = end + 2, at
            if first == b"DATA":
                self.reading = True
                replies.append(b"354 go\r\n")
                return data[at:]
            if first == b"BDAT":
                self.skipping = int(data[line:end].split()[1])
                return data[at:]
            if first == b"EHLO":
                replies.append(b"250-bare\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
            elif first == b"QUIT":
                replies.append(b"221 bye\r\n")
                self.transport.write(b"".join(replies))
                replies.clear()
                self.transport.loseConnection()
                return b""
            else:
                replies.append(b"250 ok\r\n")
        self.rest = data[at:]
        return b""


def main(port, pem=None):
    kind = f"ssl:{port}:privateKey={pem}:certKey={pem}" if pem else f"tcp:{port}"
    serverFromString(reactor, f"{kind}:interface=127.0.0.1:backlog=1000").listen(Factory.forProtocol(Bare))
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
