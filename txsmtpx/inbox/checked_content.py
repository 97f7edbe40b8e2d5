"""What the checks read in a message: its links, and the features of HTML and CSS that it uses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from txsmtpx.inbox.html_features import features_of
from txsmtpx.inbox.html_tags import tags
from txsmtpx.inbox.parsed_message import ParsedMessage
from txsmtpx.inbox.remote_references import MAX_URL, is_remote

MAX_LINKS = 500
"""Links of a message that are listed."""

TEXT_URL = re.compile(r"https?://[^\s<>\"'\x00-\x1f]{1,2000}")
"""A URL in plain text."""

TRAILING = ".,;:!?)]}*_"
"""The characters at the end of a URL in plain text that do not belong to it."""


@dataclass(frozen=True)
class Link:
    """
    A URL of another host in a message.

    Attributes:
        kind: "link", "image" or "style".
        url: The URL.
    """

    kind: str
    url: str


@dataclass(frozen=True)
class CheckedContent:
    """
    What the checks read in a message.  The parser computes it, see `rendered_view`.

    Attributes:
        links: The links, each once, up to `MAX_LINKS`.
        features: The names of the features, as in the data of caniemail.com.
    """

    links: Sequence[Link]
    features: Sequence[str]

    @classmethod
    def of(cls, message: ParsedMessage) -> CheckedContent:
        """
        Read a message.

        Args:
            message: The message.

        Returns:
            What was found.
        """
        links = dict.fromkeys(_of_html(message.html or ""))
        urls = (found[0].rstrip(TRAILING) for found in TEXT_URL.finditer(message.text or ""))
        links |= dict.fromkeys(Link("link", url) for url in urls)
        types = [part.content_type for part in message.parts]
        features = [] if message.html is None else sorted(features_of(message.html, types))
        return cls(list(links)[:MAX_LINKS], features)

    def serialized(self) -> bytes:
        """
        Serialize this for another process.

        Returns:
            JSON, which `deserialized` reads.
        """
        return json.dumps(asdict(self)).encode("ascii")

    @classmethod
    def deserialized(cls, octets: bytes) -> CheckedContent:
        """
        Read what `serialized` wrote.

        Args:
            octets: The result of `serialized`.

        Returns:
            What was found.
        """
        fields = json.loads(octets)
        return cls([Link(**each) for each in fields["links"]], fields["features"])


def _of_html(html: str) -> Iterable[Link]:
    for tag in tags(html):
        of_href = "style" if tag.name == "link" else "link"
        for name, kind in (("href", of_href), ("src", "image"), ("background", "image")):
            url = tag.attributes.get(name, "").strip()
            if is_remote(url) and len(url) <= MAX_URL:
                yield Link(kind, f"https:{url}" if url.startswith("//") else url)
