"""
The PROXY protocol of HAProxy: the header, of version 1 or 2, that a proxy sends before the octets of the client.

Sections are those of proxy-protocol.txt, which is part of HAProxy.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

from txsmtpx.grammar.crc32c import crc32c

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
"""The first octets of a header of version 2 (section 2.2)."""

MAX_LINE = 107
"""Octets of a header of version 1, with its CRLF (section 2.1)."""

MAX_LENGTH = 16 * 1024
"""Octets of a header of version 2.  HAProxy reads what fits into its buffer (tune.bufsize, by default 16384)."""

ALPN, AUTHORITY, CRC32C, NOOP, UNIQUE_ID, SSL, NETNS = 0x01, 0x02, 0x03, 0x04, 0x05, 0x20, 0x30
"""Types of TLVs (section 2.2)."""

SSL_VERSION, SSL_CN, SSL_CIPHER, SSL_SIG_ALG, SSL_KEY_ALG = 0x21, 0x22, 0x23, 0x24, 0x25
"""Types of TLVs within the value of ``SSL`` (section 2.2.6)."""

End = tuple[str, int] | bytes
"""One end of a connection: (IP address, port), or the path of a UNIX socket."""

_PREFIX = b"PROXY "
_LOCAL, _PROXY = 0x20, 0x21
_STREAM = 1
_FAMILIES = {0: 0, 1: 12, 2: 36, 3: 216}
"""The octets of both addresses for each address family: AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX."""
_PORT = re.compile(rb"0|[1-9][0-9]{0,4}")


class ProxyError(ValueError):
    """
    The octets are not a PROXY header.

    Args:
        *args: The text, which describes the fault and repeats at most 48 octets.
    """


@dataclass(frozen=True)
class ProxySSL:
    """
    The client's TLS connection to the proxy (section 2.2.6).

    `ProxyHeader.ssl` makes it.  A text is "" if the header does not have it.

    Attributes:
        tls: True if the client connected over TLS.
        certificate: True if the client has presented a certificate, in this connection or earlier in its TLS session.
        verified: True if the proxy has verified that certificate.
        version: The version of TLS, such as "TLSv1.3".
        cipher: OpenSSL's name of the cipher.
        common_name: The common name in the client's certificate.
        signature: The algorithm that signed the proxy's certificate, such as "RSA-SHA256".
        key: The algorithm of the key of the proxy's certificate, such as "RSA2048".
    """

    tls: bool
    certificate: bool
    verified: bool
    version: str = ""
    cipher: str = ""
    common_name: str = ""
    signature: str = ""
    key: str = ""


@dataclass(frozen=True)
class ProxyHeader:
    r"""
    A PROXY header, decoded.

    The server makes one from the first octets of a connection.  A proxy makes one for each client.

    Attributes:
        version: 1 or 2.
        source: The client's end.  None if the proxy does not name it (``UNKNOWN``), or if the connection is the proxy's
            own (``LOCAL``).
        destination: The end to which the client connected.  None if the source is None.
        tlvs: The values of the TLVs of version 2 by their types.  If a type is given twice, the first one counts.  A
            checksum is verified and left out.

    Example:
        >>> header = ProxyHeader(1, ("192.0.2.1", 50000), ("198.51.100.1", 25))
        >>> encode(header)
        b'PROXY TCP4 192.0.2.1 198.51.100.1 50000 25\r\n'
        >>> decode(b"PROXY TCP4 192.0.2.1 198.51.100.1 50000 25\r\nEHLO x\r\n") == (header, 44)
        True
    """

    version: int
    source: End | None = None
    destination: End | None = None
    tlvs: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def authority(self) -> str | None:
        """The host name that the client requested by SNI; None if the header does not have it."""
        return _text(self.tlvs.get(AUTHORITY))

    @property
    def alpn(self) -> bytes | None:
        """The protocol that the client negotiated by ALPN; None if the header does not have it."""
        return self.tlvs.get(ALPN)

    @property
    def unique_id(self) -> bytes | None:
        """The proxy's own identifier of the connection; None if the header does not have it."""
        return self.tlvs.get(UNIQUE_ID)

    @property
    def ssl(self) -> ProxySSL | None:
        """The client's TLS connection to the proxy; None if the header does not have it, or if it is malformed."""
        value = self.tlvs.get(SSL)
        if value is None or len(value) < 5:
            return None
        try:
            found = {kind: content for kind, content, _ in reversed(list(_each_tlv(value, 5)))}
        except ProxyError:
            return None
        words = [_text(found.get(kind)) or "" for kind in (SSL_VERSION, SSL_CIPHER, SSL_CN, SSL_SIG_ALG, SSL_KEY_ALG)]
        certificate = bool(value[0] & 0x06)
        return ProxySSL(bool(value[0] & 0x01), certificate, certificate and value[1:5] == bytes(4), *words)


