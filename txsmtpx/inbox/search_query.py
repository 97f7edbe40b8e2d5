"""
The text of the search field, parsed.

A query has terms, separated by spaces.  A term is a word, a ``"quoted phrase"``, or a prefix with a value, such as
``from:ann``, ``is:unread`` and ``larger:1M``.  A message matches if it fulfills all terms.  A ``-`` before a term
excludes the messages that match it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Literal

from txsmtpx.grammar import asciitext
from txsmtpx.inbox.mailbox_name import mailbox_name
from txsmtpx.inbox.search_words import words_of
from txsmtpx.web.web_errors import BadRequest

MAX_LENGTH = 1000
"""Characters of a query."""

MAX_TERMS = 20
"""Terms of a query.  A message is searched once for each."""

Field = Literal["", "from", "to", "cc", "addressed", "subject", "message-id"]
"""A field in which words are searched; "" for all fields and the text, "addressed" for all fields with addresses."""

Kind = Literal["words", "attachment", "read", "tagged", "tag", "before", "after", "larger", "smaller", "mailbox"]
"""What a term compares."""

_TERM = re.compile(r'([-!]?)(?:([A-Za-z]+(?:-[A-Za-z]+)?):)?(?:"([^"]*)"?|(\S*))')
_IGNORED = re.compile(r'[\s"!-]')
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?)([KMG]?)B?", re.ASCII | re.IGNORECASE)
_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3}


@dataclass(frozen=True)
class SearchTerm:
    """
    One term of a query.

    Attributes:
        kind: What the term compares.
        value: The words, in the form of `words_of`; a tag; octets; or seconds since the epoch.  Kinds without a value,
            such as "read", have "".
        field: The field of the kind "words".
        excluded: True if a message must not match the term.
    """

    kind: Kind
    value: str | float = ""
    field: Field = ""
    excluded: bool = False


class SearchQuery:
    """
    Parse the text of one search.

    Attributes:
        terms: The terms.

    Args:
        text: The text of the search field.
        mailbox: The name of a mailbox, to which the search is limited; "" for all.
        zone: The zone of times without an offset.

    Raises:
        BadRequest: The text is too long, has too many terms, or a term is wrong.

    Example:
        >>> for term in SearchQuery('from:ann -"Big invoice"').terms:
        ...     print(term.field, term.value, term.excluded)
        from ann False
         big invoice True
    """

    def __init__(self, text: str, mailbox: str = "", zone: tzinfo = UTC) -> None:
        if len(text) > MAX_LENGTH:
            raise BadRequest(f"search: {len(text)} characters are too many; the limit is {MAX_LENGTH}")
        self.terms: list[SearchTerm] = []
        for sign, prefix, quoted, word in _TERM.findall(text):
            name = asciitext.lower(prefix)
            if name in _PREFIXES:
                value = quoted or word
                term = partial(_moment, zone) if name in ("before", "after") else _PREFIXES[name]
                if not value:
                    raise BadRequest(f"search: {name}: needs a value right behind it, such as {_EXAMPLES[name]}")
                self.terms.append(term(name, value, bool(sign)))
            else:
                words = words_of(f"{prefix} {quoted or word}")
                if words:
                    self.terms.append(SearchTerm("words", words, "", bool(sign)))
        if len(self.terms) > MAX_TERMS:
            raise BadRequest(f"search: {len(self.terms)} words are too many; the limit is {MAX_TERMS}")
        if not self.terms and _IGNORED.sub("", text):
            raise BadRequest(f"search: {text[:100]!r} has no letter, digit or symbol to search for")
        if mailbox:
            self.terms.append(SearchTerm("mailbox", mailbox_name(mailbox)))

    def __bool__(self) -> bool:
        """Return True if the query has a term."""
        return bool(self.terms)


def _field(name: str, value: str, excluded: bool) -> SearchTerm:
    words = words_of(value)
    if not words:
        raise BadRequest(f"search: {name}: needs a word with a letter or a digit, not {value[:100]!r}")
    return SearchTerm("words", words, _FIELDS[name], excluded)


def _choice(name: str, value: str, excluded: bool) -> SearchTerm:
    choices = _CHOICES[name]
    if asciitext.lower(value) not in choices:
        raise BadRequest(f"search: {name}: needs {' or '.join(choices)}, not {value[:100]!r}")
    kind, opposite = choices[asciitext.lower(value)]
    return SearchTerm(kind, excluded=excluded != opposite)


def _tag(name: str, value: str, excluded: bool) -> SearchTerm:
    return SearchTerm("tag", value.lower(), excluded=excluded)


def _moment(zone: tzinfo, name: str, value: str, excluded: bool) -> SearchTerm:
    try:
        moment = datetime.fromisoformat(value)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        text = f"search: {name}: needs a date such as 2026-06-15, or a time such as 2026-06-15T15:06, not"
        raise BadRequest(f"{text} {value[:100]!r}") from None
    return SearchTerm("before" if name == "before" else "after", seconds, excluded=excluded)


def _size(name: str, value: str, excluded: bool) -> SearchTerm:
    found = _SIZE.fullmatch(value)
    if found is None:
        raise BadRequest(f"search: {name}: needs a size such as 5000, 20K or 1.5M, not {value[:100]!r}")
    octets = float(found[1]) * _UNITS[asciitext.lower(found[2])]
    return SearchTerm("larger" if name == "larger" else "smaller", octets, excluded=excluded)


_CHOICES: dict[str, dict[str, tuple[Kind, bool]]] = {
    "has": {"attachment": ("attachment", False), "attachments": ("attachment", False)},
    "is": {"unread": ("read", True), "read": ("read", False), "tagged": ("tagged", False)},
}
"""The values of a prefix: the kind of the term, and True if the value is the opposite of that kind."""

_FIELDS: dict[str, Field] = {
    "from": "from",
    "to": "to",
    "cc": "cc",
    "bcc": "to",
    "reply-to": "to",
    "addressed": "addressed",
    "subject": "subject",
    "message-id": "message-id",
}
"""The field of each prefix.  Bcc and Reply-To are searched together with To."""

_EXAMPLES = {
    "from": "from:ann",
    "to": "to:ann",
    "cc": "cc:ann",
    "bcc": "bcc:ann",
    "reply-to": "reply-to:ann",
    "addressed": "addressed:ann",
    "subject": "subject:invoice",
    "message-id": "message-id:a1b2@example.org",
    "has": "has:attachment",
    "is": "is:unread",
    "tag": "tag:signup",
    "before": "before:2026-06-15",
    "after": "after:2026-06-15",
    "larger": "larger:1M",
    "smaller": "smaller:20K",
}

_PREFIXES: dict[str, Callable[[str, str, bool], SearchTerm]] = {
    **dict.fromkeys(_FIELDS, _field),
    **dict.fromkeys(("has", "is"), _choice),
    **dict.fromkeys(("before", "after"), partial(_moment, UTC)),
    **dict.fromkeys(("larger", "smaller"), _size),
    "tag": _tag,
}
