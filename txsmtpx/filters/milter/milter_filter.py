"""The filter that shows one connection of a client to a milter."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.defer import Deferred

from txsmtpx.content.header import Header
from txsmtpx.filters.milter import commands
from txsmtpx.filters.milter.commands import Command
from txsmtpx.filters.milter.connections import MilterConnections
from txsmtpx.filters.milter.dialog import NO_ANSWER, Answer
from txsmtpx.filters.milter.errors import MilterConnectionError
from txsmtpx.filters.milter.filter_replies import DiscardMessage
from txsmtpx.filters.milter.header_value import shown
from txsmtpx.filters.milter.macros import MacroSource
from txsmtpx.filters.milter.milter_connection import MilterConnection
from txsmtpx.filters.milter.modifications import MAIL_PARAMETERS, RCPT_PARAMETERS, changes_of
from txsmtpx.filters.milter.negotiation import MacroStage, Steps
from txsmtpx.filters.milter.packet import MAX_DATA
from txsmtpx.filters.milter.verdicts import instead_of_greeting, verdict_of
from txsmtpx.grammar import esmtp_parameter
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection, DataContext, Discard, Verdict
from txsmtpx.middleware.filter import Filter


class MilterFilter(Filter):
    """
    The filter of one connection.  `txsmtpx.filters.milter.Milter` creates it.

    Args:
        connection: The connection of the client.
        connections: The connections to the milter.
        source: What the macros are about.
    """

    def __init__(self, connection: Connection, connections: MilterConnections, source: MacroSource) -> None:
        super().__init__(connection)
        self._connections = connections
        self._source = source
        self._milter: MilterConnection | None = None
        self._closed = False
        self._refusal: Verdict = None  # of the whole connection
        self._early: Verdict = None  # of a message whose end has not come; nothing more of it is reported
        self._header_left = 0
        self._body = bytearray()

    async def connected(self, connection: Connection) -> Verdict:
        """
        Connect to the milter, and report the client.

        Args:
            connection: The connection of the client.

        Returns:
            The verdict.
        """
        return instead_of_greeting(await self._connect())

    async def hello(self, name: str) -> Verdict:
        """
        Report the hello.

        Args:
            name: The argument of the command.

        Returns:
            The verdict.  A rejection holds for the connection, as in Postfix.
        """
        self._abort()  # EHLO ends a transaction, and `reset` follows (RFC 5321 §4.1.4)
        verdict = await self._report(commands.Hello(name.encode("utf-8", "replace")), MacroStage.HELLO)
        if isinstance(verdict, Reply):
            self._refusal = verdict
        return verdict

    async def mail(self, sender: str, options: MailOptions) -> Verdict:
        """
        Report MAIL.

        Args:
            sender: The sender.
            options: The parameters.

        Returns:
            The verdict.
        """
        self._source.sender, self._source.options = sender, options
        words = esmtp_parameter.format(options, MAIL_PARAMETERS.values())
        return await self._report(commands.Mail(*_path(sender, words)), MacroStage.MAIL)

    async def recipient(self, address: str, options: RcptOptions) -> Verdict:
        """
        Report RCPT.

        Args:
            address: The recipient.
            options: The parameters.

        Returns:
            The verdict.
        """
        self._source.recipient = address
        words = esmtp_parameter.format(options, RCPT_PARAMETERS.values())
        verdict = self._early or await self._report(commands.Recipient(*_path(address, words)), MacroStage.RECIPIENT)
        if isinstance(verdict, Discard):  # a milter discards the message, for all its recipients
            self._early = verdict
        return verdict

    async def data(self, context: DataContext) -> Verdict:
        """
        Report that a message begins.

        Args:
            context: The envelope.

        Returns:
            The verdict.
        """
        self._source.queue_id = context.queue_id
        return self._early or await self._report(commands.Data(), MacroStage.DATA)

    async def header(self, header: Header) -> Verdict:
        """
        Report each header field, and the end of the header.

        Args:
            header: The header.

        Returns:
            The verdict.
        """
        self._header_left = header.size
        milter = await self._connection()
        leading_space = self._has(milter, Steps.LEADING_SPACE)
        if milter.dialog.wants(commands.HeaderField):
            for field in header.fields:
                name = field.name.encode("latin-1")
                command = commands.HeaderField(name, shown(name, field.raw, leading_space))
                verdict = await self._report(command, MacroStage.END_OF_HEADER)
                if verdict is not None:
                    return verdict
                await self._room()
        return await self._report(commands.EndOfHeader(), MacroStage.END_OF_HEADER)

    async def chunk(self, octets: bytes) -> None:
        """
        Report a part of the body.

        Args:
            octets: The octets of the message.
        """
        skipped = min(self._header_left, len(octets))
        self._header_left -= skipped
        milter = await self._connection()
        if self._early is not None or not milter.dialog.wants(commands.Body):
            return
        self._body += memoryview(octets)[skipped:]
        while len(self._body) >= MAX_DATA and self._early is None:
            await self._flush()

    async def end(self, size: int) -> Verdict:
        """
        Report the end of the message.

        Args:
            size: The octets of the message.

        Returns:
            The verdict, with the changes of the message.
        """
        if self._body and self._early is None:
            await self._flush()
        if self._early is not None:
            return self._early
        return await self._report(commands.EndOfMessage(), MacroStage.END_OF_MESSAGE)

    def reset(self) -> None:
        """End the transaction."""
        self._source.reset()
        self._body.clear()
        self._early = None
        self._abort()

    def close(self) -> None:
        """End the session with the milter."""
        self._closed = True
        milter, self._milter = self._milter, None
        if milter is not None:
            self._connections.give_back(milter)

    def _abort(self) -> None:
        """Report the end of a transaction whose message has not been answered."""
        milter = self._milter
        if milter is not None and milter.dialog.waiting:
            milter.abort()
        elif milter is not None and milter.usable and milter.dialog.allows(commands.Abort):
            milter.ask(commands.Abort())

    async def _connect(self) -> Verdict:
        """Connect to the milter.  A kept connection that turns out to be closed is replaced by a new one."""
        milter = await self._taken()
        try:
            return await self._report(_client(self.connection, self._source), MacroStage.CONNECT)
        except MilterConnectionError:
            if not milter.used:
                raise
            await self._taken(fresh=True)
        return await self._report(_client(self.connection, self._source), MacroStage.CONNECT)

    async def _taken(self, fresh: bool = False) -> MilterConnection:
        milter = await self._connections.take(fresh)
        if self._closed:  # meanwhile
            self._connections.give_back(milter)
            raise MilterConnectionError("the connection of the client has ended")
        self._milter = milter
        return milter

    async def _connection(self) -> MilterConnection:
        if self._milter is None:
            self._refusal = await self._connect()
        assert self._milter is not None
        return self._milter

    async def _report(self, command: Command, stage: MacroStage) -> Verdict:
        """Send a command with the macros of its stage, and return the verdict."""
        milter = await self._connection()
        if self._refusal is not None:
            return self._refusal
        first = not isinstance(command, commands.HeaderField | commands.Body)
        macros = self._source.macros(stage, milter.dialog.agreement.macros) if first else None
        answer = milter.ask(command, macros)
        if isinstance(answer, Deferred):
            answer = await answer
        return self._judged(answer, command)

    def _judged(self, answer: Answer, command: Command) -> Verdict:
        if answer is NO_ANSWER:
            return None
        if isinstance(command, commands.Connect | commands.Hello) and isinstance(answer.verdict, DiscardMessage):
            return None  # as in Postfix: there is no message yet
        assert self._milter is not None
        changes = changes_of(answer.modifications, self._has(self._milter, Steps.LEADING_SPACE))
        return verdict_of(answer.verdict, changes)

    async def _flush(self) -> None:
        """Send a piece of the body."""
        piece = bytes(self._body[:MAX_DATA])
        del self._body[:MAX_DATA]
        self._early = await self._report(commands.Body(piece), MacroStage.END_OF_MESSAGE)
        await self._room()

    async def _room(self) -> None:
        milter = await self._connection()
        room = milter.room()
        if room is not None:
            await room

    @staticmethod
    def _has(milter: MilterConnection, step: Steps) -> bool:
        return bool(milter.dialog.agreement.steps & step)


def _path(address: str, parameters: Iterable[str]) -> tuple[bytes, tuple[bytes, ...]]:
    return f"<{address}>".encode(), tuple(word.encode() for word in parameters)


def _client(connection: Connection, source: MacroSource) -> commands.Connect:
    """
    Return the command that describes the client.

    Returns:
        The command.  An unknown name is written as Sendmail writes it.  A client on a UNIX socket has an unknown
        family, since opendmarc defers all messages of the family of UNIX sockets.
    """
    host = connection.peer_host
    name = source.client_name or (f"[{host}]" if host else "localhost")
    if not host:
        return commands.Connect(name.encode())
    return commands.Connect(name.encode(), b"6" if ":" in host else b"4", connection.peer_port, host.encode())
