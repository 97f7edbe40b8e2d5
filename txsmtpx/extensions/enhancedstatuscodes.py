"""
ENHANCEDSTATUSCODES (RFC 2034): each line of a 2xx, 4xx or 5xx reply has an enhanced code (RFC 3463).

The greeting and the replies to HELO, EHLO and LHLO have none.
"""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension

ENHANCEDSTATUSCODES = Extension("ENHANCEDSTATUSCODES", "RFC 2034")
