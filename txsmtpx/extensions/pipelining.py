"""
RFC 2920: commands may come before the replies to those before them.  Replies to what came together leave together
(§3.2).  Where each command waits for the backend, those to MAIL, RCPT and RSET that are ready leave every 20
milliseconds, and at once when no command waits behind them; no other reply waits.

Nothing needs to be done for it here: the wire holds what comes while the dialog waits, and what it says.
"""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension

PIPELINING = Extension("PIPELINING", "RFC 2920")
