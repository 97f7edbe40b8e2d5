"""The client that callers use: `SMTPClient`, one connection that sends many messages."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from twisted.internet.defer import Deferred

from txsmtpx.dialog.addressing import Recipients
from txsmtpx.dialog.client_body import ClientBody
from txsmtpx.dialog.client_result import Outcome, Result
from txsmtpx.dialog.client_transaction import plain
from txsmtpx.dialog.demands import EightBit, check_eight_bit
from txsmtpx.dialog.submission import Submission
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.wire.client_session import ClientSession


class SMTPClient(ClientSession):
    """
    A connection to a server.  `txsmtpx.connect` creates one that is greeted, secured and authenticated.

    Each method that sends a command returns a Deferred.  It fails with `SMTPError` if the server rejects the command,
    and with another `DeliveryError` if no reply comes.  Commands are sent in the order of the calls, each after the one
    before it is over.  If a Deferred is cancelled, the connection is aborted; before the command was sent, it is not.

    Args:
        protocol: The protocol of the connection.

    Example:
        >>> async def two_messages(first: bytes, second: bytes) -> None:
        ...     client = await connect("tcp:mail.example.org:587", auth=("user", "secret"))
        ...     await client.send("user@example.org", ["one@example.net"], first)
        ...     await client.send("user@example.org", ["two@example.net"], second)
        ...     await client.quit()
    """

    # ---- a message

    def send(
        self,
        sender: str,
        recipients: Recipients,
        body: ClientBody,
        options: MailOptions | None = None,
        *,
        eight_bit: EightBit | None = None,
    ) -> Deferred[Result]:
        """
        Send one message.

        MAIL has BODY=8BITMIME, SMTPUTF8 and SIZE as the message needs them.  A stream is an iterator, a producer or a
        pipe.  It is not read before a recipient was accepted, so ``options`` must set SMTPUTF8 if its header has UTF-8.
        If a stream contains octets that the server does not accept, no part of the message is delivered.

        If the server limits the recipients of a transaction (RFC 9422), the message is sent in several transactions.

        Args:
            sender: An address, "" for the null reverse-path.  Octets are UTF-8, here and in ``recipients``.
            recipients: Addresses, or (address, its options).
            body: ``bytes``, an ``EmailMessage``, a binary file, an ``IBodyProducer``, or an iterable or async iterable
                of ``bytes``.
            options: The options of MAIL; None for those that the message needs.
            eight_bit: The treatment of octets above 127 that the server does not accept: "refuse" or "send".  None: as
                for `txsmtpx.connect`.

        Returns:
            A Deferred of a `Result`, if at least one recipient was accepted.

        Raises:
            SMTPError: The server rejects the sender or the message.
            RecipientsRefused: The server rejects every recipient.
            NotOffered: The server does not offer what the message needs, or accepts no more in this session.
            EightBitContent: The message holds octets above 127, and the server does not offer 8BITMIME.
            ValueError: An address is malformed, or there is no recipient.  Or the message needs several transactions,
                and the body can be read only once.
            TypeError: The body has none of the accepted types.
        """
        if eight_bit is not None:
            check_eight_bit(eight_bit)
        return self._do(self._send(sender, recipients, body, options, eight_bit))

    async def _send(
        self,
        sender: str,
        recipients: Recipients,
        body: ClientBody,
        options: MailOptions | None,
        eight_bit: EightBit | None,
    ) -> Result:
        transaction = plain(self._dialog, sender, recipients, body) if options is None else None
        if transaction is not None:
            return await transaction.run()
        submission = Submission(self._dialog, eight_bit or self.protocol.settings.eight_bit)
        return await submission.run(sender, recipients, body, options)

    # ---- a message, command by command

    def mail(self, sender: str, options: MailOptions | None = None) -> Deferred[Reply]:
        """
        Send MAIL.

        Args:
            sender: An address, "" for the null reverse-path.
            options: The parameters.

        Returns:
            A Deferred of the reply.
        """
        return self._do(self._commands.mail(sender, copy.copy(options) if options is not None else MailOptions()))

    def rcpt(self, recipient: str, options: RcptOptions | None = None) -> Deferred[Reply]:
        """
        Send RCPT.

        Args:
            recipient: An address.
            options: The parameters.

        Returns:
            A Deferred of the reply.

        Raises:
            ValueError: The local part is not ASCII, and the options of `mail` did not set SMTPUTF8.
        """
        return self._do(self._commands.rcpt(recipient, options))

    def data(self, body: ClientBody, accepted: int = 1) -> Deferred[Sequence[Outcome]]:
        """
        Send DATA, and the body after 354.

        Args:
            body: The body, as for `send`.
            accepted: The number of accepted recipients, which is the number of replies under LMTP.

        Returns:
            A Deferred of the replies to the body, whatever their codes.  If the connection was lost after some of them,
            the others are replaced by its error.

        Raises:
            ValueError: No recipient was accepted by `rcpt`, so no octet of the body is sent.
            EightBitContent: The body holds octets above 127, and the server does not offer 8BITMIME.
        """
        return self._do(self._commands.data(body, accepted))

    def transmit(self, body: ClientBody, accepted: int = 1, binary: bool = False) -> Deferred[Sequence[Outcome]]:
        """
        Send the body by BDAT if the server offers CHUNKING, otherwise by DATA.

        Args:
            body: The body, as for `send`.
            accepted: As for `data`.
            binary: True if MAIL had BODY=BINARYMIME.  Then line ends are not changed.

        Returns:
            As for `data`.

        Raises:
            ValueError: As for `data`.
            EightBitContent: As for `data`.
        """
        return self._do(self._commands.transmit(body, accepted, binary))

    def bdat(self, chunk: bytes, last: bool = False, accepted: int = 1) -> Deferred[Sequence[Outcome]]:
        """
        Send one BDAT (RFC 3030), with the octets unchanged.  It is not checked whether the server accepts them.

        Args:
            chunk: The octets.
            last: True for the last chunk.
            accepted: As for `data`.

        Returns:
            A Deferred of the reply.  Under LMTP, the last chunk has one reply for each accepted recipient.

        Raises:
            NotOffered: The server does not offer CHUNKING.
            ValueError: No recipient was accepted by `rcpt`, or the server has rejected an earlier chunk.
        """
        return self._do(self._commands.bdat(chunk, last, accepted))

    def reset(self) -> Deferred[Reply]:
        """
        Send RSET.

        Returns:
            A Deferred of the reply.
        """
        return self.command("RSET")

    # ---- other commands

    def noop(self) -> Deferred[Reply]:
        """
        Send NOOP.

        Returns:
            A Deferred of the reply.
        """
        return self.command("NOOP")

    def verify(self, name: str) -> Deferred[Reply]:
        """
        Send VRFY.

        Args:
            name: A user name or an address.

        Returns:
            A Deferred of the reply.  252 is a success too.
        """
        return self._do(self._commands.look_up("VRFY", name))

    def expand(self, name: str) -> Deferred[Reply]:
        """
        Send EXPN.

        Args:
            name: The name of a list.

        Returns:
            A Deferred of the reply.
        """
        return self._do(self._commands.look_up("EXPN", name))

    def help(self, command: str = "") -> Deferred[Reply]:
        """
        Send HELP.

        Args:
            command: The command to explain; "" for all.

        Returns:
            A Deferred of the reply.
        """
        return self.command("HELP", *[command] * bool(command))

    def command(self, verb: str, *words: str) -> Deferred[Reply]:
        """
        Send a command of an extension of your own.

        Args:
            verb: The verb.
            words: Its arguments.

        Returns:
            A Deferred of the reply.

        Raises:
            ValueError: A word holds a control character.
        """
        return self._do(self._commands.command(verb, *words))
