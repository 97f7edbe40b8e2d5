"""
The parts of a message (MIME, RFC 2045), as far as they can be made out.

L{email} does the parsing; what it raises over a hostile message, and what such a message would make it take, are met
here.
"""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import policy
from email.generator import BytesGenerator
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from functools import cached_property
from io import BytesIO
from typing import TypeVar

from txsmtpx.web.charset import header_text, text_of

T = TypeVar("T")

MAX_PARTS = 1000
"""Parts that are looked at."""

MAX_LINES = 4_000_000
"""Lines of a message that is taken apart; a longer one is shown by its header and its source."""

MAX_WORK = 8_000_000
"""Its lines times its boundaries, for L{email} compares each line with each boundary that is open."""

MAX_NAME = 120
"""Characters of a file name."""

_BOUNDARY = re.compile(rb"boundary[ \t\r\n]{0,100}\*?[0-9]{0,3}\*?[ \t\r\n]{0,100}=", re.IGNORECASE)
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}")


@dataclass(frozen=True)
class Part:
    """
    A part that is not itself made of parts.

    @ivar number: 1 for the first.
    @ivar message: what L{email} has made of it.
    """

    number: int
    message: Message

    @cached_property
    def content_type(self) -> str:
        """Type and subtype in lower case, C{application/octet-stream} where it is nonsense."""
        found = _tried(self.message.get_content_type, "")
        if found.startswith("multipart/"):
            return "text/plain"  # that has no parts
        return found if _TYPE.fullmatch(found) else "application/octet-stream"

    @cached_property
    def disposition(self) -> str:
        """C{inline}, C{attachment}, or "" where it does not say."""
        found = _tried(lambda: self.message.get_content_disposition() or "", "")
        return found if found in ("", "inline") else "attachment"  # RFC 2183 §2.8

    @cached_property
    def filename(self) -> str:
        """The name it wants, made harmless; "" if it has none."""
        return safe_name(header_text(_tried(lambda: self.message.get_filename() or "", "")))

    @property
    def download_name(self) -> str:
        """A name for its file in any case."""
        return self.filename or f"part-{self.number}{mimetypes.guess_extension(self.content_type) or '.bin'}"

    @cached_property
    def content_id(self) -> str:
        """What C{cid:} URLs call it, "" if it has none."""
        return _tried(lambda: header_text(str(self.message.get("Content-ID", ""))), "").strip("<> ")

    @cached_property
    def octets(self) -> bytes:
        """What is in it, its transfer encoding undone."""
        if self.message.is_multipart():  # message/rfc822 and the like
            return _tried(lambda: _flattened(self.message), b"")
        return _tried(lambda: bytes(self.message.get_payload(decode=True) or b""), b"")

    @property
    def text(self) -> str:
        """What is in it, as text."""
        return text_of(self.octets, _tried(self.message.get_content_charset, None))

    def is_body(self, subtype: str) -> bool:
        """Whether it is text of this C{subtype} to be read as part of the message."""
        return self.content_type == f"text/{subtype}" and self.disposition != "attachment" and not self.filename


def parsed(content: bytes) -> tuple[Message, bool]:
    """
    The message, and whether that is all of it: only the header is read where the rest would take too long.
    """
    lines = content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")
    if lines <= MAX_LINES and lines * sum(1 for _ in _BOUNDARY.finditer(content)) <= MAX_WORK:
        whole = _tried(lambda: BytesParser(policy=policy.compat32).parsebytes(content), None)
        if whole is not None:
            return whole, True
    beginning = content[: 64 * 1024]
    empty: Message = Message()
    return _tried(lambda: BytesHeaderParser(policy=policy.compat32).parsebytes(beginning), empty), False


def parts_of(message: Message) -> Iterator[Part]:
    """The parts, in the order of the message, at most L{MAX_PARTS}."""
    number = 0
    pending = [message]
    while pending and number < MAX_PARTS:
        this = pending.pop()
        inner = this.get_payload() if _tried(this.get_content_maintype, "") == "multipart" else None
        if isinstance(inner, list):
            pending += [each for each in reversed(inner) if isinstance(each, Message)]
        else:
            number += 1
            yield Part(number, this)


def safe_name(name: str) -> str:
    """C{name} without its directories and without characters that do not show, or turn the others around."""
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(char for char in name if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")).strip()
    if len(name) > MAX_NAME:
        stem, dot, suffix = name.rpartition(".")
        name = f"{stem[: MAX_NAME - 20]}{dot}{suffix[:19]}" if stem else name[:MAX_NAME]
    return "" if name.strip(". ") == "" else name


def _flattened(message: Message) -> bytes:
    octets = BytesIO()
    generator = BytesGenerator(octets, mangle_from_=False, policy=policy.compat32.clone(linesep="\r\n"))
    for inner in message.get_payload():
        if isinstance(inner, Message):
            generator.flatten(inner)
    return octets.getvalue()


def _tried(look: Callable[[], T], otherwise: T) -> T:
    """What it finds; L{email} raises all kinds of exceptions over headers that somebody has thought up for it."""
    try:
        return look()
    except Exception:
        return otherwise
