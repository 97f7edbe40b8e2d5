"""
PIPELINING (RFC 2920): a client may send further commands before it has the replies to previous ones.

Replies to commands of one segment are written together (§3.2).  If each command waits for the backend, the replies to
MAIL, RCPT and RSET that are ready are written every 20 milliseconds, and at once when no command follows.  No other
reply waits.

This file has no code for that: the wire holds the input and the replies while the dialog waits.
"""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension

PIPELINING = Extension("PIPELINING", "RFC 2920")
