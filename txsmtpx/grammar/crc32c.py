"""
CRC32c, the checksum of SCTP (RFC 9260, appendix A), which the PROXY protocol has too.
"""

from __future__ import annotations

from functools import cache


def crc32c(octets: bytes) -> int:
    """Return the CRC32c of ``octets``."""
    table, value = _table(), 0xFFFFFFFF
    for octet in octets:
        value = table[(value ^ octet) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    """What each octet does to the checksum, by the polynomial of Castagnoli, its bits reversed."""

    def entry(value: int) -> int:
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        return value

    return tuple(map(entry, range(256)))
