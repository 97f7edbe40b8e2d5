"""
The commands of a client, each on its own: RFC 5321 §4.1.1, RFC 3030.

`ClientCommands` keeps what the single commands of a transaction need of each other, so that no octet of a message
leaves before a recipient was accepted (guarantee 25).  `txsmtpx.dialog.submission` sends a whole message.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.error import ConnectionClosed

from txsmtpx.dialog import demands, source
from txsmtpx.dialog.addressing import address_of
from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.client_body import ClientBody
from txsmtpx.dialog.client_result import Outcome
from txsmtpx.dialog.demands import EightBit
from txsmtpx.dialog.exchange import FinalReplies, checked
from txsmtpx.dialog.source import Source
from txsmtpx.dialog.transfer import Transfer, bdat, end_without_data
from txsmtpx.errors import NotOffered, SMTPError
from txsmtpx.grammar.domain import to_a_label
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply

_PHASES = {"MAIL": "mail", "RCPT": "rcpt"}
"""The time limits of verbs (`txsmtpx.Timeouts`); other verbs have that of "command"."""


class ClientCommands:
    """
    The commands of one connection.  `txsmtpx.SMTPClient` creates one; so may a caller that has no transport.

    A coroutine must have ended before the next begins.  Each of them raises `SMTPError` if the server rejects the
    command, and another `DeliveryError` if no reply comes.

    Args:
        dialog: The dialog of the connection.
        eight_bit: What becomes of octets above 127 that the server does not accept: "refuse" or "send".
    """

    def __init__(self, dialog: ClientDialog, eight_bit: EightBit = "refuse") -> None:
        self._dialog = dialog
        self._eight_bit = eight_bit
        self._accepted = 0  # recipients of the transaction that is open
        self._utf8 = False  # whether its MAIL has asked for SMTPUTF8

    async def hello(self, domain: str, verified: bool = False) -> Reply:
        """
        Send EHLO, and HELO if the server does not know EHLO (RFC 5321 §3.2); under LMTP, LHLO.

        Args:
            domain: The name of the client: a domain or an address literal.
            verified: True if the connection is in TLS, and the certificate of the server was verified.

        Returns:
            The reply.  `ClientDialog.offer` has what it offers.

        Raises:
            SMTPError: The server rejects EHLO, and HELO too.
            ConnectionClosed: The connection has ended.
        """
        dialog, self._accepted = self._dialog, 0
        verb, domain = "LHLO" if dialog.lmtp else "EHLO", to_a_label(domain)  # RFC 6531 §3.7.1
        reply = await dialog.send(verb, domain)
        if reply.code in (500, 501, 502, 504, 550) and not dialog.lmtp:
            dialog.forget()
            try:
                return checked(await dialog.send("HELO", domain), "HELO")
            except ConnectionClosed:  # the reply of the server is not lost because it closed the connection then
                raise SMTPError.from_reply(reply, verb) from None
        dialog.learn(checked(reply, verb), verified)
        return reply

    async def command(self, verb: str, *words: str) -> Reply:
        """
        Send any command that has one reply.

        Args:
            verb: The verb.
            words: Its arguments.

        Returns:
            The reply, which accepts the command.

        Raises:
            ValueError: A word holds a control character.
        """
        phase = _PHASES.get(verb, "command")
        return self._note(verb, checked(await self._dialog.send(verb, *words, phase=phase), verb))

    def _note(self, verb: str, reply: Reply) -> Reply:
        """Note what an accepted command means for the transaction."""
        if verb == "RCPT":
            self._accepted += 1
        elif verb in ("MAIL", "RSET"):
            self._accepted, self._dialog.left_open = 0, False
        return reply

    async def look_up(self, verb: str, name: str) -> Reply:
        """
        Send VRFY or EXPN.  The reply may be in UTF-8 if SMTPUTF8 is offered (RFC 6531 §3.7.4.2).

        Args:
            verb: The verb.
            name: What is looked up.

        Returns:
            The reply.

        Raises:
            NotOffered: The name is not ASCII, and the server does not offer SMTPUTF8.
        """
        if "SMTPUTF8" in self._dialog.offer.extensions:
            return await self.command(verb, name, "SMTPUTF8")
        if not name.isascii():
            raise NotOffered(f"the server does not offer SMTPUTF8, which {name} needs", command=verb)
        return await self.command(verb, name)

    # ---- a transaction, command by command

    async def mail(self, sender: str, options: MailOptions) -> Reply:
        """
        Send MAIL, after RSET if a transaction was left open.

        Args:
            sender: An address, "" for the null reverse-path.
            options: The parameters; `smtputf8` is set where the address needs it.

        Returns:
            The reply.

        Raises:
            ValueError: The address is none.
            NotOffered: The server does not offer what the address or the options need.
        """
        line = self._dialog.offer.envelope(address_of("sender", sender), [], options).mail
        if self._dialog.left_open:
            await self.command("RSET")
        self._utf8 = options.smtputf8
        return self._note("MAIL", checked(await self._dialog.send_line("MAIL", line, "mail"), "MAIL"))

    async def rcpt(self, recipient: str, options: RcptOptions | None = None) -> Reply:
        """
        Send RCPT.

        Args:
            recipient: An address.
            options: The parameters.

        Returns:
            The reply.

        Raises:
            ValueError: The address is none; or its local part is not ASCII, and MAIL has not asked for SMTPUTF8.
            NotOffered: The server does not offer what the address or the options need.
        """
        recipient = address_of("recipient", recipient)
        of_mail = MailOptions(smtputf8=True) if self._utf8 else MailOptions()
        line = self._dialog.offer.envelope("", [(recipient, options)], of_mail).rcpts[0]
        if of_mail.smtputf8 and not self._utf8:
            raise ValueError(f"{recipient} needs SMTPUTF8: MAIL has to ask for it, by MailOptions(smtputf8=True)")
        reply = await self._dialog.send_line("RCPT", line, "rcpt", f"TO:<{recipient}>")
        return self._note("RCPT", checked(reply, "RCPT"))

    async def data(self, body: ClientBody, accepted: int = 1) -> Sequence[Outcome]:
        """
        Send DATA, and the body after 354.

        Args:
            body: The body.
            accepted: How many recipients were accepted: under LMTP, the number of the replies.

        Returns:
            The replies to the body, whatever their codes.  If the connection was lost after some of them, each
            missing reply is replaced by the error of the connection.

        Raises:
            ValueError: No recipient was accepted, so no octet of the body is sent.
            EightBitContent: The body holds octets above 127, and the server does not offer 8BITMIME.
        """
        message = self._source(body)
        checked(await self._dialog.send("DATA", phase="data"), "DATA")
        if not self._accepted:
            end_without_data(self._dialog)
        self._take_accepted()
        return await (await Transfer(self._dialog).by_data(message, accepted)).outcomes()

    async def transmit(self, body: ClientBody, accepted: int = 1, binary: bool = False) -> Sequence[Outcome]:
        """
        Send the body by BDAT where CHUNKING is offered, otherwise by DATA.

        Args:
            body: The body.
            accepted: As for `data`.
            binary: True if MAIL had BODY=BINARYMIME.  Then line ends are not changed.

        Returns:
            As for `data`.

        Raises:
            ValueError: As for `data`, as for EightBitContent.
        """
        if "CHUNKING" not in self._dialog.offer.extensions:
            return await self.data(body, accepted)
        message = self._source(body, binary)
        self._take_accepted()
        return await (await Transfer(self._dialog, binary).by_chunks(message, accepted)).outcomes()

    async def bdat(self, chunk: bytes, last: bool = False, accepted: int = 1) -> Sequence[Outcome]:
        """
        Send one BDAT, with the octets as they are.

        Args:
            chunk: The octets.
            last: True if it is the last chunk.
            accepted: As for `data`.

        Returns:
            The reply; under LMTP, to the last chunk, as for `data`.

        Raises:
            NotOffered: The server does not offer CHUNKING.
            ValueError: No recipient was accepted; or the server has rejected a chunk before, and a server that does not
                swallow this one would run it as commands.
        """
        dialog = self._dialog
        if "CHUNKING" not in dialog.offer.extensions:
            raise NotOffered("the server does not offer CHUNKING", command="BDAT")
        recipients = self._take_accepted()
        dialog.wire.write(bdat(chunk, last), chunk)
        if last:
            return await FinalReplies(dialog, "BDAT", accepted).outcomes()
        reply = await dialog.expect("BDAT", "block")
        if reply.positive:
            self._accepted = recipients  # another chunk may follow
        return [reply]

    def _take_accepted(self) -> int:
        """
        Return how many recipients were accepted; from now on none, as the message is being sent.

        Returns:
            The number.

        Raises:
            ValueError: No recipient was accepted.
        """
        accepted, self._accepted = self._accepted, 0
        if not accepted:
            raise ValueError("no octet of a message is sent before a recipient has been accepted")
        return accepted

    def _source(self, body: ClientBody, binary: bool = False) -> Source:
        """
        Return a body after MAIL has been sent.

        Returns:
            The body.

        Raises:
            EightBitContent: The body is in memory, and the server does not accept it.
        """
        offer = self._dialog.offer
        message = source.source(body, offer.extensions, self._dialog.wire.in_thread, False)
        watch = demands.watch_octets(offer, self._eight_bit, binary)
        if watch is not None and message.octets is not None:
            watch.see(message.octets)
        message.watch = watch
        return message
