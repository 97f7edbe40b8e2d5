"""
The error of every parser of the grammar.

A reply shows the text of a `Malformed`. It never shows that of another `ValueError`: Python's own may repeat what the
peer has sent.
"""

from __future__ import annotations


class Malformed(ValueError):
    """
    The input breaks its syntax (RFC 5321 §4.1.2).  The text says how, and may be sent to the peer.

    Parsers raise it, and so does `decode` of a `Parameter`.

    Example:
        >>> raise Malformed("takes one of RED, GREEN, BLUE")
        Traceback (most recent call last):
        txsmtpx.grammar.malformed.Malformed: takes one of RED, GREEN, BLUE
    """
