"""
An envelope as this server can take it: RFC 5321 §4.1.1.2, RFC 6531 §3.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from txsmtpx.dialog.offer import Offer
from txsmtpx.errors import NotOffered
from txsmtpx.grammar import command, path
from txsmtpx.grammar.mailbox import needs_utf8, with_a_label
from txsmtpx.grammar.options import MailOptions, RcptOptions, format

_sender_path = lru_cache(maxsize=64)(path.format_path)
"""A program sends from a few addresses, again and again."""


class Envelope:
    """
    The words of MAIL and RCPT.

    Attributes:
        sender: Path and parameters of MAIL.
        recipients: Path and parameters of each RCPT.
        lines: All of them as octets; what cannot be said is found before anything has been.

    Args:
        offer: The server's extensions.

    Raises:
        ValueError: An address is none.
        NotOffered: It cannot be said to this server without changing its meaning.
    """

    def __init__(
        self,
        sender: str,
        recipients: Sequence[tuple[str, RcptOptions]],
        options: MailOptions,
        offer: Offer,
    ) -> None:
        addresses: Sequence[str] = [sender, *[recipient for recipient, _ in recipients]]
        if not all(map(str.isascii, addresses)):
            for address in addresses:
                path.format_path(address)  # what is no address is refused before SMTPUTF8 is asked for
            addresses = self._encoded(addresses, options, offer)
        paths = [_sender_path(addresses[0]), *[path.format_path(address) for address in addresses[1:]]]
        offer.demand(options)
        for _, given in recipients:
            offer.demand(given)
        offer.keep_to(options)
        self.sender = [f"FROM:{paths[0]}", *format(options, offer.mail)]
        self.recipients = [
            [f"TO:{to}", *format(given, offer.rcpt)] for to, (_, given) in zip(paths[1:], recipients, strict=True)
        ]
        rcpts = [command.join("RCPT", *words) for words in self.recipients]
        self.lines = [command.join("MAIL", *self.sender), *rcpts]

    def _encoded(self, addresses: Sequence[str], options: MailOptions, offer: Offer) -> Sequence[str]:
        """
        Addresses of which one is not ASCII, as they are sent.

        A local part needs SMTPUTF8.  A domain alone does not: it is sent as its A-label (RFC 5890), so that servers
        without SMTPUTF8 further on get the message too.

        Raises:
            NotOffered: A local part is not ASCII, and the server does not offer SMTPUTF8.
        """
        foreign = next((address for address in addresses if needs_utf8(address)), None)
        if foreign is not None:
            if not offer.utf8:
                raise NotOffered(f"the server does not offer SMTPUTF8, which {foreign} needs")
            options.smtputf8 = True
        return addresses if options.smtputf8 else [with_a_label(address) for address in addresses]
