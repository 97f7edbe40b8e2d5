"""
The error that every parser of the grammar raises.

The server sends the text of a `Malformed` to the peer.  It never sends the text of another ``ValueError``: Python's own
texts may repeat octets of the peer.
"""

from __future__ import annotations


class Malformed(ValueError):
    """
    The input breaks its syntax (RFC 5321 §4.1.2).

    Parsers raise it.  The ``decode`` function of a `Parameter` raises it too.

    Args:
        *args: The text, which describes the fault.  The server may send it to the peer.

    Example:
        >>> raise Malformed("takes one of RED, GREEN, BLUE")
        Traceback (most recent call last):
        txsmtpx.grammar.malformed.Malformed: takes one of RED, GREEN, BLUE
    """
