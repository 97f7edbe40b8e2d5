"""The views of a message: their names, and the texts that they show."""

from __future__ import annotations

import re

from txsmtpx.content.charset import text_of
from txsmtpx.inbox.message_detail import MAX_HEADER, MAX_TEXT, MessageDetail

VIEWS = {
    "html": "HTML",
    "text": "Text",
    "headers": "Headers",
    "source": "Source",
    "markup": "HTML source",
    "parts": "Parts",
    "checks": "Checks",
}
"""The views of a message, by the last segment of their path, with their titles."""

HEADER_VIEWS = {"headers": "Decoded", "unfolded": "Raw", "folded": "Raw, folded"}
"""The views of the header: decoded, or as it was received, with each field on one line, or folded as it was."""

OF_HTML = ("html", "markup")
"""The views that a message without HTML does not have."""

_END_OF_HEADER = re.compile(rb"(?:\A|\r?\n)\r?\n")
_FOLD = re.compile(r"\r?\n(?=[ \t])")


def views_of(detail: MessageDetail) -> dict[str, str]:
    """
    Return the views that a message has.

    Args:
        detail: The message.

    Returns:
        The titles by name.
    """
    return {name: title for name, title in VIEWS.items() if name not in OF_HTML or detail.html is not None}


def raw_header(content: bytes, folded: bool) -> str:
    r"""
    Return the header of a message as it was received.

    Args:
        content: The octets of the message.
        folded: False to put each field on one line (RFC 5322 §2.2.3).

    Returns:
        The first octets of the header, up to `MAX_HEADER`.

    Example:
        >>> raw_header(b"Subject: a\r\n b\r\n\r\ntext", folded=False)
        'Subject: a b'
    """
    beginning = content[:MAX_HEADER]
    end = _END_OF_HEADER.search(beginning)
    text = text_of(beginning if end is None else beginning[: end.start()])
    return text if folded else _FOLD.sub("", text)


def shown_text(view: str, content: bytes, detail: MessageDetail) -> str:
    """
    Return the text that a view shows.

    Args:
        view: The name of the view.
        content: The octets of the message.
        detail: The message.

    Returns:
        The text; "" for a view that is no text.
    """
    if view == "text":
        return detail.readable_text.decode("utf-8", "ignore")
    if view == "markup":
        return (detail.html or b"").decode("utf-8", "ignore")
    if view == "source":
        return text_of(content[:MAX_TEXT])
    return raw_header(content, view == "folded") if view in HEADER_VIEWS and view != "headers" else ""
