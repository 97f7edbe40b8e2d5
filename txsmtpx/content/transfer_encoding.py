"""Transfer encodings and their decoders: base64, quoted-printable and uuencode (RFC 2045 §6)."""

from __future__ import annotations

import binascii
import re

_TOKEN = re.compile(rb"(?:[\s\";]|\([^()]*+\))*+([A-Za-z0-9-]{1,40}+)")
_BASE64 = bytes(range(256)).translate(None, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
_PADDING = re.compile(rb"=++")
_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} [^\n]*+\n", re.MULTILINE)


def name(raw: bytes) -> str:
    """
    Parse the value of Content-Transfer-Encoding.

    Args:
        raw: The octets behind the colon of the field.  White space, comments, quotes and semicolons around the name are
            ignored.

    Returns:
        The name in lower case; "" if there is none.

    Example:
        >>> name(b" BASE64 (as ever);")
        'base64'
    """
    found = _TOKEN.match(raw[:1000])
    return "" if found is None else found[1].decode("ascii").lower()


def decode(octets: bytes, encoding: str) -> bytes:
    r"""
    Decode a body.

    Args:
        octets: The encoded octets.
        encoding: The name of the transfer encoding in lower case.

    Returns:
        The decoded octets; what cannot be decoded is left out.  If the name is unknown, the octets are unchanged.

    Example:
        >>> decode(b"Zmlyc3Q=\r\nIGhhbGY=", "base64")
        b'first half'
    """
    if encoding == "base64":
        return _from_base64(octets)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(octets)
    if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return _from_uuencode(octets)
    return octets


def _from_base64(octets: bytes) -> bytes:
    """Return the octets of base64.  Padding ends a run, and another run may follow (RFC 2045 §6.8)."""
    runs = _PADDING.split(octets.translate(None, _BASE64))
    return b"".join([binascii.a2b_base64(_whole(run)) for run in runs if len(run) > 1])


def _whole(run: bytes) -> bytes:
    """Return a run with its padding, without a single character at the end, which encodes no whole octet."""
    over = len(run) % 4
    return run[:-1] if over == 1 else run + b"=" * (-over % 4)


def _from_uuencode(octets: bytes) -> bytes:
    begin = _UU_BEGIN.search(octets)
    if begin is None:
        return octets
    decoded: list[bytes] = []
    for line in octets[begin.end() :].split(b"\n"):
        line = line.rstrip(b"\r")
        if not line or line == b"end":
            break
        try:
            decoded.append(binascii.a2b_uu(line[:100]))
        except binascii.Error:
            # Some encoders append a character.  The first character of the line encodes the length.
            number = ((line[0] - 32 & 63) * 4 + 5) // 3
            try:
                decoded.append(binascii.a2b_uu(line[: number + 1]))
            except binascii.Error:
                break
    return b"".join(decoded)
