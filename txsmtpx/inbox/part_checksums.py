"""The checksums of the parts of a message."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import NamedTuple

from txsmtpx.content.part import Part


class PartChecksums(NamedTuple):
    """
    Hold the checksums of one part, after its transfer encoding is decoded, as hexadecimal digits.

    Attributes:
        md5: MD5.  It identifies a file that is known; it protects nothing.
        sha1: SHA-1; for it the same holds.
        sha256: SHA-256.
    """

    md5: str
    sha1: str
    sha256: str

    @classmethod
    def of(cls, octets: bytes) -> PartChecksums:
        """
        Compute checksums.

        Args:
            octets: The octets of the part.

        Returns:
            The checksums.

        Example:
            >>> PartChecksums.of(b"")[0]
            'd41d8cd98f00b204e9800998ecf8427e'
        """
        return cls(
            hashlib.md5(octets, usedforsecurity=False).hexdigest(),
            hashlib.sha1(octets, usedforsecurity=False).hexdigest(),
            hashlib.sha256(octets).hexdigest(),
        )


def serialized_checksums(parts: Iterable[Part]) -> bytes:
    """
    Compute the checksums of the parts of a message, and serialize them for another process.

    Args:
        parts: The parts that have no parts of their own.

    Returns:
        JSON: a list of checksums for each part.
    """
    return json.dumps([PartChecksums.of(part.octets) for part in parts]).encode("ascii")


def deserialized_checksums(octets: bytes) -> list[PartChecksums]:
    """
    Read what `serialized_checksums` wrote.

    Args:
        octets: The result of `serialized_checksums`.

    Returns:
        The checksums of each part.
    """
    return [PartChecksums(*each) for each in json.loads(octets)]
