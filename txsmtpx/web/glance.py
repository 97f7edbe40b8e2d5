"""
A message as it stands in a list, and as it is searched.
"""

from __future__ import annotations

import re
from typing import Any

from txsmtpx.backends.memory import Received
from txsmtpx.content import address
from txsmtpx.web.letter import Letter

MAX_FIELD = 1000
"""Characters of a field in a list."""

MAX_WORDS = 64 * 1024
"""Characters of text that are searched."""

_SPACE = re.compile(r"\s+")


class Glance:
    """
    What can be seen of a message at a glance.  It is kept for every message, so it keeps little.

    @ivar received: the message.
    @ivar sender_name: the name of who wrote it, else the address.
    @ivar beginning: the first words of the text.
    @ivar attachments: how many there are in the part that was looked at.
    @ivar places: what is searched, in small letters, by the name of the place; "" names all of them.
    """

    def __init__(self, received: Received) -> None:
        letter = Letter(received, glance=True)
        self.received = received
        self.arrived = letter.arrived
        self.sender = letter.sender[:MAX_FIELD]
        self.sender_name = next((each.name for each in address.parse(self.sender)), "") or self.sender
        self.recipients = letter.recipients[:MAX_FIELD]
        self.copies = (letter.header["cc"] or "")[:MAX_FIELD]
        self.subject = letter.subject[:MAX_FIELD]
        words = letter.words[:MAX_WORDS]
        self.beginning = _SPACE.sub(" ", words[:400]).strip()[:160]
        self.attachments = len(letter.attachments)
        self.places = {name: text.lower() for name, text in _places(letter, words).items()}

    def summary(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "id": self.received.id,
            "queue_id": self.received.queue_id,
            "arrived": self.arrived,
            "sender": self.received.sender,
            "recipients": list(self.received.recipients),
            "from": self.sender,
            "to": self.recipients,
            "cc": self.copies,
            "subject": self.subject,
            "beginning": self.beginning,
            "size": len(self.received.content),
            "attachments": self.attachments,
        }


def _places(letter: Letter, words: str) -> dict[str, str]:
    copies = [value for name in ("cc", "bcc", "reply-to") for value in letter.header.get_all(name)]
    places = {
        "from": f"{letter.header['from'] or ''}\n{letter.received.sender}",
        "to": "\n".join([letter.header["to"] or "", *letter.received.recipients, *copies]),
        "subject": letter.subject,
    }
    names = [part.filename for part in letter.attachments]
    return {**places, "": "\n".join([*places.values(), words, *names, letter.received.queue_id])}
