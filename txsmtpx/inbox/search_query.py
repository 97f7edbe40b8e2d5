"""
What is typed into the field for searching.

Words, or ``"several words"``, all of which have to be in a message.  ``from:``, ``to:`` or ``subject:`` before one says
where.  Capital letters and small ones are the same.
"""

from __future__ import annotations

import re

from txsmtpx.inbox.query_parameters import BadRequest

_TERM = re.compile(r'(?:((?ai:from|to|subject)):)?(?:"([^"]*)"?|(\S+))')

MAX_LENGTH = 1000
"""Characters of a search."""

MAX_TERMS = 20
"""Words of a search."""


class SearchQuery:
    """
    One search.

    Attributes:
        terms: What has to be in a message: the name of a place, "" for all of them, and the word, in small letters
            and UTF-8.

    Raises:
        BadRequest: It is too long, or has too many words.
    """

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise BadRequest(f"search: {MAX_LENGTH} characters are the limit, and these are {len(text)}")
        found = [(place, quoted or word) for place, quoted, word in _TERM.findall(text)]
        self.terms = [(place.lower(), word.lower().encode()) for place, word in found if word]
        if len(self.terms) > MAX_TERMS:
            raise BadRequest(f"search: {MAX_TERMS} words are the limit, and these are {len(self.terms)}")

    def __bool__(self) -> bool:
        """Whether anything is searched for."""
        return bool(self.terms)
