"""
RFC 6152: bodies of 8-bit octets, BODY=8BITMIME.
"""

from __future__ import annotations

from txsmtpx.extensions.extension import Extension
from txsmtpx.grammar.options import Parameter


def _decode(text: str | None) -> str:
    body = (text or "").upper()
    if body not in ("7BIT", "8BITMIME"):
        raise ValueError("7BIT or 8BITMIME")
    return body


BODY = Parameter("BODY", "body", _decode, str, "BODY=7BIT or BODY=8BITMIME")

EIGHTBITMIME = Extension("8BITMIME", "RFC 6152", mail=(BODY,))
