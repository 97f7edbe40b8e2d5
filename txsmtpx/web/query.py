"""
What is typed into the field for searching.

Words, or C{"several words"}, all of which have to be in a message.  C{from:}, C{to:} or C{subject:} before one says
where.  Capital letters and small ones are the same.
"""

from __future__ import annotations

import re
from functools import cached_property

from txsmtpx.web.letter import Letter

_TERM = re.compile(r'(?:(from|to|subject):)?(?:"([^"]*)"?|(\S+))', re.IGNORECASE)

MAX_TERMS = 20


class Searchable:
    """
    A message as it is searched: its places, in small letters.
    """

    def __init__(self, letter: Letter) -> None:
        self._letter = letter

    @cached_property
    def places(self) -> dict[str, str]:
        """Text by the name of the place; "" names all of them."""
        letter = self._letter
        copies = [value for name, value in letter.headers if name.lower() in ("cc", "bcc", "reply-to")]
        places = {
            "from": f"{letter.header('from')}\n{letter.received.sender}",
            "to": "\n".join([letter.header("to"), *letter.received.recipients, *copies]),
            "subject": letter.subject,
        }
        names = [part.filename for part in letter.attachments]
        everything = [*places.values(), letter.words, *names, letter.received.queue_id]
        return {name: text.lower() for name, text in (*places.items(), ("", "\n".join(everything)))}


class Query:
    """One search."""

    def __init__(self, text: str) -> None:
        found = _TERM.findall(text)[:MAX_TERMS]
        self._terms = [(place.lower(), (quoted or word).lower()) for place, quoted, word in found if quoted or word]

    def matches(self, searchable: Searchable) -> bool:
        """Whether all of it is in there."""
        return all(word in searchable.places[place] for place, word in self._terms)

    def __bool__(self) -> bool:
        """Whether anything is searched for."""
        return bool(self._terms)
