"""
RFC 3030 §3: BINARYMIME, bodies that are no lines at all, by BDAT only.

Its parameter is BODY, which belongs to `txsmtpx.extensions.eightbitmime`.
"""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension

BINARYMIME = Extension(
    "BINARYMIME",
    "RFC 3030",
    wanted=lambda options: getattr(options, "body", "") == "BINARYMIME",
    requires=frozenset({"CHUNKING", "8BITMIME"}),
)
