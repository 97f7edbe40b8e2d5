"""
What a server offers and allows: the answer to EHLO (RFC 5321 §4.1.1.1), its limits (RFC 9422), and the envelope.

An `Offer` is made once for each answer to EHLO, and read for every message.  It makes each `Envelope`, so that no
parameter is sent that the server does not offer (guarantee 17).  An `Allowance` counts what a session has used up.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from txsmtpx.dialog.extension import Extension, never
from txsmtpx.errors import MessageTooBig, NotOffered
from txsmtpx.grammar import asciitext, command, path
from txsmtpx.grammar.esmtp_parameter import format
from txsmtpx.grammar.mailbox import mailbox_key, needs_utf8, with_a_label
from txsmtpx.grammar.options import MailOptions, Options, RcptOptions
from txsmtpx.grammar.reply import Reply

T = TypeVar("T")

_ASKS_NOTHING = frozenset({"size", "prdr"})
"""Options that the client sets by itself, and that it drops where the server does not offer them."""

_SEPARATOR = re.compile(r"[ \t=]+")
"""
What separates a keyword from its words.  A keyword holds none of these (RFC 5321 §4.1.1.1).  "AUTH=" is how drafts of
AUTH wrote it; some servers still announce both forms, for old clients.
"""

_sender_path = lru_cache(maxsize=64)(path.format_path)
"""A program sends from a few addresses, again and again."""


class Envelope:
    """
    MAIL and RCPT of one transaction, as they are sent.  An `Offer` makes it.

    Attributes:
        mail: The line of MAIL, with its CRLF.
        rcpts: The line of each RCPT.
        recipients: The address of each RCPT.

    Args:
        mail: The line of MAIL.
        rcpts: The line of each RCPT.
        recipients: The address of each RCPT.
    """

    __slots__ = ("mail", "rcpts", "recipients")

    def __init__(self, mail: bytes, rcpts: Sequence[bytes], recipients: Sequence[str]) -> None:
        self.mail: bytes = mail
        self.rcpts: Sequence[bytes] = rcpts
        self.recipients: Sequence[str] = recipients


class Offer:
    """
    What one answer to EHLO or LHLO offers.

    Attributes:
        extensions: Keyword to what stood behind it, as its extension reads it.
        utf8: True if SMTPUTF8 is offered (RFC 6531).
        eight_bit: True if the server accepts 8-bit content (RFC 6152).
        plain: True if nothing that is offered concerns a message without options, apart from SIZE and PRDR.

    Args:
        known: The extensions that the client understands.
        extensions: See the attribute; None for nothing, as before EHLO.
    """

    def __init__(self, known: Sequence[Extension], extensions: Mapping[str, Any] | None = None) -> None:
        self.extensions: dict[str, Any] = dict(extensions or {})
        offered = self.extensions
        understood = [extension for extension in known if extension.keyword in offered]
        self.utf8: bool = "SMTPUTF8" in offered
        # RFC 6531 §3.1: a server that offers SMTPUTF8 supports 8BITMIME.  A few do not announce it.
        self.eight_bit: bool = self.utf8 or "8BITMIME" in offered
        self._known = known
        self._mail = tuple(each for extension in understood for each in extension.mail)
        self._rcpt = tuple(each for extension in understood for each in extension.rcpt)
        self._limits = [(each.keep_to, offered[each.keyword]) for each in understood if each.keep_to is not None]
        sizes = [each.keyword for each in self._mail if each.field == "size"]
        self._size = bool(sizes)
        self.plain: bool = not self._limits and sizes in ([], ["SIZE"]) and "LIMITS" not in offered

    @classmethod
    def announced(cls, reply: Reply, known: Sequence[Extension], without: Collection[str], verified: bool) -> Offer:
        """
        Read an answer to EHLO or LHLO.

        Args:
            reply: The answer.
            known: The extensions that the client understands.
            without: Keywords of extensions that are not used, though the server offers them.
            verified: True if the answer came within TLS, from a server whose certificate was verified.

        Returns:
            The offer.  An extension whose words cannot be understood is left out.
        """
        by_keyword = {extension.keyword: extension for extension in known}
        offered: dict[str, Any] = {}
        for keyword, words in _announced(reply, by_keyword).items():
            extension = by_keyword.get(keyword)
            if keyword in without or (extension is not None and extension.within_tls and not verified):
                continue
            try:
                offered[keyword] = words if extension is None else extension.read(words)
            except ValueError:
                continue
        return cls(known, offered)

    @property
    def max_message_size(self) -> int:
        """Octets that the server accepts at most (RFC 1870); 0 where it announces no limit."""
        return self.extensions.get("SIZE") or 0

    def check_size(self, size: int | None) -> None:
        """
        Check the size of a message.

        Args:
            size: Its octets as they are sent; None where they are not known.

        Raises:
            MessageTooBig: The server does not accept so many.
        """
        limit = self.max_message_size
        if limit and size is not None and size > limit:
            raise MessageTooBig(f"the server accepts {limit} octets (SIZE), the message has {size}")

    def plain_envelope(self, sender: str, recipients: Sequence[str], size: int) -> Envelope:
        """
        Make the envelope of a message that needs no parameter but SIZE, as most messages do.

        Args:
            sender: An address in ASCII, "" for the null reverse-path.
            recipients: Addresses in ASCII.
            size: Octets of the message.

        Returns:
            The envelope.

        Raises:
            ValueError: An address is none.
        """
        parameter = f" SIZE={size}" if self._size else ""
        # A path holds no control character, so these lines hold no other command (guarantee 14).
        mail = f"MAIL FROM:{_sender_path(sender)}{parameter}\r\n".encode("ascii")
        rcpts = [f"RCPT TO:{path.format_path(recipient)}\r\n".encode("ascii") for recipient in recipients]
        return Envelope(mail, rcpts, recipients)

    def envelope(
        self, sender: str, recipients: Sequence[tuple[str, RcptOptions | None]], options: MailOptions
    ) -> Envelope:
        """
        Make the envelope of any message.

        Args:
            sender: An address, "" for the null reverse-path.
            recipients: Addresses with their options.
            options: The options of MAIL; `smtputf8` is set where an address needs it.

        Returns:
            The envelope.

        Raises:
            ValueError: An address is none, or a parameter cannot be sent.
            NotOffered: The server does not offer what the envelope needs.
        """
        addresses: Sequence[str] = [sender, *[recipient for recipient, _ in recipients]]
        if not all(map(str.isascii, addresses)):
            for address in addresses:
                path.format_path(address)  # an address that is none is refused before SMTPUTF8 is asked for
            addresses = self._encoded(addresses, options)
        paths = [_sender_path(addresses[0]), *[path.format_path(address) for address in addresses[1:]]]
        self.demand(options)
        for _, given in recipients:
            if given is not None:
                self.demand(given)
        for keep_to, limit in self._limits:
            keep_to(limit, options)
        rcpts = [
            command.join("RCPT", f"TO:{to}", *(format(given, self._rcpt) if given is not None else ()))
            for to, (_, given) in zip(paths[1:], recipients, strict=True)
        ]
        mail = command.join("MAIL", f"FROM:{paths[0]}", *format(options, self._mail))
        return Envelope(mail, rcpts, [address for address, _ in recipients])

    def _encoded(self, addresses: Sequence[str], options: MailOptions) -> Sequence[str]:
        """
        Return addresses of which one is not ASCII, as they are sent.

        A local part needs SMTPUTF8 (RFC 6531 §3).  A domain alone does not: it is sent as its A-label (RFC 5890), so
        that servers without SMTPUTF8 further on get the message too.

        Returns:
            The addresses, in the same order.

        Raises:
            NotOffered: A local part is not ASCII, and the server does not offer SMTPUTF8.
        """
        foreign = next((address for address in addresses if needs_utf8(address)), None)
        if foreign is not None:
            if not self.utf8:
                raise NotOffered(f"the server does not offer SMTPUTF8, which {foreign} needs")
            options.smtputf8 = True
        return addresses if options.smtputf8 else [with_a_label(address) for address in addresses]

    def demand(self, options: Options) -> None:
        """
        Check that everything is offered without which the message would be another; the rest is dropped.

        Args:
            options: The options of MAIL or RCPT.

        Raises:
            NotOffered: An extension that the options ask for is not offered.
        """
        if vars(options).keys() <= _ASKS_NOTHING:
            return
        supported = {*self.extensions, "8BITMIME"} if self.utf8 else self.extensions.keys()
        for each in self._known:
            if each.wanted is never:
                continue
            missing = [keyword for keyword in (each.keyword, *sorted(each.requires)) if keyword not in supported]
            if missing and each.wanted(options):
                absent = missing[0]
                needed = "" if absent == each.keyword else f", which {each.keyword} needs"
                raise NotOffered(f"the server does not offer {absent}{needed}")


def _announced(reply: Reply, known: Mapping[str, Extension]) -> dict[str, str]:
    """Return the words of each keyword of an answer to EHLO."""
    announced: dict[str, str] = {}
    for line in reply.lines[1:]:
        keyword, _, words = _SEPARATOR.sub(" ", line, count=1).partition(" ")
        keyword, words = asciitext.upper(keyword), words.strip(" \t")
        if keyword in announced and keyword in known and known[keyword].lists:
            words = f"{announced[keyword]} {words}"
        announced[keyword] = words
    return announced


class Allowance:
    """
    What a session has used up of the server's limits (RFC 9422).

    MAILMAX and RCPTDOMAINMAX are for the whole session (RFC 9422 §4.1, RFC 9422 §4.3), RCPTMAX for a transaction (RFC
    9422 §4.2).  Rejected commands count as well.

    Attributes:
        mails: MAIL commands so far.
        domains: Domains of RCPT, as `txsmtpx.domain_key` gives them, if they count.
        by_domain: True if the server limits them.
    """

    def __init__(self) -> None:
        self.mails: int = 0
        self.domains: set[str] = set()
        self.by_domain = False

    def note(self, verb: str, path: str) -> None:
        """
        Count a command.

        Args:
            verb: The verb.
            path: What RCPT names, such as "TO:<user@example.org>".
        """
        if verb == "MAIL":
            self.mails += 1
        elif verb == "RCPT" and self.by_domain:
            self.domains.add(_domain(path.partition(":")[2].strip("<>")))

    def note_envelope(self, envelope: Envelope) -> None:
        """
        Count an envelope.

        Args:
            envelope: The envelope.
        """
        self.mails += 1
        if self.by_domain:
            self.domains.update(map(_domain, envelope.recipients))

    def spent(self, offered: Mapping[str, Any]) -> bool:
        """
        Ask whether the session is used up.

        Args:
            offered: `Offer.extensions`.

        Returns:
            True if the server accepts no further message, or none to another domain.
        """
        limits = offered.get("LIMITS", {})
        mails, domains = limits.get("MAILMAX"), limits.get("RCPTDOMAINMAX")
        return (mails is not None and self.mails >= mails) or (domains is not None and len(self.domains) >= domains)

    def parted(
        self, recipients: Sequence[tuple[str, T]], limits: Mapping[str, int]
    ) -> list[Sequence[tuple[str, T]]]:
        """
        Part the recipients of a message.

        Args:
            recipients: Each is an address and its options.
            limits: The limits of the server, by name.

        Returns:
            The recipients of each transaction.

        Raises:
            NotOffered: The session has not enough left for them.
        """
        most = limits.get("RCPTMAX", len(recipients))
        parts = [recipients[at : at + most] for at in range(0, len(recipients), most)]
        mails, domains = limits.get("MAILMAX"), limits.get("RCPTDOMAINMAX")
        if mails is not None and self.mails + len(parts) > mails:
            text = f"the server accepts {mails} transactions in a session (MAILMAX), and has had {self.mails}"
            raise NotOffered(text, temporary=len(parts) <= mails)
        wanted = {_domain(address) for address, _ in recipients}
        if domains is not None and len(self.domains | wanted) > domains:
            text = f"the server accepts recipients of {domains} domains in a session (RCPTDOMAINMAX)"
            raise NotOffered(text, command="RCPT", temporary=len(wanted) <= domains)
        return parts


def _domain(address: str) -> str:
    return mailbox_key(address).rpartition("@")[2]
