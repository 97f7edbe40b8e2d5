"""Messages that pools send, and servers that limit their connections."""

from __future__ import annotations

from txsmtpx.testing import Outcome, ScriptedServer

TO = ["you@example.net"]


def send(pool, body=b"x\r\n"):
    return Outcome(pool.send("me@example.org", TO, body))


def sent(net, pool, times=1):
    for _ in range(times):
        assert len(net.result(pool.send("me@example.org", TO, b"x\r\n")).accepted) == 1


def alive(net):
    return [server for server in net.servers if not server.lost]


class Closing(ScriptedServer):
    """
    It hears nothing more after it has said 421.

    Attributes:
        answered: Messages, by a test.
    """

    answered = 0

    def send_reply(self, answer):
        super().send_reply(answer)
        if isinstance(answer, str) and answer.startswith("421"):
            self._deaf, self._buffer = True, b""
            self.transport.loseConnection()


class Sparing:
    """
    Makes servers that take so many connections, and say so to each beyond that, at some point of the dialog.

    Attributes:
        most: Connections at a time, to be changed.
    """

    def __init__(self, most, verb="GREETING", answer="421 4.7.0 Too many connections", **script):
        self.most = most
        self.servers = []
        self._verb, self._answer, self._script = verb, answer, script

    def __call__(self):
        script = dict(self._script)
        if sum(not each.lost for each in self.servers) >= self.most:
            script[self._verb] = self._answer
        self.servers.append(Closing(**script))
        return self.servers[-1]

    @property
    def messages(self):
        return sum(len(each.messages) for each in self.servers)
