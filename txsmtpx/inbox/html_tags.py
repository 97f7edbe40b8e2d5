"""
The tags of HTML, as browsers find them.

The HTML is read as a sequence of tags and texts.  No tree is built, so the time is linear in the length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from txsmtpx.inbox.character_references import unescape

MAX_LENGTH = 4 * 1024 * 1024
"""Characters of HTML that are read.  The rest is dropped."""

MAX_TAGS = 100_000
"""Tags that are read.  The rest is dropped."""

RAW = {name: re.compile(rf"</{name}(?=[\s/>])", re.ASCII | re.IGNORECASE) for name in (
    "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "object", "svg", "math",
    "template", "audio", "video", "select",
)}  # fmt: skip
"""Elements whose content is not read as tags.  The pattern finds the end tag."""

BEGIN = re.compile(r"<(?=[a-zA-Z/!?])")
"""The beginning of a tag or a comment."""

NAME = re.compile(r"/?[a-zA-Z][^\s/>]*+")
"""The name of a tag."""

REST_OF_TAG = re.compile(r"""(?:[\s/]*+(?:[^\s/>=]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>]*+))?|=))*+[\s/]*+>""")
"""A tag from the end of its name to its ``>``."""

_ATTRIBUTE = re.compile(r"""[\s/]*+(?:([^\s/>=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?|=)""")


@dataclass(frozen=True)
class Tag:
    """
    A start tag.  `tags` creates it.

    Attributes:
        name: The name of the element, in lower case.
        attributes: The attributes by name in lower case, with character references decoded.
        content: The content of an element of `RAW`, otherwise "".
    """

    name: str
    attributes: dict[str, str]
    content: str = ""


def attributes_of(source: str, start: int, end: int) -> Iterator[tuple[str, str]]:
    """
    Read the attributes of a tag.

    Args:
        source: The HTML.
        start: The index behind the name of the tag.
        end: The index of its ``>``.

    Yields:
        The names in lower case, each with its value as it was written.  Of several attributes with one name the first
        counts, as in browsers.
    """
    for attribute in _ATTRIBUTE.finditer(source, start, end):
        if attribute[1]:
            yield attribute[1].lower(), attribute[2] or attribute[3] or attribute[4] or ""


def behind(source: str, end: str, start: int) -> int:
    """
    Find the end of a comment or a tag.

    Args:
        source: The HTML.
        end: The characters at the end.
        start: The index where the search begins.

    Returns:
        The index behind the end; that of the end of the HTML if there is none.
    """
    found = source.find(end, start)
    return len(source) if found < 0 else found + len(end)


def tags(source: str) -> Iterator[Tag]:
    """
    Read the start tags of HTML.

    Args:
        source: The HTML.

    Yields:
        The tags.

    Example:
        >>> [tag.attributes for tag in tags("<p>See <A href='/?a&amp;b'>here</a>") if tag.name == "a"]
        [{'href': '/?a&b'}]
    """
    source = source[:MAX_LENGTH]
    at = count = 0
    while (begin := BEGIN.search(source, at)) is not None and count < MAX_TAGS:
        less = begin.start()
        name = NAME.match(source, less + 1)
        if source.startswith("<!--", less):
            at = behind(source, "-->", less + 4)
            continue
        if name is None:
            at = behind(source, ">", less)
            continue
        rest = REST_OF_TAG.match(source, name.end())
        if rest is None:
            return
        count += 1
        at = rest.end()
        lower = name.group().lower()
        if lower.startswith("/"):
            continue
        content = ""
        if lower in RAW:
            end = RAW[lower].search(source, at)
            content = source[at:] if end is None else source[at : end.start()]
            at = len(source) if end is None else end.start()
        found: dict[str, str] = {}
        for key, value in attributes_of(source, rest.start(), rest.end() - 1):
            found.setdefault(key, unescape(value))
        yield Tag(lower, found, content)
