"""
The text in HTML: for lists, for searches, and for the view of a message as text.

Each step is one pass of a regular expression that never goes back, so the time grows with the length of the input only.
The result is text, and is escaped like any other text before a browser gets it.
"""

from __future__ import annotations

import re

from txsmtpx.inbox.character_references import unescape
from txsmtpx.inbox.sanitized_html import INLINE, MAX_LENGTH, RAW

BEGINNING = 128 * 1024
"""Characters of HTML of which the text is looked for, where a beginning is enough.  65,536 of them may be tags, and
32,768 of what is left are read.  The worst input of that length takes 25 ms."""

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
    Return the text in HTML.

    Args:
        source: the HTML, of which 4 Mi characters are read.
        beginning: look only at its beginning, see `BEGINNING`.

    Returns:
        Lines without blanks around them, and without empty lines.

    Example:
        >>> plain_text("<h1>One</h1><p>two <b>thr</b>ee")
        'One\ntwo three'
    """
    text = _HIDDEN.sub("", source[: BEGINNING if beginning else MAX_LENGTH])
    text = _TAG.sub("\n", _INLINE_TAG.sub("", text[: BEGINNING // 2] if beginning else text))
    text = unescape(text[: BEGINNING // 4] if beginning else text)
    return "\n".join(line for line in map(str.strip, text.splitlines()) if line)
