"""
The error of every parser of the grammar.

Python's own C{ValueError} may repeat what the peer has sent, in words that are not ours.  A reply shows the text of a
L{Malformed} only.
"""

from __future__ import annotations


class Malformed(ValueError):
    """
    The input breaks its syntax (RFC 5321 §4.1.2).  The text says how, and may be sent to the peer.

    C{decode} of a L{txsmtpx.Parameter} raises it.
    """
