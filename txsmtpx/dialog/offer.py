"""
What a server offers, as far as we understand it: put together once a hello, read for every message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from txsmtpx.dialog.extension import Extension, never
from txsmtpx.errors import NotOffered
from txsmtpx.grammar.options import MailOptions, Options

_ASKS_NOTHING = frozenset({"size", "prdr"})
"""Options that the client sets by itself, and that it leaves away where the server does not offer them."""


class Offer:
    """
    The parameters that MAIL and RCPT may have.

    Attributes:
        utf8: Whether SMTPUTF8 is offered (RFC 6531).
        eight_bit: Whether the server takes 8-bit content (RFC 6152).
        mail: Each `txsmtpx.grammar.options.Parameter` of MAIL.
        rcpt: Each of RCPT.

    Args:
        offered: Keyword to what it means.
        known: The extensions that we understand.
    """

    def __init__(self, offered: Mapping[str, Any], known: Sequence[Extension]) -> None:
        understood = [extension for extension in known if extension.keyword in offered]
        self.utf8 = "SMTPUTF8" in offered
        # RFC 6531 §3.1: a server that offers SMTPUTF8 supports 8BITMIME.  A few do not announce it.
        supported = {*offered, "8BITMIME"} if self.utf8 else set(offered)
        self.eight_bit = "8BITMIME" in supported
        self.mail = tuple(each for extension in understood for each in extension.mail)
        self.rcpt = tuple(each for extension in understood for each in extension.rcpt)
        self._limits = [(each.keep_to, offered[each.keyword]) for each in understood if each.keep_to is not None]
        self._absent = []
        for each in known:
            missing = [keyword for keyword in (each.keyword, *sorted(each.requires)) if keyword not in supported]
            if missing and each.wanted is not never:
                self._absent.append((_named(missing[0], each.keyword), each.wanted))

    def demand(self, options: Options) -> None:
        """
        What is wanted in earnest must be there; the rest is left away where it is not.

        Raises:
            NotOffered: It is not.
        """
        if vars(options).keys() <= _ASKS_NOTHING:
            return
        for absent, wanted in self._absent:
            if wanted(options):
                raise NotOffered(f"the server does not offer {absent}")

    def keep_to(self, options: MailOptions) -> None:
        """
        The limits that came with the keywords.

        Raises:
            NotOffered: ``options`` ask for more.
        """
        for keep_to, limit in self._limits:
            keep_to(limit, options)


def _named(missing: str, wanted: str) -> str:
    return missing if missing == wanted else f"{missing}, which {wanted} needs"
