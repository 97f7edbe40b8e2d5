"""
ENHANCEDSTATUSCODES (RFC 2034): an enhanced code (RFC 3463) on every line of every 2xx, 4xx and 5xx.

The greeting and the replies to HELO, EHLO and LHLO have none.
"""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension

ENHANCEDSTATUSCODES = Extension("ENHANCEDSTATUSCODES", "RFC 2034")