def encode(header: ProxyHeader, checksum: bool = False) -> bytes:
    """
    Encode a PROXY header; the inverse of `decode`.

    A header without addresses is ``PROXY UNKNOWN`` in version 1.  In version 2 it is ``LOCAL``.  If it has TLVs, it is
    ``PROXY`` with AF_UNSPEC instead, since a receiver discards the TLVs of ``LOCAL``.

    Args:
        header: The header.  Version 1 has no TLVs and no paths of UNIX sockets.
        checksum: True to add a CRC32c in version 2 (section 2.2.3).

    Returns:
        The octets.

    Raises:
        ValueError: There is no such version, or the version has no form for the header.
    """
    if header.version not in (1, 2):
        raise ValueError(f"the PROXY protocol has versions 1 and 2, not {header.version}")
    if header.version == 1:
        return _encode_line(header)
    family, addresses = _encode_addresses(header.source, header.destination)
    tlvs = [(CRC32C, bytes(4)), *header.tlvs.items()] if checksum else list(header.tlvs.items())
    block = addresses + b"".join(struct.pack("!BH", kind, len(value)) + value for kind, value in tlvs)
    if len(block) > MAX_LENGTH - 16:
        raise ValueError(f"a PROXY header has at most {MAX_LENGTH} octets")
    command = _PROXY if family or tlvs else _LOCAL
    octets = SIGNATURE + struct.pack("!BBH", command, family, len(block)) + block
    if checksum:
        at = 16 + len(addresses) + 3
        octets = octets[:at] + crc32c(octets).to_bytes(4, "big") + octets[at + 4 :]
    return octets


def decode(octets: bytes) -> tuple[ProxyHeader, int] | None:
    """
    Decode the PROXY header at the beginning of a connection.

    Args:
        octets: All octets that have come so far.

    Returns:
        The header and its length in octets; None if more octets must come.

    Raises:
        ProxyError: The octets do not begin a header, or the header is malformed or too long.
    """
    if SIGNATURE.startswith(octets[:12]):
        return _decode_binary(octets)
    if _PREFIX.startswith(octets[:6]):
        return _decode_line(octets)
    raise ProxyError(f"the connection begins with {octets[:16]!r}")


# ---- version 1 (section 2.1)


def _encode_line(header: ProxyHeader) -> bytes:
    source, destination = header.source, header.destination
    if header.tlvs:
        raise ValueError("version 1 of the PROXY protocol has no TLVs")
    if source is None and destination is None:
        return b"PROXY UNKNOWN\r\n"
    if not isinstance(source, tuple) or not isinstance(destination, tuple):
        raise ValueError(f"version 1 of PROXY connects two IP addresses, not {source!r} and {destination!r}")
    first, second = _same_family(source, destination)
    return f"PROXY TCP{first.version} {first} {second} {source[1]} {destination[1]}\r\n".encode()


def _decode_line(octets: bytes) -> tuple[ProxyHeader, int] | None:
    line, end, _ = octets[:MAX_LINE].partition(b"\n")
    if not end:
        if len(octets) >= MAX_LINE:
            raise ProxyError(f"a header of version 1 has at most {MAX_LINE} octets")
        return None
    size = len(line + end)
    if line.find(b"\r") != len(line) - 1:
        raise ProxyError("a header of version 1 ends in CRLF, and holds no other CR")
    line = line.removesuffix(b"\r")
    words = line.split(b" ")
    if words[1] == b"UNKNOWN":  # section 2.1: the rest of the line must be ignored
        return ProxyHeader(1), size
    if words[1] not in (b"TCP4", b"TCP6"):
        raise ProxyError(f"the protocol is TCP4, TCP6 or UNKNOWN, not {words[1][:16]!r}")
    if len(words) != 6:
        raise ProxyError(f"{words[1].decode()} is followed by two addresses and two ports")
    hosts = [_host(word, words[1]) for word in words[2:4]]
    ports = [_port(word) for word in words[4:]]
    return ProxyHeader(1, (hosts[0], ports[0]), (hosts[1], ports[1])), size


def _host(word: bytes, protocol: bytes) -> str:
    try:
        text = word.decode("ascii")
        if "%" not in text:
            return str(IPv4Address(text) if protocol == b"TCP4" else IPv6Address(text))
    except ValueError:
        pass
    raise ProxyError(f"{word[:48]!r} is not an address of {protocol.decode()}")


def _port(word: bytes) -> int:
    if _PORT.fullmatch(word) is None or int(word) > 0xFFFF:
        raise ProxyError(f"a port is a number up to 65535, not {word[:16]!r}")
    return int(word)


