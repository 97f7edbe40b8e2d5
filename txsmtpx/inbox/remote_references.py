"""
The images and styles of other hosts to which the HTML of a message refers.

The sanitizer, which knows no network, writes a placeholder for each.  `RemoteHtml` requests them, and puts them in.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import Literal

from txsmtpx.grammar import asciitext

Kind = Literal["image", "style"]
"""The kind of what is referred to."""

MAX_REFERENCES = 200
"""Images and styles of a message that are requested.  The others are left out."""

MAX_URL = 4096
"""Characters of a URL."""


class RemoteReferences:
    """
    Collect the references of one message, and write their placeholders.

    Attributes:
        found: The kind and the URL of each reference, in order, each once.

    Args:
        secret: The beginning of the placeholders, which a message cannot guess; "" for a new one.

    Example:
        >>> references = RemoteReferences("x")
        >>> references.placeholder("image", "https://example.org/a.png")
        'x-0-'
    """

    def __init__(self, secret: str = "") -> None:
        self.found: dict[tuple[Kind, str], int] = {}
        self._secret = secret or secrets.token_hex(16)

    def placeholder(self, kind: Kind, url: str) -> str:
        """
        Add a reference.

        Args:
            kind: The kind.
            url: The URL.

        Returns:
            The placeholder; "" if there are too many references.
        """
        url = f"https:{url}" if url.startswith("//") else url
        if (kind, url) not in self.found and (len(self.found) >= MAX_REFERENCES or len(url) > MAX_URL):
            return ""
        return f"{self._secret}-{self.found.setdefault((kind, url), len(self.found))}-"

    @property
    def pattern(self) -> re.Pattern[bytes]:
        """The pattern of the placeholders, whose group is the index in `found`."""
        return re.compile(rb"%b-([0-9]{1,4})-" % self._secret.encode("ascii"))

    def serialized(self, html: str) -> bytes:
        """
        Serialize the references for another process.

        Args:
            html: The HTML that has their placeholders.

        Returns:
            A line of JSON, and behind it the HTML.
        """
        line = json.dumps([self._secret, list(self.found)]).encode("ascii")
        return b"%b\n%b" % (line, html.encode("utf-8", "replace"))

    @classmethod
    def deserialized(cls, octets: bytes) -> tuple[RemoteReferences, bytes]:
        """
        Read what `serialized` wrote.

        Args:
            octets: The result of `serialized`.

        Returns:
            The references, and the HTML.
        """
        line, _, html = octets.partition(b"\n")
        secret, found = json.loads(line)
        references = cls(secret)
        references.found = {(kind, url): number for number, (kind, url) in enumerate(found)}
        return references, html


def is_remote(url: str) -> bool:
    """
    Check for a URL of a web server.

    Args:
        url: The URL, or a reference without scheme such as ``//example.org/``.

    Returns:
        True if it is one.
    """
    return url.startswith("//") or asciitext.lower(url[:8]).startswith(("http://", "https://"))
