"""The summary of a message: its line in a list, and the text that a search looks at."""

from __future__ import annotations

import re
import sys
from dataclasses import replace

from twisted.logger import Logger

from txsmtpx.backends.received import Received
from txsmtpx.content import address
from txsmtpx.inbox.json_text import JsonValue
from txsmtpx.inbox.parsed_message import ParsedMessage
from txsmtpx.inbox.search_query import SearchQuery

log = Logger(__name__)

MAX_FIELD = 1000
"""Characters of a header field in a list."""

MAX_NAMED = 4000
"""Octets of the From field in which the display name of the sender is looked for."""

MAX_SEARCHED = 32 * 1024
"""Octets that are searched, in UTF-8, of each: From; To with Cc, Bcc and Reply-To; Subject."""

MAX_TEXT = 64 * 1024
"""Octets that are searched of the text, in UTF-8."""

_SPACE = re.compile(r"\s+")


class MessageSummary:
    """
    Summarize one message.

    `Inbox.summary_of` creates one for each message that is listed or searched, and keeps it as long as the message.  So
    it holds little memory, and no copy of the envelope, which may have a thousand recipients.

    Attributes:
        id: The number of the message.
        size: The octets of the message.
        arrived: The time of arrival: ISO 8601, UTC, in milliseconds.
        sender: The From field, or else the address of MAIL.
        sender_name: The display name of the sender, or else `sender`.
        recipients: The To field, or else the addresses of RCPT.
        copies: The first Cc field, "" if there is none.
        subject: The Subject field, "" if there is none.
        beginning: The first words of the text.
        attachments: The number of attachments that begin in the first 128 KiB of the message.
        held: The octets of memory that this object takes.

    Args:
        received: The message.
    """

    def __init__(self, received: Received) -> None:
        self.id: int = received.id
        self.size: int = len(received.content)
        try:
            message = ParsedMessage(received, beginning_only=True)
            text = message.readable_text
            self._summarize(message, text)
            fields = _searched_fields(message, text)
        except Exception:  # one message must not break the list
            log.failure("queue={queue} cannot parse this message; lists show its envelope", queue=received.queue_id)
            self._summarize(ParsedMessage(replace(received, content=b"")), "")
            fields = {}
        self._fields: dict[str, bytes] = {}
        for name, value in fields.items():
            most = MAX_SEARCHED if name else MAX_TEXT
            self._fields[name] = _searchable(value[:most])[:most]
        self.held: int = sum(map(sys.getsizeof, (vars(self), *vars(self).values(), *self._fields.values())))

    def _summarize(self, message: ParsedMessage, text: str) -> None:
        self.arrived: str = message.arrived
        self.sender: str = message.sender[:MAX_FIELD]
        names = (each.name for each in address.parse((message.header.raw("from") or b"")[:MAX_NAMED]))
        self.sender_name: str = next(names, "") or self.sender
        self.recipients: str = message.recipients[:MAX_FIELD]
        self.copies: str = next(iter(message.copies), "")[:MAX_FIELD]
        self.subject: str = message.subject[:MAX_FIELD]
        self.beginning: str = _SPACE.sub(" ", text[:400]).strip()[:160]
        self.attachments: int = len(message.attachments)

    def as_json(self, received: Received) -> dict[str, JsonValue]:
        """
        Return the summary for the API.

        Args:
            received: The message, which has the envelope.

        Returns:
            The values by their names in the API.
        """
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
        Search the message.

        Args:
            query: The terms to look for.
            received: The message, which has the envelope.

        Returns:
            True if the message has all terms.
        """
        if not query:
            return True
        envelope = {"from": received.sender, "to": "\n".join(received.recipients), "subject": "", "": received.queue_id}
        texts = {name: (self._fields.get(name, b""), _searchable(text)) for name, text in envelope.items()}
        anywhere = [text for pair in texts.values() for text in pair]
        return all(any(word in text for text in (texts[name] if name else anywhere)) for name, word in query.terms)


def _searched_fields(message: ParsedMessage, text: str) -> dict[str, str]:
    """Return the texts that are searched, by field.  The field "" has the text and the file names."""
    to = message.recipients if "to" in message.header else ""
    others = [value for name in ("bcc", "reply-to") for value in message.header.get_all(name)]
    return {
        "from": message.sender if "from" in message.header else "",
        "to": "\n".join([to, *message.copies, *others]),
        "subject": message.subject,
        "": "\n".join([*(part.filename for part in message.attachments), text]),
    }


def _searchable(text: str) -> bytes:
    """Return a text in lower case and UTF-8, which takes the least memory."""
    return text.lower().encode("utf-8", "replace")