# ---- version 2 (section 2.2)


def _encode_addresses(source: End | None, destination: End | None) -> tuple[int, bytes]:
    # Returns the octet for address family and protocol, and the octets of the addresses.
    if source is None and destination is None:
        return 0, b""
    if isinstance(source, tuple) and isinstance(destination, tuple):
        first, second = _same_family(source, destination)
        ports = struct.pack("!HH", source[1], destination[1])
        return 0x11 if first.version == 4 else 0x21, first.packed + second.packed + ports
    if not (isinstance(source, bytes) and isinstance(destination, bytes)) or max(len(source), len(destination)) > 108:
        what = "two IP addresses, or two paths of at most 108 octets"
        raise ValueError(f"version 2 of PROXY connects {what}, not {source!r} and {destination!r}")
    return 0x31, source.ljust(108, b"\0") + destination.ljust(108, b"\0")


def _decode_binary(octets: bytes) -> tuple[ProxyHeader, int] | None:
    if len(octets) > 12 and octets[12] not in (_LOCAL, _PROXY):
        raise ProxyError(f"version and command are 0x20 or 0x21, not {octets[12]:#04x}")
    if len(octets) < 16:
        return None
    size = 16 + int.from_bytes(octets[14:16], "big")
    if size > MAX_LENGTH:
        raise ProxyError(f"a header of version 2 has at most {MAX_LENGTH} octets here, not {size}")
    if len(octets) < size:
        return None
    if octets[12] == _LOCAL:  # section 2.2: the rest of the header must be discarded
        return ProxyHeader(2), size
    family, protocol = octets[13] >> 4, octets[13] & 0x0F
    if family not in _FAMILIES or protocol > 2:
        raise ProxyError(f"unknown address family and protocol {octets[13]:#04x}")
    at = 16 + _FAMILIES[family]
    if at > size:
        raise ProxyError(f"addresses of family {family} have {_FAMILIES[family]} octets, not {size - 16}")
    tlvs = _decode_tlvs(octets[:size], at, family)
    if protocol != _STREAM or not family:  # section 2.2: a receiver may treat UDP as AF_UNSPEC
        return ProxyHeader(2, tlvs=tlvs), size
    source, destination = _decode_addresses(octets[16:at])
    return ProxyHeader(2, source, destination, tlvs), size


def _decode_addresses(block: bytes) -> tuple[End, End]:
    if len(block) == 216:
        return _path(block[:108]), _path(block[108:])
    half = (len(block) - 4) // 2
    ports = struct.unpack("!HH", block[-4:])
    return (str(ip_address(block[:half])), ports[0]), (str(ip_address(block[half:-4])), ports[1])


def _path(octets: bytes) -> bytes:
    if octets.startswith(b"\0"):  # a name in the abstract namespace of Linux, or no name
        return octets.rstrip(b"\0")
    return octets.partition(b"\0")[0]


def _decode_tlvs(octets: bytes, at: int, family: int) -> dict[int, bytes]:
    try:
        tlvs = list(_each_tlv(octets, at))
    except ProxyError:
        if family:
            raise
        return {}  # AF_UNSPEC may have addresses of any form here, which must be ignored
    found: dict[int, bytes] = {}
    for kind, value, place in tlvs:
        if kind == CRC32C:
            _verify(octets, place, value)
        elif kind != NOOP:
            found.setdefault(kind, value)
    return found


def _each_tlv(octets: bytes, at: int) -> Iterator[tuple[int, bytes, int]]:
    # Yields the type, the value, and the index where the value begins.
    while at < len(octets):
        value = at + 3
        end = value + int.from_bytes(octets[at + 1 : value], "big")
        if value > len(octets) or end > len(octets):
            raise ProxyError("a TLV is longer than the header")
        yield octets[at], octets[value:end], value
        at = end


def _verify(octets: bytes, at: int, value: bytes) -> None:
    if len(value) != 4:
        raise ProxyError(f"a checksum has 4 octets, not {len(value)}")
    if crc32c(octets[:at] + bytes(4) + octets[at + 4 :]) != int.from_bytes(value, "big"):
        raise ProxyError("the checksum is wrong")


# ---- both


def _same_family(
    source: tuple[str, int], destination: tuple[str, int]
) -> tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address]:
    # The zone of a link-local address has no meaning on another host (RFC 4007 §11).
    first, second = (ip_address(host.partition("%")[0]) for host, _ in (source, destination))
    if first.version != second.version:
        raise ValueError(f"{first} and {second} are of two address families")
    return first, second


def _text(octets: bytes | None) -> str | None:
    return None if octets is None else octets.decode("utf-8", "replace")
