"""
The server's side of a milter connection, without a transport.

Theory of operation.  A dialog is a table and four facts: the state, what was agreed, which command waits for its
answer, and which kind of command the filter has enough of.

The server sends one command at a time.  `MilterDialog.send` returns the octets of a command and of its macros.  If the
agreement has a "no" step for the command, only the macros are sent.  If it has a "silent" step, the filter sends no
answer, and the next command may follow at once.  Otherwise `MilterDialog.waiting` is True until the answer has come.

The filter never sends anything unasked.  An answer is one verdict.  Any number of `Progress` may come before it, and at
the end of a message also modifications.  `MilterDialog.receive` collects them, with a bound, and returns the answer
when the verdict has come.  Everything else is a `MilterProtocolError`.  After it the connection has to be aborted.

    NEW -> NEGOTIATING -> READY -> SESSION <-> ENVELOPE -> MESSAGE -> DONE -> (SESSION, ENVELOPE, or READY again)

READY expects a client.  After `QuitNewConnection` the connection is READY again, without another negotiation.
libmilter accepts that only in the state DONE: directly behind a message that it has answered with `Continue`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto

from txsmtpx.filters.milter import commands
from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.commands import Command
from txsmtpx.filters.milter.errors import MilterProtocolError
from txsmtpx.filters.milter.negotiation import Actions, MacroStage, Negotiation, Steps, agreed
from txsmtpx.filters.milter.packet import PacketReader

MAX_MODIFICATIONS = 5000
"""Modifications of one message, but pieces of its body."""

MAX_MODIFIED = 64 * 1024 * 1024
"""Octets of the modifications of one message, its body included."""

PACKET = 100
"""Octets that a packet counts beside its data, since each one is an object."""


class State(Enum):
    """The state of a dialog."""

    NEW = auto()
    NEGOTIATING = auto()
    READY = auto()
    SESSION = auto()
    ENVELOPE = auto()
    MESSAGE = auto()
    DONE = auto()
    CLOSED = auto()


_NO_STEP = Steps(0)
_OPEN = frozenset({State.READY, State.SESSION, State.ENVELOPE, State.MESSAGE, State.DONE})
_BETWEEN = frozenset({State.SESSION, State.DONE})
_MESSAGE = frozenset({State.ENVELOPE, State.MESSAGE})


@dataclass(frozen=True)
class _Rule:
    """
    What is legal for a kind of command.

    Attributes:
        states: The states in which it is legal.
        after: The state behind it.
        omitted: The step by which a filter does not want it.
        silent: The step by which a filter does not answer it.
        answered: True if it has an answer at all.
        since: The version of the protocol that introduced it.
    """

    states: frozenset[State]
    after: State
    omitted: Steps = _NO_STEP
    silent: Steps = _NO_STEP
    answered: bool = True
    since: int = 2


_RULES: dict[type[Command], _Rule] = {
    commands.Connect: _Rule(frozenset({State.READY}), State.SESSION, Steps.NO_CONNECT, Steps.SILENT_CONNECT),
    commands.Hello: _Rule(_BETWEEN, State.SESSION, Steps.NO_HELLO, Steps.SILENT_HELLO),
    commands.Mail: _Rule(_BETWEEN, State.ENVELOPE, Steps.NO_MAIL, Steps.SILENT_MAIL),
    commands.Recipient: _Rule(frozenset({State.ENVELOPE}), State.ENVELOPE, Steps.NO_RECIPIENT, Steps.SILENT_RECIPIENT),
    commands.Data: _Rule(frozenset({State.ENVELOPE}), State.MESSAGE, Steps.NO_DATA, Steps.SILENT_DATA, since=4),
    commands.HeaderField: _Rule(_MESSAGE, State.MESSAGE, Steps.NO_HEADERS, Steps.SILENT_HEADERS),
    commands.EndOfHeader: _Rule(_MESSAGE, State.MESSAGE, Steps.NO_END_OF_HEADER, Steps.SILENT_END_OF_HEADER),
    commands.Body: _Rule(_MESSAGE, State.MESSAGE, Steps.NO_BODY, Steps.SILENT_BODY),
    commands.EndOfMessage: _Rule(_MESSAGE, State.DONE),
    commands.Abort: _Rule(_MESSAGE, State.SESSION, answered=False),
    commands.Quit: _Rule(_OPEN, State.CLOSED, answered=False),
    commands.QuitNewConnection: _Rule(frozenset({State.DONE}), State.READY, answered=False, since=6),
}

_ACTIONS: dict[type[replies.FilterReply], Actions] = {
    replies.AddHeader: Actions.ADD_HEADERS,
    replies.InsertHeader: Actions.ADD_HEADERS,
    replies.ChangeHeader: Actions.CHANGE_HEADERS,
    replies.ChangeSender: Actions.CHANGE_SENDER,
    replies.AddRecipient: Actions.ADD_RECIPIENTS,
    replies.AddRecipientWithArguments: Actions.ADD_RECIPIENTS_WITH_ARGUMENTS,
    replies.DeleteRecipient: Actions.DELETE_RECIPIENTS,
    replies.ReplaceBody: Actions.CHANGE_BODY,
    replies.Quarantine: Actions.QUARANTINE,
}


@dataclass(frozen=True)
class Answer:
    """
    The answer of a filter to a command.

    Attributes:
        verdict: The verdict.
        modifications: The modifications of the message; empty before its end.
    """

    verdict: replies.Verdict
    modifications: tuple[replies.Modification, ...] = ()


NO_ANSWER = Answer(replies.Continue())
"""What counts as the answer to a command that the filter does not answer."""


class MilterDialog:
    r"""
    One connection to a milter.  `txsmtpx.filters.milter.milter_connection.MilterConnection` creates it.

    Args:
        offer: What the server offers.

    Attributes:
        state: The state.
        agreement: What was agreed; the offer before that.
        waiting: True if the filter has to answer.
        packets: The number of packets that have come, `Progress` included.

    Example:
        >>> dialog = MilterDialog()
        >>> dialog.open()[4:5]
        b'O'
        >>> dialog.receive(b"\0\0\0\x0dO\0\0\0\x06\0\0\0\0\0\0\0\0") is None, dialog.state
        (False, <State.READY: 3>)
    """

    def __init__(self, offer: Negotiation | None = None) -> None:
        self._offer = offer or Negotiation()
        self.state = State.NEW
        self.agreement = self._offer
        self.waiting = False
        self.packets = 0
        self._reader = PacketReader()
        self._asked: type[Command] = Negotiation
        self._skipped: type[Command] | None = None
        self._modifications: list[replies.Modification] = []
        self._macros: dict[int, tuple[bytes, ...]] = {}
        self._pieces = self._octets = 0

    def open(self) -> bytes:
        """
        Begin the negotiation.

        Returns:
            The octets to send.
        """
        self.state, self.waiting, self._asked = State.NEGOTIATING, True, Negotiation
        return commands.encode(self._offer)

    def allows(self, kind: type[Command]) -> bool:
        """
        Return whether a command is legal now.

        Args:
            kind: The class of the command.

        Returns:
            True if it is legal.
        """
        return kind in _RULES and self.state in _RULES[kind].states and not self.waiting

    def wants(self, kind: type[Command]) -> bool:
        """
        Return whether the filter wants a command.

        Args:
            kind: The class of the command.

        Returns:
            True if the agreement includes it, and the filter has not skipped it.
        """
        rule = _RULES[kind]
        return not rule.omitted & self.agreement.steps and kind is not self._skipped and self.has(kind)

    def has(self, kind: type[Command]) -> bool:
        """
        Return whether the agreed version of the protocol has a command.

        Args:
            kind: The class of the command.

        Returns:
            True if it has.
        """
        return self.agreement.version >= _RULES[kind].since

    def send(self, command: Command, macros: Iterable[tuple[bytes, bytes]] | None = None) -> bytes:
        """
        Send a command.

        Args:
            command: The command.
            macros: The names and values of its macros.  None: the command has none.

        Returns:
            The octets to send; perhaps none.  If `waiting` is True afterwards, the filter answers.

        Raises:
            RuntimeError: The command is not legal now.
        """
        kind = type(command)
        if not self.allows(kind):
            raise RuntimeError(f"{kind.__name__} is not legal in the state {self.state.name}, waiting={self.waiting}")
        rule, wanted = _RULES[kind], self.wants(kind)
        self.state = rule.after
        if kind is not self._skipped:
            self._skipped = None
        octets = b""
        if macros is not None and self.has(kind):
            octets = commands.encode(commands.Macros(command.code, tuple(macros)))
        if not wanted:
            return octets
        self.waiting = rule.answered and not rule.silent & self.agreement.steps
        self._asked = kind
        return octets + commands.encode(command)

    def receive(self, octets: bytes) -> Answer | None:
        """
        Process received octets.

        Args:
            octets: The octets.

        Returns:
            The answer to the command, if it has come.

        Raises:
            MilterProtocolError: The octets are not the protocol, or not legal now.
        """
        answer = None
        for packet in self._reader.feed(octets):
            reply = replies.decode(packet)
            self.packets += 1
            if not self.waiting:
                raise MilterProtocolError(f"the filter has sent {type(reply).__name__} unasked")
            if isinstance(reply, Negotiation | replies.SetMacros) or self.state is State.NEGOTIATING:
                answer = self._negotiated(reply)
            elif isinstance(reply, replies.Verdict):
                answer = self._answered(reply)
            elif not isinstance(reply, replies.Progress):
                self._modified(reply, len(packet.data))
        if not self.waiting and self._reader.partial:
            raise MilterProtocolError("the filter has sent more than the answer")
        return answer

    def _negotiated(self, reply: replies.FilterReply) -> Answer | None:
        if self.state is not State.NEGOTIATING or not isinstance(reply, Negotiation | replies.SetMacros):
            raise MilterProtocolError(f"{type(reply).__name__} as the answer to {self._asked.__name__}")
        if isinstance(reply, replies.SetMacros):
            self._macros[reply.stage] = reply.names
            if len(self._macros) > len(MacroStage):
                raise MilterProtocolError("the filter names macros for more stages than there are")
            return None
        agreement = agreed(self._offer, reply)
        self.agreement = replace(agreement, macros={**agreement.macros, **self._macros})
        self.state, self.waiting = State.READY, False
        return NO_ANSWER

    def _answered(self, verdict: replies.Verdict) -> Answer:
        self.waiting = False
        if isinstance(verdict, replies.Skip):
            self._skipped = self._asked
        if self.state is State.DONE and not isinstance(verdict, replies.Continue):
            self.state = State.SESSION  # as libmilter sees it
        answer = Answer(verdict, tuple(self._modifications))
        self._modifications, self._pieces, self._octets = [], 0, 0
        return answer

    def _modified(self, change: replies.Modification, size: int) -> None:
        name = type(change).__name__
        if self._asked is not commands.EndOfMessage:
            raise MilterProtocolError(f"{name} as the answer to {self._asked.__name__}")
        if not _ACTIONS[type(change)] & self.agreement.actions:
            raise MilterProtocolError(f"{name} without the action that the filter would have to negotiate")
        self._pieces += not isinstance(change, replies.ReplaceBody)
        self._octets += PACKET + size
        if self._pieces > MAX_MODIFICATIONS or self._octets > MAX_MODIFIED:
            raise MilterProtocolError("the filter modifies one message more than a server can hold")
        self._modifications.append(change)
