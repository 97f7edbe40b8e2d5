"""xtext (RFC 3461 §4): octets as printable ASCII without "+" and "="."""

from __future__ import annotations

import re

from txsmtpx.grammar.malformed import Malformed

# RFC 3461 §4: xchar is printable ASCII but "+" and "="; hexchar is "+" and two digits in upper case.
_PLAIN = re.compile(r"[!-*,-<>-~]*")
_UNSAFE = re.compile(rb"[^!-*,-<>-~]")
_ESCAPE = re.compile(r"\+([0-9A-F]{2})")


def encode(text: str) -> str:
    """
    Encode a text as xtext.

    Args:
        text: Any text without lone surrogates.

    Returns:
        The xtext.  A character beyond ASCII is encoded as the octets of its UTF-8.

    Example:
        >>> encode("a+b=ü")
        'a+2Bb+3D+C3+BC'
    """
    return _UNSAFE.sub(lambda octet: b"+%02X" % octet[0][0], text.encode("utf-8")).decode("ascii")


def decode(text: str) -> str:
    """
    Decode xtext; the inverse of `encode`.

    Args:
        text: The xtext.

    Returns:
        The decoded text.

    Raises:
        Malformed: The text is not xtext, or its octets are not UTF-8.

    Example:
        >>> decode("a+2Bb+3D+C3+BC")
        'a+b=ü'
    """
    if _PLAIN.fullmatch(_ESCAPE.sub("", text)) is None:
        raise Malformed("not xtext")
    octets = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text).encode("latin-1")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("not xtext of UTF-8") from None
