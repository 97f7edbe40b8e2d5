"""
A milter that does what a test tells it, built on the codec's side of the filter.

It answers each command by its script, and "continue" where the script has nothing.  What it has received is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twisted.internet.protocol import Factory, Protocol

from txsmtpx.filters.milter import commands
from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.commands import Command
from txsmtpx.filters.milter.negotiation import ALL_ACTIONS, Negotiation, Steps
from txsmtpx.filters.milter.packet import PacketReader

DIE = "die"
"""The connection is closed."""

Say = replies.FilterReply | bytes | str
"""A reply, octets as they are, or DIE."""

Script = Mapping[type[Command], Sequence[Say] | Callable[[Command], Sequence[Say]]]
"""What is sent after a command; nothing at all is a filter that hangs."""

UNANSWERED = (commands.Macros, commands.Abort, commands.Quit, commands.QuitNewConnection)

SILENT = {
    commands.Connect: Steps.SILENT_CONNECT,
    commands.Hello: Steps.SILENT_HELLO,
    commands.Mail: Steps.SILENT_MAIL,
    commands.Recipient: Steps.SILENT_RECIPIENT,
    commands.Data: Steps.SILENT_DATA,
    commands.HeaderField: Steps.SILENT_HEADERS,
    commands.EndOfHeader: Steps.SILENT_END_OF_HEADER,
    commands.Body: Steps.SILENT_BODY,
}
"""The steps by which a filter says that it does not answer."""

CONTINUE = (replies.Continue(),)


class ScriptedMilter(Protocol):
    """A connection of a server to the milter."""

    def __init__(self, milter: Milters) -> None:
        self._milter = milter
        self._reader = PacketReader()
        self.commands: list[Command] = []
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        for packet in self._reader.feed(data):
            command = commands.decode(packet)
            self.commands.append(command)
            for each in self._milter.answer(command):
                self.say(each)
            if isinstance(command, commands.Quit):
                self.transport.loseConnection()

    def say(self, what: Say) -> None:
        if what is DIE:
            self.transport.loseConnection()
        else:
            self.transport.write(what if isinstance(what, bytes) else replies.encode(what))

    def connectionLost(self, reason: object = None) -> None:
        self.lost = True

    @property
    def macros(self) -> dict[bytes, dict[bytes, bytes]]:
        """The macros by the code of their command, the last ones of each."""
        return {each.command: dict(each.values) for each in self.commands if isinstance(each, commands.Macros)}

    @property
    def told(self) -> list[Command]:
        """The commands, without macros and negotiation."""
        return [each for each in self.commands if not isinstance(each, commands.Macros | Negotiation)]


class Milters(Factory):
    """
    The milter: a connection for each session.

    Args:
        script: What it answers to each kind of command.
        negotiation: What it negotiates: by default, to see everything and to be able to do everything.
    """

    noisy = False

    def __init__(self, script: Script | None = None, negotiation: Negotiation | None = None) -> None:
        self.script = dict(script or {})
        self.negotiation = negotiation or Negotiation(6, ALL_ACTIONS, Steps(0))
        self.connections: list[ScriptedMilter] = []

    def buildProtocol(self, addr: object) -> ScriptedMilter:
        self.connections.append(ScriptedMilter(self))
        return self.connections[-1]

    def answer(self, command: Command) -> Sequence[Say]:
        kind = type(command)
        if kind in self.script:
            scripted = self.script[kind]
            return scripted(command) if callable(scripted) else scripted
        if isinstance(command, Negotiation):
            return (self.negotiation,)
        if isinstance(command, UNANSWERED) or SILENT.get(kind, Steps(0)) & self.negotiation.steps:
            return ()
        return CONTINUE
