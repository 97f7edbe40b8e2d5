"""
A message as it stands in a list, and as it is searched.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import Any

from twisted.logger import Logger

from txsmtpx.backends.memory import Received
from txsmtpx.content import address
from txsmtpx.inbox.parsed_message import ParsedMessage
from txsmtpx.inbox.search_query import SearchQuery

log = Logger(__name__)

MAX_FIELD = 1000
"""Characters of a field in a list."""

MAX_NAMED = 4000
"""Octets of From in which the name of the sender is looked for."""

MAX_SEARCHED = 32 * 1024
"""Octets of UTF-8 of From, of To with its like, and of the subject that are searched."""

MAX_WORDS = 64 * 1024
"""Octets of UTF-8 of the text that are searched."""

_SPACE = re.compile(r"\s+")


class MessageSummary:
    """
    What can be seen of a message at a glance.  It is kept for every message, so it keeps little.

    Attributes:
        id: The number of the message.
        sender_name: The name of who wrote it, else the address.
        beginning: The first words of the text.
        attachments: How many there are in the part that was looked at.
        held: Octets of memory that this takes.
    """

    def __init__(self, received: Received) -> None:
        self.id = received.id
        self.size = len(received.content)
        try:
            letter = ParsedMessage(received, glance=True)
            words = letter.words
            self._show(letter, words)
            places = _places(letter, words)
        except Exception:  # a list shows what can be shown
            log.failure("queue={queue} a list shows no header of this message", queue=received.queue_id)
            self._show(ParsedMessage(replace(received, content=b"")), "")
            places = {}
        self._places: dict[str, bytes] = {}
        for name, text in places.items():
            most = MAX_SEARCHED if name else MAX_WORDS
            self._places[name] = _searched(text[:most])[:most]
        self.held = sum(map(sys.getsizeof, (vars(self), *vars(self).values(), *self._places.values())))

    def _show(self, letter: ParsedMessage, words: str) -> None:
        self.arrived = letter.arrived
        self.sender = letter.sender[:MAX_FIELD]
        names = (each.name for each in address.parse((letter.header.raw("from") or b"")[:MAX_NAMED]))
        self.sender_name = next(names, "") or self.sender
        self.recipients = letter.recipients[:MAX_FIELD]
        self.copies = next(iter(letter.copies), "")[:MAX_FIELD]
        self.subject = letter.subject[:MAX_FIELD]
        self.beginning = _SPACE.sub(" ", words[:400]).strip()[:160]
        self.attachments = len(letter.attachments)

    def summary(self, received: Received) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "id": self.id,
            "queue_id": received.queue_id,
            "arrived": self.arrived,
            "sender": received.sender,
            "recipients": list(received.recipients),
            "from": self.sender,
            "to": self.recipients,
            "cc": self.copies,
            "subject": self.subject,
            "beginning": self.beginning,
            "size": self.size,
            "attachments": self.attachments,
        }

    def matches(self, query: SearchQuery, received: Received) -> bool:
        """
        Whether all that ``query`` searches for is in the message.

        Args:
            received: The message; no copy of its envelope is kept here, which may have a thousand recipients.
        """
        if not query:
            return True
        envelope = {"from": received.sender, "to": "\n".join(received.recipients), "subject": "", "": received.queue_id}
        texts = {name: (self._places.get(name, b""), _searched(text)) for name, text in envelope.items()}
        anywhere = [text for pair in texts.values() for text in pair]
        return all(any(word in text for text in (texts[name] if name else anywhere)) for name, word in query.terms)


def _places(letter: ParsedMessage, words: str) -> dict[str, str]:
    """What is searched, but for the envelope, which is no part of the message."""
    to = letter.recipients if "to" in letter.header else ""
    others = [value for name in ("bcc", "reply-to") for value in letter.header.get_all(name)]
    return {
        "from": letter.sender if "from" in letter.header else "",
        "to": "\n".join([to, *letter.copies, *others]),
        "subject": letter.subject,
        "": "\n".join([*(part.filename for part in letter.attachments), words]),
    }


def _searched(text: str) -> bytes:
    """``text`` in small letters and UTF-8, in which a search costs least memory."""
    return text.lower().encode("utf-8", "replace")
