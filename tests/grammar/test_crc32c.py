"""The examples of RFC 3720, appendix B.4, and the usual one; CRC32 is another."""

from __future__ import annotations

import zlib

import pytest

from txsmtpx.grammar.crc32c import crc32c


@pytest.mark.parametrize(
    ("octets", "checksum"),
    [
        (b"", 0),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
    ],
)
def test_examples(octets, checksum):
    assert crc32c(octets) == checksum


def test_it_is_not_crc32():
    assert crc32c(b"123456789") != zlib.crc32(b"123456789")
