"""
RFC 2920: commands may come before the replies to those before them.

Nothing needs to be done for it: the wire holds what comes while the dialog waits.
"""

from __future__ import annotations

from txsmtpx.extensions.extension import Extension

PIPELINING = Extension("PIPELINING", "RFC 2920")
