"""
The text of the search field, parsed.

A query has terms, separated by spaces.  A term is a word or a ``"quoted phrase"``.  A message matches if it contains
all terms, in upper or lower case.  The prefixes ``from:``, ``to:`` and ``subject:`` limit a term to one field.
"""

from __future__ import annotations

import re

from txsmtpx.inbox.inbox_errors import BadRequest

_TERM = re.compile(r'(?:((?ai:from|to|subject)):)?(?:"([^"]*)"?|(\S+))')

MAX_LENGTH = 1000
"""Characters of a query."""

MAX_TERMS = 20
"""Terms of a query.  A message is searched once for each."""


class SearchQuery:
    """
    Parse the text of one search.

    Attributes:
        terms: Pairs of a field and a word.  The field is "from", "to", "subject", or "" for any.  The word is in lower
            case and UTF-8.

    Args:
        text: The text of the search field.

    Raises:
        BadRequest: The text is too long, or has too many terms.

    Example:
        >>> SearchQuery('from:ann "Big invoice"').terms
        [('from', b'ann'), ('', b'big invoice')]
    """

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise BadRequest(f"search: {len(text)} characters are too many; the limit is {MAX_LENGTH}")
        found = [(field, quoted or word) for field, quoted, word in _TERM.findall(text)]
        self.terms: list[tuple[str, bytes]] = [(field.lower(), word.lower().encode()) for field, word in found if word]
        if len(self.terms) > MAX_TERMS:
            raise BadRequest(f"search: {len(self.terms)} words are too many; the limit is {MAX_TERMS}")

    def __bool__(self) -> bool:
        """Return True if the query has a term."""
        return bool(self.terms)
