"""
What a server offers, as far as we understand it: put together once a hello, read for every message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from txsmtpx.errors import NotOffered
from txsmtpx.extensions.extension import Extension, never
from txsmtpx.grammar.options import MailOptions, Options


class Offer:
    """
    The parameters that MAIL and RCPT may have.

    @ivar utf8: whether SMTPUTF8 is offered (RFC 6531).
    @ivar mail: each L{txsmtpx.grammar.options.Parameter} of MAIL.
    @ivar rcpt: each of RCPT.
    """

    def __init__(self, offered: Mapping[str, Any], known: Sequence[Extension]) -> None:
        """
        @param offered: keyword to what it means.
        @param known: the extensions that we understand.
        """
        understood = [extension for extension in known if extension.keyword in offered]
        self.utf8 = "SMTPUTF8" in offered
        self.mail = tuple(each for extension in understood for each in extension.mail)
        self.rcpt = tuple(each for extension in understood for each in extension.rcpt)
        self._limits = [(each.keep_to, offered[each.keyword]) for each in understood if each.keep_to is not None]
        absent = [each for each in known if each.keyword not in offered and each.wanted is not never]
        self._absent = [(each.keyword, each.wanted) for each in absent]

    def demand(self, options: Options) -> None:
        """
        What is wanted in earnest must be there; the rest is left away where it is not.

        @raise NotOffered: it is not.
        """
        for keyword, wanted in self._absent if vars(options) else ():  # what was not said is not wanted
            if wanted(options):
                raise NotOffered(f"the server does not offer {keyword}")

    def keep_to(self, options: MailOptions) -> None:
        """
        The limits that came with the keywords.

        @raise NotOffered: C{options} ask for more.
        """
        for keep_to, limit in self._limits:
            keep_to(limit, options)
