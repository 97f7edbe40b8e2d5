"""A message as Mailpit's API describes it: in a list, and when it is opened."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

from txsmtpx.backends.received import Received
from txsmtpx.content import address, header
from txsmtpx.content.charset import text_of
from txsmtpx.content.field import unfolded, value_text
from txsmtpx.content.header import Header
from txsmtpx.content.part import leaves, read
from txsmtpx.grammar.mailbox import mailbox_key
from txsmtpx.inbox.listed_message import ListedMessage
from txsmtpx.inbox.message_detail import MessageDetail, PartDetail
from txsmtpx.inbox.parsed_message import BEGINNING
from txsmtpx.inbox.part_checksums import PartChecksums
from txsmtpx.web.json_text import JsonValue

MAX_NAMED = 32 * 1024
"""Octets of all fields with addresses that are read: a thousand recipients.  Hostile ones take 20 milliseconds."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_LINK = re.compile(r"<(mailto:[^<>\s]+|https?://[^<>\s]+)>", re.IGNORECASE)
_FOLD = re.compile(r"[ \t]*\r?\n[ \t]*")


class DescribedPart(Protocol):
    """The part of a message, as a list or the details have it."""

    @property
    def content_type(self) -> str:
        """The media type."""

    @property
    def disposition(self) -> str:
        """The Content-Disposition."""

    @property
    def filename(self) -> str:
        """The file name."""


def attached(part: DescribedPart) -> bool:
    """
    Return True for a part that Mailpit counts as an attachment.

    Args:
        part: The part.

    Returns:
        True for an attachment, False for text or for a file that the text shows.
    """
    if part.disposition:
        return part.disposition == "attachment"
    is_named_text = bool(part.filename) and part.content_type in ("text/plain", "text/html")
    return part.content_type == "application/octet-stream" or is_named_text


def mailpit_summary(listed: ListedMessage, beginning: bytes) -> dict[str, JsonValue]:
    """
    Describe a message in a list.

    Args:
        listed: The message.
        beginning: Its first octets, see `BEGINNING`.

    Returns:
        The fields, named as in Mailpit.
    """
    root = read(beginning[:BEGINNING])
    found = root.header
    logins = (name.partition(":")[2] for name in listed.mailboxes if name.startswith("login:"))
    return {
        "ID": str(listed.id),
        "MessageID": _identifier(found),
        "Read": listed.read,
        **_people(found, listed.rcpt_to),
        "Subject": listed.subject,
        "Created": listed.arrived.replace("+00:00", "Z"),
        "Username": next(logins, ""),
        "Tags": list(listed.tags),
        "Size": listed.size,
        "Attachments": sum(map(attached, leaves(root))),
        "Snippet": listed.beginning,
    }


def mailpit_message(
    listed: ListedMessage, received: Received, detail: MessageDetail, checksums: Sequence[PartChecksums]
) -> dict[str, JsonValue]:
    """
    Describe a message that is opened.

    Args:
        listed: The message, as a list has it.
        received: The message.
        detail: Its details.
        checksums: The checksums of its parts; none if the message exceeds a limit.

    Returns:
        The fields, named as in Mailpit.
    """
    found = header.read(received.content[:BEGINNING])
    files = [each for each in detail.parts if not each.is_body and (each.filename or each.content_id)]
    return {
        "ID": str(listed.id),
        "MessageID": _identifier(found),
        **_people(found, received.recipients),
        "ReturnPath": received.sender,
        "Subject": detail.header("subject"),
        "ListUnsubscribe": _list_unsubscribe(found),
        "Date": _date(found["date"] or "", received.arrived),
        "Tags": list(listed.tags),
        "Username": received.username or "",
        "Text": detail.readable_text,
        "HTML": detail.html or "",
        "Size": listed.size,
        "Inline": [_file(each, checksums) for each in files if not attached(each)],
        "Attachments": [_file(each, checksums) for each in files if attached(each)],
    }


def mailpit_headers(content: bytes) -> dict[str, JsonValue]:
    r"""
    Describe the header of a message.  Values are not decoded.

    Args:
        content: The octets of the message.

    Returns:
        The values by name, each name in its canonical form, in the order of the alphabet.

    Example:
        >>> mailpit_headers(b"x-tags: a,\r\n b\r\nSUBJECT: x\r\n\r\n")
        {'Subject': ['x'], 'X-Tags': ['a, b']}
    """
    values: dict[str, list[str]] = {}
    for field in header.read(content[:BEGINNING]).fields:
        name = field.name
        if _NAME.fullmatch(name):
            name = "-".join(map(str.capitalize, name.split("-")))
        values.setdefault(name, []).append(_FOLD.sub(" ", text_of(field.raw)).strip(" \t\r\n"))
    return {name: values[name] for name in sorted(values)}


def _identifier(found: Header) -> str:
    return (found["message-id"] or "").strip("<> ")


def _people(found: Header, recipients: Sequence[str]) -> dict[str, JsonValue]:
    people: dict[str, list[address.Address]] = {name: [] for name in ("From", "To", "Cc", "Bcc", "Reply-To")}
    names, left = {name.lower(): name for name in people}, MAX_NAMED
    for field in found.fields:
        name = names.get(field.name.lower(), "")
        if name:
            people[name] += address.parse(field.raw[:left])
            left = max(0, left - len(field.raw))
    named = {mailbox_key(each.address) for name in ("To", "Cc", "Bcc") for each in people[name]}
    # As in Mailpit, recipients that the header does not name are in Bcc.
    hidden = [address.Address("", each) for each in recipients if mailbox_key(each) not in named]
    sender = people["From"][:1] or [address.Address(value_text(found.raw("from") or b""), "")]
    return {
        "From": _person(sender[0]),
        "To": list(map(_person, people["To"])),
        "Cc": list(map(_person, people["Cc"])),
        "Bcc": list(map(_person, [*people["Bcc"], *hidden])),
        "ReplyTo": list(map(_person, people["Reply-To"])),
    }


def _person(found: address.Address) -> dict[str, JsonValue]:
    return {"Name": found.name, "Address": found.address}


def _list_unsubscribe(found: Header) -> dict[str, JsonValue]:
    value = _first(found, "list-unsubscribe")
    links = _LINK.findall(value)
    missing = "the field has no link in angle brackets" if value and not links else ""
    return {
        "Header": value,
        "Links": links,
        "Errors": missing,
        "HeaderPost": _first(found, "list-unsubscribe-post") if value else "",
    }


def _first(found: Header, name: str) -> str:
    return value_text(unfolded(found.raw(name) or b""))


def _date(value: str, arrived: float) -> str:
    try:
        moment = parsedate_to_datetime(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        moment = datetime.fromtimestamp(arrived, UTC)
    milliseconds = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=milliseconds).replace("+00:00", "Z")


def _file(part: PartDetail, checksums: Iterable[PartChecksums]) -> dict[str, JsonValue]:
    found = dict(enumerate(checksums, 1)).get(part.number) or PartChecksums("", "", "")
    return {
        "PartID": str(part.number),
        "FileName": part.filename or part.content_id,
        "ContentType": part.content_type,
        "ContentID": part.content_id,
        "Size": part.size,
        "Checksums": {"MD5": found.md5, "SHA1": found.sha1, "SHA256": found.sha256},
    }
