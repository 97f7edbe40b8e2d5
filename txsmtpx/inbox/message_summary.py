"""The summary of a message: its line in a list, and the text that a search looks at."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace

from twisted.logger import Logger

from txsmtpx.backends.received import Received
from txsmtpx.content import address
from txsmtpx.inbox.listed_message import ListedMessage
from txsmtpx.inbox.mailbox_name import mailboxes_of
from txsmtpx.inbox.message_tags import tags_of
from txsmtpx.inbox.parsed_message import ParsedMessage, arrived_text
from txsmtpx.inbox.search_query import Field, SearchQuery, SearchTerm
from txsmtpx.inbox.search_words import has_words, words_of

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
_NAMES: dict[Field, tuple[Field, ...]] = {"to": ("to", "cc"), "addressed": ("from", "to", "cc")}
"""The fields of a summary in which a field of a search is looked for, if there are several."""


class MessageSummary:
    """
    Summarize one message.

    `MemoryStore` keeps the summary of each message that is listed or searched, as long as the message.  So a summary
    holds little memory, and no copy of the envelope, which may have a thousand recipients.

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
        tags: The tags.
        fields: The texts that are searched, by field: a space, and the words in UTF-8 (`words_of`).  The envelope is
            left out.
        held: The octets of memory that this object takes.

    Args:
        received: The message.
    """

    def __init__(self, received: Received) -> None:
        self.id: int = received.id
        self.size: int = len(received.content)
        self.tags: list[str] = []
        try:
            message = ParsedMessage(received, beginning_only=True)
            text = message.readable_text
            self._summarize(message, text)
            fields = _searched_fields(message, text)
        except Exception:  # one message must not break the list
            log.failure("queue={queue} cannot parse this message; lists show its envelope", queue=received.queue_id)
            self._summarize(ParsedMessage(replace(received, content=b"")), "")
            fields = {}
        self.fields: dict[Field, bytes] = {}
        for name, value in fields.items():
            most = MAX_SEARCHED if name else MAX_TEXT
            self.fields[name] = f" {words_of(value[:most])}".encode("utf-8", "replace")[:most]
        held = (vars(self), *vars(self).values(), *self.fields.values(), *self.tags)
        self.held: int = sum(map(sys.getsizeof, held))

    def retag(self, tags: Sequence[str]) -> int:
        """
        Replace the tags.

        Args:
            tags: The new tags.

        Returns:
            The octets of memory that this object takes in addition.
        """
        before = self.tags
        self.tags = list(tags)
        held = sum(map(sys.getsizeof, (self.tags, *self.tags))) - sum(map(sys.getsizeof, (before, *before)))
        self.held += held
        return held

    def _summarize(self, message: ParsedMessage, text: str) -> None:
        self.arrived: str = arrived_text(message.received.arrived)
        self.sender: str = message.sender[:MAX_FIELD]
        names = (each.name for each in address.parse((message.header.raw("from") or b"")[:MAX_NAMED]))
        self.sender_name: str = next(names, "") or self.sender
        self.recipients: str = message.recipients[:MAX_FIELD]
        self.copies: str = next(iter(message.copies), "")[:MAX_FIELD]
        self.subject: str = message.subject[:MAX_FIELD]
        self.beginning: str = _SPACE.sub(" ", text[:400]).strip()[:160]
        self.attachments: int = len(message.attachments)
        self.tags = tags_of(message.received.recipients, message.header.get_all("x-tags"))

    def listed(self, received: Received, read: bool) -> ListedMessage:
        """
        Return the line of the message in a list.

        Args:
            received: The message, which has the envelope.
            read: True if the message was read.

        Returns:
            The line.
        """
        return ListedMessage(
            self.id,
            received.queue_id,
            self.arrived,
            received.sender,
            received.recipients,
            self.sender,
            self.sender_name,
            self.recipients,
            self.copies,
            self.subject,
            self.beginning,
            self.size,
            self.attachments,
            self.tags,
            mailboxes_of(received.recipients, received.username),
            read,
        )

    def matches(self, query: SearchQuery, received: Received, read: bool) -> bool:
        """
        Search the message.

        Args:
            query: The terms to look for.
            received: The message, which has the envelope.
            read: True if the message was read.

        Returns:
            True if the message fulfills all terms.
        """
        return all(self._fulfills(term, received, read) != term.excluded for term in query.terms)

    def _fulfills(self, term: SearchTerm, received: Received, read: bool) -> bool:
        match term.kind, term.value:
            case "words", str(words):
                return self._has(term.field, words, received)
            case "mailbox", name:
                return name in mailboxes_of(received.recipients, received.username)
            case "tag", tag:
                return tag in self.tags
            case "before", float(moment):
                return received.arrived < moment
            case "after", float(moment):
                return received.arrived >= moment
            case "larger", float(octets):
                return self.size > octets
            case "smaller", float(octets):
                return self.size < octets
        return bool({"attachment": self.attachments, "tagged": self.tags, "read": read}[term.kind])

    def _has(self, field: Field, words: str, received: Received) -> bool:
        searched = b" " + words.encode("utf-8", "replace")
        names = _NAMES.get(field, (field,))
        if any(searched in text for name, text in self.fields.items() if not field or name in names):
            return True
        envelope = envelope_texts(received)
        return any(has_words(text, words) for name, text in envelope.items() if not field or name in names)


def envelope_texts(received: Received) -> dict[Field, str]:
    """
    Return the texts of the envelope that are searched.

    Args:
        received: The message.

    Returns:
        The texts by the field of the search.  The field "" has the identifier of the transaction.
    """
    return {"from": received.sender, "to": "\n".join(received.recipients), "": received.queue_id}


def _searched_fields(message: ParsedMessage, text: str) -> dict[Field, str]:
    """Return the texts that are searched, by field.  The field "" has the text and the file names."""
    to = message.recipients if "to" in message.header else ""
    others = [value for name in ("bcc", "reply-to") for value in message.header.get_all(name)]
    return {
        "from": message.sender if "from" in message.header else "",
        "to": "\n".join([to, *others]),
        "cc": "\n".join(message.copies),
        "subject": message.subject,
        "message-id": message.header["message-id"] or "",
        "": "\n".join([*(part.filename for part in message.attachments), text]),
    }
