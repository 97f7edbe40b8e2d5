"""TLSA records: which certificates a server may present (RFC 6698 §2.1, RFC 7671, RFC 7672)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

DANE_TA = 2
"""The record names an authority: the certificate of the server must be signed by it (RFC 7672 §3.1.2)."""
DANE_EE = 3
"""The record names the certificate of the server, or its key (RFC 7672 §3.1.1)."""
_USAGES = (DANE_TA, DANE_EE)
_SELECTORS = (0, 1)

FULL = 0
"""The record has the whole certificate or key, not a digest."""
_DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}
_LENGTHS = {1: 32, 2: 64}


@dataclass(frozen=True)
class TLSARecord:
    """
    A TLSA record.

    Attributes:
        usage: The certificate usage: `DANE_TA` or `DANE_EE` can be used for mail (RFC 7672 §3.1.3).
        selector: 0 for the whole certificate, 1 for its public key.
        matching: 0 for the octets themselves, 1 for SHA-256, 2 for SHA-512.
        data: The octets, or their digest.

    Example:
        >>> record = TLSARecord.of(bytes([3, 1, 1]) + bytes(32))
        >>> record.usage, record.usable
        (3, True)
        >>> TLSARecord.of(bytes([1, 1, 1]) + bytes(32)).usable
        False
    """

    usage: int
    selector: int
    matching: int
    data: bytes

    @classmethod
    def of(cls, octets: bytes) -> TLSARecord:
        """
        Read the data of a record in the DNS.

        Args:
            octets: The data.

        Returns:
            The record.  It is not usable if the data is too short.
        """
        if len(octets) < 3:
            return cls(255, 255, 255, octets)
        return cls(octets[0], octets[1], octets[2], octets[3:])

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()}"

    @property
    def usable(self) -> bool:
        """
        True if the client can verify a certificate with the record.

        Usages 0 and 1 are not for mail: clients have no common list of authorities (RFC 7672 §3.1.3).
        """
        if self.usage not in _USAGES or self.selector not in _SELECTORS:
            return False
        return bool(self.data) if self.matching == FULL else len(self.data) == _LENGTHS.get(self.matching)


def association(octets: bytes, matching: int) -> bytes:
    """
    Return the data of the records for a certificate or a key.

    Args:
        octets: The certificate or the key, in DER.
        matching: 0 for the octets themselves, 1 for SHA-256, 2 for SHA-512.

    Returns:
        The data.

    Example:
        >>> association(b"abc", 1).hex()[:8]
        'ba7816bf'
    """
    return octets if matching == FULL else _DIGESTS[matching](octets).digest()


def strongest(records: Sequence[TLSARecord]) -> list[TLSARecord]:
    """
    Return the records that count: those that are usable, without weaker digests of the same kind (RFC 7671 §9).

    Args:
        records: All records.

    Returns:
        For each usage and selector, the records with the whole octets, and those with the strongest digest.

    Example:
        >>> weak, strong = TLSARecord(3, 1, 1, bytes(32)), TLSARecord(3, 1, 2, bytes(64))
        >>> strongest([weak, strong]) == [strong]
        True
    """
    usable = [each for each in records if each.usable]
    best: dict[tuple[int, int], int] = {}
    for each in usable:
        kind = (each.usage, each.selector)
        best[kind] = max(best.get(kind, FULL), each.matching)
    return [each for each in usable if each.matching in (FULL, best[each.usage, each.selector])]
