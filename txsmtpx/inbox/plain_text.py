"""
The text of HTML: for lists, for searches, and for the text view of messages that have HTML only.

Each step is one pass of a regular expression without backtracking, so the time is linear in the length of the input.
The result is text.  The templates escape it, as they escape all text.
"""

from __future__ import annotations

import re

from txsmtpx.inbox.character_references import unescape
from txsmtpx.inbox.html_tags import MAX_LENGTH, RAW
from txsmtpx.inbox.sanitized_html import INLINE

BEGINNING = 128 * 1024
"""Characters of HTML that are read for a list or a search.  A half of them may be tags, and a quarter may be text.  The
worst input of that length takes 25 ms."""

_HIDDEN = re.compile(
    r"<(?=[!a-z])(?:!--.*?(?:-->|\Z)|"
    rf"({'|'.join(RAW)})(?=[\s/>])[^>]*+(?:>|\Z).*?(?:</\1(?=[\s/>])[^>]*+(?:>|\Z)|\Z))",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_INLINE_TAG = re.compile(
    rf"<(?=[/a-z])/?+(?:{'|'.join(sorted(INLINE))})(?=[\s/>])[^>]*+(?:>|\Z)", re.ASCII | re.IGNORECASE
)
_TAG = re.compile(r"<[/!?a-zA-Z][^>]*+(?:>|\Z)")


def plain_text(source: str, beginning: bool = False) -> str:
    r"""
    Return the text of HTML.

    Args:
        source: The HTML.  The first 4 Mi characters are read.
        beginning: Read only the first characters, see `BEGINNING`.

    Returns:
        Lines, stripped of white space, without empty lines.

    Example:
        >>> plain_text("<h1>One</h1><p>two <b>thr</b>ee")
        'One\ntwo three'
    """
    text = _HIDDEN.sub("", source[: BEGINNING if beginning else MAX_LENGTH])
    text = _TAG.sub("\n", _INLINE_TAG.sub("", text[: BEGINNING // 2] if beginning else text))
    text = unescape(text[: BEGINNING // 4] if beginning else text)
    return "\n".join(line for line in map(str.strip, text.splitlines()) if line)
