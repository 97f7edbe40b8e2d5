"""CRC32c, the checksum of SCTP (RFC 9260, appendix A) and of the PROXY protocol."""

from __future__ import annotations

from functools import cache


def crc32c(octets: bytes) -> int:
    """
    Return the CRC32c of octets.

    Args:
        octets: Any octets.

    Returns:
        The checksum, 0 to 0xFFFFFFFF.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    table, value = _table(), 0xFFFFFFFF
    for octet in octets:
        value = table[(value ^ octet) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    """Return the change that each octet makes to the checksum: the polynomial of Castagnoli, its bits reversed."""

    def entry(value: int) -> int:
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        return value

    return tuple(map(entry, range(256)))
