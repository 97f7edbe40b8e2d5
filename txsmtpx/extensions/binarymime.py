"""
BINARYMIME (RFC 3030 §3): a message of any octets, without line ends, by BDAT only.

Its parameter is BODY, which `txsmtpx.extensions.eightbitmime` defines.
"""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension

BINARYMIME = Extension(
    "BINARYMIME",
    "RFC 3030",
    wanted=lambda options: getattr(options, "body", "") == "BINARYMIME",
    requires=frozenset({"CHUNKING", "8BITMIME"}),
)
