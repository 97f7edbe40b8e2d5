"""
What is typed into the field for searching.

Words, or C{"several words"}, all of which have to be in a message.  C{from:}, C{to:} or C{subject:} before one says
where.  Capital letters and small ones are the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_TERM = re.compile(r'(?:((?ai:from|to|subject)):)?(?:"([^"]*)"?|(\S+))')

MAX_TERMS = 20
"""Words that count."""


class Query:
    """One search."""

    def __init__(self, text: str) -> None:
        found = _TERM.findall(text)[:MAX_TERMS]
        self._terms = [(place.lower(), (quoted or word).lower()) for place, quoted, word in found if quoted or word]

    def matches(self, places: Mapping[str, str]) -> bool:
        """
        Whether all of it is in there.

        @param places: those of a L{txsmtpx.web.glance.Glance}.
        """
        return all(word in places[place] for place, word in self._terms)

    def __bool__(self) -> bool:
        """Whether anything is searched for."""
        return bool(self._terms)
