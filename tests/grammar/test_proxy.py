"""The header of the PROXY protocol: there and back, cut anywhere, and whatever else may come."""

from __future__ import annotations

import dataclasses
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.grammar import proxy
from txsmtpx.grammar.proxy import SIGNATURE, ProxyError, ProxyHeader, ProxySSL, decode, encode

FOUR = ("192.0.2.1", 40000), ("203.0.113.25", 25)
SIX = ("2001:db8::1", 40000), ("2001:db8::25", 25)
PATHS = b"/run/client", b"\0abstract"
REST = b"EHLO client.example\r\n\r\n\r\n"


def v2(block: bytes = b"", family: int = 0x11, command: int = 0x21, length: int | None = None) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(block) if length is None else length) + block


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


def addresses(ends=FOUR) -> bytes:
    family = socket.AF_INET6 if ":" in ends[0][0] else socket.AF_INET
    hosts = b"".join(socket.inet_pton(family, host) for host, _ in ends)
    return hosts + struct.pack("!HH", ends[0][1], ends[1][1])


ADDRESSES = addresses()

GOOD = {
    "v1, IPv4": (b"PROXY TCP4 192.0.2.1 203.0.113.25 40000 25\r\n", ProxyHeader(1, *FOUR)),
    "v1, IPv6": (b"PROXY TCP6 2001:DB8::1 2001:db8:0::25 40000 25\r\n", ProxyHeader(1, *SIX)),
    "v1, the longest IPv6": (
        b"PROXY TCP6 " + b" ".join([b":".join([b"ffff"] * 8)] * 2) + b" 65535 65535\r\n",
        ProxyHeader(1, *[(":".join(["ffff"] * 8), 65535)] * 2),
    ),
    "v1, port 0": (b"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n",
                   ProxyHeader(1, ("0.0.0.0", 0), ("255.255.255.255", 65535))),
    "v1, unknown": (b"PROXY UNKNOWN\r\n", ProxyHeader(1)),
    "v1, unknown and a space": (b"PROXY UNKNOWN \r\n", ProxyHeader(1)),
    "v1, unknown and anything": (b"PROXY UNKNOWN \xff\x00 TCP4 1\r\n", ProxyHeader(1)),
    "v1, unknown, the longest": (b"PROXY UNKNOWN ".ljust(105, b"f") + b"\r\n", ProxyHeader(1)),
    "v2, IPv4": (v2(ADDRESSES), ProxyHeader(2, *FOUR)),
    "v2, IPv6": (v2(addresses(SIX), 0x21), ProxyHeader(2, *SIX)),
    "v2, UNIX": (v2(PATHS[0].ljust(108, b"\0") + PATHS[1].ljust(108, b"\0"), 0x31), ProxyHeader(2, *PATHS)),
    "v2, UNIX, the longest path": (v2(b"x" * 216, 0x31), ProxyHeader(2, b"x" * 108, b"x" * 108)),
    "v2, UNIX, no path in the file system": (
        v2(b"\0abX".ljust(108, b"\0") * 2, 0x31), ProxyHeader(2, b"\0abX", b"\0abX")
    ),
    "v2, UNIX, no path": (v2(bytes(216), 0x31), ProxyHeader(2, b"", b"")),
    "v2, UNIX, something behind the path": (v2((b"/a\0b" + bytes(104)) * 2, 0x31), ProxyHeader(2, b"/a", b"/a")),
    "v2, UDP": (v2(ADDRESSES + tlv(0xEA, b"x"), 0x12), ProxyHeader(2, tlvs={0xEA: b"x"})),
    "v2, UDP over IPv6": (v2(addresses(SIX), 0x22), ProxyHeader(2)),
    "v2, no protocol": (v2(ADDRESSES, 0x10), ProxyHeader(2)),
    "v2, datagrams over UNIX": (v2(bytes(216), 0x32), ProxyHeader(2)),
    "v2, local": (v2(b"", 0, 0x20), ProxyHeader(2)),
    "v2, local, to be discarded": (v2(b"\x04\0\x01x", 0, 0x20), ProxyHeader(2)),
    "v2, local, discarded whatever it is": (v2(b"\xff" * 5, 0xFF, 0x20), ProxyHeader(2)),
    "v2, unspecified": (v2(b"", 0), ProxyHeader(2)),
    "v2, unspecified, with a TLV": (v2(tlv(5, b"id"), 0), ProxyHeader(2, tlvs={5: b"id"})),
    "v2, unspecified, addresses of whatever": (v2(b"\x01" * 6, 0), ProxyHeader(2)),
    "v2, a TLV": (v2(ADDRESSES + tlv(0xEA, b"hello")), ProxyHeader(2, *FOUR, {0xEA: b"hello"})),
    "v2, an empty TLV": (v2(ADDRESSES + tlv(0xEA, b"")), ProxyHeader(2, *FOUR, {0xEA: b""})),
    "v2, a TLV twice": (v2(ADDRESSES + tlv(2, b"a") + tlv(2, b"b")), ProxyHeader(2, *FOUR, {2: b"a"})),
    "v2, padded": (v2(ADDRESSES + tlv(4, b"xx") + tlv(5, b"id") + tlv(4, b"")), ProxyHeader(2, *FOUR, {5: b"id"})),
    "v2, the longest": (
        v2(ADDRESSES + tlv(0xE0, bytes(proxy.MAX_LENGTH - 31))),
        ProxyHeader(2, *FOUR, {0xE0: bytes(proxy.MAX_LENGTH - 31)}),
    ),
}  # fmt: skip

good = pytest.mark.parametrize(("octets", "header"), GOOD.values(), ids=GOOD)


@good
def test_good(octets, header):
    assert decode(octets) == (header, len(octets))
    assert decode(octets + REST) == (header, len(octets))


@good
def test_it_waits_for_all_of_it(octets, header):
    ends = range(len(octets)) if len(octets) < 1000 else [*range(50), *range(len(octets) - 50, len(octets))]
    for end in ends:
        assert decode(octets[:end]) is None


BAD = {
    "no header": b"EHLO client.example\r\n",
    "one octet": b"E",
    "lower case": b"proxy TCP4 192.0.2.1 203.0.113.25 1 25\r\n",
    "TLS": b"\x16\x03\x01",
    "almost v1": b"PROXY\r\n",
    "almost v1, a tab": b"PROXY\tTCP4",
    "almost v2": SIGNATURE[:11] + b"X",
    "CR LF": b"\r\nEHLO",
    "v1, nothing": b"PROXY \r\n",
    "v1, another protocol": b"PROXY TCP5 192.0.2.1 203.0.113.25 1 25\r\n",
    "v1, protocol in lower case": b"PROXY tcp4 192.0.2.1 203.0.113.25 1 25\r\n",
    "v1, almost unknown": b"PROXY UNKNOWNS\r\n",
    "v1, UDP": b"PROXY UDP4 192.0.2.1 203.0.113.25 1 25\r\n",
    "v1, two spaces": b"PROXY TCP4  192.0.2.1 203.0.113.25 1 25\r\n",
    "v1, two spaces before": b"PROXY  TCP4 192.0.2.1 203.0.113.25 1 25\r\n",
    "v1, a space at the end": b"PROXY TCP4 192.0.2.1 203.0.113.25 1 25 \r\n",
    "v1, more than ports": b"PROXY TCP4 192.0.2.1 203.0.113.25 1 25 7\r\n",
    "v1, no ports": b"PROXY TCP4 192.0.2.1 203.0.113.25\r\n",
    "v1, one port": b"PROXY TCP4 192.0.2.1 203.0.113.25 1\r\n",
    "v1, bare LF": b"PROXY TCP4 192.0.2.1 203.0.113.25 1 25\nEHLO\r\n",
    "v1, bare LF after unknown": b"PROXY UNKNOWN\nEHLO\r\n",
    "v1, bare CR": b"PROXY UNKNOWN x\ry\r\n",
    "v1, LF before CR LF": b"PROXY UNKNOWN x\n\r\n",
    "v1, without end, as long as it may be": b"PROXY UNKNOWN ".ljust(107, b"f"),
    "v1, too long": b"PROXY UNKNOWN ".ljust(106, b"f") + b"\r\n",
    "v1, without end": b"PROXY TCP4 " + b"1" * 200,
    "v1, IPv6 as IPv4": b"PROXY TCP4 ::1 ::1 1 25\r\n",
    "v1, IPv4 as IPv6": b"PROXY TCP6 192.0.2.1 203.0.113.25 1 25\r\n",
    "v1, a zone": b"PROXY TCP6 fe80::1%eth0 ::1 1 25\r\n",
    "v1, a name": b"PROXY TCP4 localhost 203.0.113.25 1 25\r\n",
    "v1, octets beyond 255": b"PROXY TCP4 192.0.2.256 203.0.113.25 1 25\r\n",
    "v1, leading zeros": b"PROXY TCP4 192.0.2.010 203.0.113.25 1 25\r\n",
    "v1, three octets": b"PROXY TCP4 192.0.2 203.0.113.25 1 25\r\n",
    "v1, a number": b"PROXY TCP4 3221225985 203.0.113.25 1 25\r\n",
    "v1, too few groups": b"PROXY TCP6 2001:db8 ::1 1 25\r\n",
    "v1, two gaps": b"PROXY TCP6 2001::db8::1 ::1 1 25\r\n",
    "v1, injection": b"PROXY TCP4 1.2.3.4]\x1b[2Jevil 203.0.113.25 1 25\r\n",
    "v1, not ASCII": b"PROXY TCP4 192.0.2.\xd9\xa1 203.0.113.25 1 25\r\n",
    "v1, invalid UTF-8": b"PROXY TCP4 192.0.2.\xff 203.0.113.25 1 25\r\n",
    "v1, a port too high": b"PROXY TCP4 192.0.2.1 203.0.113.25 65536 25\r\n",
    "v1, a port below": b"PROXY TCP4 192.0.2.1 203.0.113.25 1 -25\r\n",
    "v1, a port with a sign": b"PROXY TCP4 192.0.2.1 203.0.113.25 1 +25\r\n",
    "v1, a port with zeros": b"PROXY TCP4 192.0.2.1 203.0.113.25 01 25\r\n",
    "v1, a port with an underscore": b"PROXY TCP4 192.0.2.1 203.0.113.25 1_0 25\r\n",
    "v1, a port that is none": b"PROXY TCP4 192.0.2.1 203.0.113.25 smtp 25\r\n",
    "v1, NUL": b"PROXY TCP4 192.0.2.1 203.0.113.25 1 2\x005\r\n",
    "v2, version 1": SIGNATURE + b"\x11",
    "v2, version 3": SIGNATURE + b"\x31",
    "v2, another command": SIGNATURE + b"\x22",
    "v2, no such family": v2(ADDRESSES, 0x41),
    "v2, no such protocol": v2(ADDRESSES, 0x13),
    "v2, too short for IPv4": v2(ADDRESSES[:-1]),
    "v2, too short for IPv6": v2(ADDRESSES, 0x21),
    "v2, too short for UNIX": v2(bytes(215), 0x31),
    "v2, a TLV without length": v2(ADDRESSES + b"\xea\x00"),
    "v2, a TLV beyond its header": v2(ADDRESSES + b"\xea\x00\x05hell") + b"o",
    "v2, too long": v2(b"", length=proxy.MAX_LENGTH - 15),
    "v2, as long as can be said": v2(b"", length=0xFFFF),
    "v2, a wrong checksum": v2(ADDRESSES + tlv(3, b"\0\0\0\1")),
    "v2, a short checksum": v2(ADDRESSES + tlv(3, b"\0\0\0")),
    "v2, a wrong checksum without addresses": v2(tlv(3, b"\0\0\0\1"), 0),
}


@pytest.mark.parametrize("octets", BAD.values(), ids=BAD)
def test_bad(octets):
    with pytest.raises(ProxyError, match=r".") as raised:
        decode(octets)
    assert len(str(raised.value)) < 120
    assert str(raised.value).isprintable()
    for end in range(len(octets)):  # not before it can be known, and then for good
        try:
            assert decode(octets[:end]) is None
        except ProxyError:
            with pytest.raises(ProxyError):
                decode(octets[: end + 1])


REASONS = {
    b"EHLO client.example": "the connection begins with b'EHLO client.exam'",
    b"PROXY UNKNOWN ".ljust(107): "a header of version 1 has at most 107 octets",
    b"PROXY UNKNOWN\n": "a header of version 1 ends in CRLF, and holds no other CR",
    b"PROXY ABCDEFGHIJKLMNOPQRS\r\n": "the protocol is TCP4, TCP6 or UNKNOWN, not b'ABCDEFGHIJKLMNOP'",
    b"PROXY TCP6 ::1\r\n": "TCP6 is followed by two addresses and two ports",
    b"PROXY TCP4 " + b"1" * 60 + b" 1 1 1\r\n": f"{b'1' * 48!r} is not an address of TCP4",
    b"PROXY TCP6 ::1 ::1 " + b"1" * 30 + b" 1\r\n": f"a port is a number up to 65535, not {b'1' * 16!r}",
    SIGNATURE + b"\x22": "version and command are 0x20 or 0x21, not 0x22",
    v2(length=0xFFFF): "a header of version 2 has at most 16384 octets here, not 65551",
    v2(b"", 0x41): "unknown address family and protocol 0x41",
    v2(bytes(11)): "addresses of family 1 have 12 octets, not 11",
    v2(ADDRESSES + b"\xea"): "a TLV is longer than the header",
    v2(ADDRESSES + tlv(3, b"1")): "a checksum has 4 octets, not 1",
    v2(ADDRESSES + tlv(3, bytes(4))): "the checksum is wrong",
}


@pytest.mark.parametrize(("octets", "reason"), REASONS.items(), ids=REASONS.values())
def test_the_reason_is_for_the_log(octets, reason):
    with pytest.raises(ProxyError) as raised:
        decode(octets)
    assert str(raised.value) == reason


# ---- there and back


ENCODED = {
    b"PROXY TCP4 192.0.2.1 203.0.113.25 40000 25\r\n": ProxyHeader(1, *FOUR),
    b"PROXY TCP6 2001:db8::1 2001:db8::25 40000 25\r\n": ProxyHeader(1, *SIX),
    b"PROXY UNKNOWN\r\n": ProxyHeader(1),
    v2(ADDRESSES): ProxyHeader(2, *FOUR),
    v2(addresses(SIX), 0x21): ProxyHeader(2, *SIX),
    v2(b"/a".ljust(108, b"\0") + b"x" * 108, 0x31): ProxyHeader(2, b"/a", b"x" * 108),
    v2(b"", 0, 0x20): ProxyHeader(2),
    v2(tlv(5, b"id"), 0): ProxyHeader(2, tlvs={5: b"id"}),
    v2(ADDRESSES + tlv(0xE0, bytes(proxy.MAX_LENGTH - 31))): ProxyHeader(2, *FOUR, {0xE0: bytes(16353)}),
}


@pytest.mark.parametrize(("octets", "header"), ENCODED.items(), ids=map(str, range(len(ENCODED))))
def test_encoded(octets, header):
    assert encode(header) == octets


HOST = st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(lambda ip: str(ip).partition("%")[0])
PORT = st.integers(0, 65535)
PATH = st.binary(max_size=108).filter(lambda path: b"\0" not in path)
ENDS = st.one_of(
    st.just((None, None)),
    *[st.tuples(st.tuples(host, PORT), st.tuples(host, PORT)) for host in HOST],
    st.tuples(PATH, PATH),
)
TLVS = st.dictionaries(st.integers(0, 255).filter(lambda kind: kind not in (3, 4)), st.binary(max_size=40), max_size=5)


@given(ENDS.filter(lambda ends: not isinstance(ends[0], bytes)))
def test_version_1_there_and_back(ends):
    header = ProxyHeader(1, *ends)
    octets = encode(header)
    assert len(octets) <= proxy.MAX_LINE
    assert decode(octets + REST) == (header, len(octets))


@given(ENDS, TLVS, st.booleans())
def test_version_2_there_and_back(ends, tlvs, checksum):
    header = ProxyHeader(2, *ends, tlvs)
    octets = encode(header, checksum)
    assert decode(octets + REST) == (header, len(octets))


@given(ENDS, TLVS, st.data())
def test_a_checksum_notices(ends, tlvs, data):
    octets = bytearray(encode(ProxyHeader(2, *ends, tlvs), checksum=True))
    at = data.draw(st.integers(16, len(octets) - 1))
    octets[at] ^= data.draw(st.integers(1, 255))
    try:
        found = decode(bytes(octets))
    except ProxyError:
        return
    assert found is None or 3 not in _types(bytes(octets), at)


def _types(octets: bytes, changed: int) -> set[int]:
    """The TLVs that stand there after one octet was changed."""
    at = 16 + {0: 0, 1: 12, 2: 36, 3: 216}[octets[13] >> 4]
    kinds = set()
    while at < len(octets):
        kinds.add(octets[at])
        at += 3 + int.from_bytes(octets[at + 1 : at + 3], "big")
    return kinds if at == len(octets) else set()


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda octets: SIGNATURE + octets)
       | st.binary(max_size=200).map(lambda octets: v2(octets, *octets[:1] or b"\x11"))
       | st.binary(max_size=100).map(lambda octets: b"PROXY TCP4 " + octets + b"\r\n"))  # fmt: skip
def test_anything_else_is_a_proxy_error(octets):
    try:
        found = decode(octets)
    except ProxyError:
        return
    if found is not None:
        header, size = found
        assert 0 < size <= len(octets)
        again = dataclasses.replace(header, tlvs={k: v for k, v in header.tlvs.items() if k != 4})
        assert decode(encode(again)) == (header, len(encode(again)))


@pytest.mark.parametrize(
    "header",
    [
        ProxyHeader(0),
        ProxyHeader(3),
        ProxyHeader(1, tlvs={5: b"id"}),
        ProxyHeader(1, *PATHS),
        ProxyHeader(1, FOUR[0], SIX[1]),
        ProxyHeader(1, FOUR[0]),
        ProxyHeader(2, FOUR[0], SIX[1]),
        ProxyHeader(2, FOUR[0], PATHS[1]),
        ProxyHeader(2, FOUR[0]),
        ProxyHeader(2, b"x" * 109, b""),
        ProxyHeader(2, *FOUR, {0xE0: bytes(proxy.MAX_LENGTH - 30)}),
        ProxyHeader(2, ("localhost", 1), ("localhost", 1)),
    ],
)
def test_what_cannot_be_said(header):
    with pytest.raises(ValueError, match=r"PROXY|families|IPv6") as raised:
        encode(header)
    assert len(str(raised.value)) < 300


def test_the_ends_that_version_2_connects_are_named():
    with pytest.raises(ValueError, match=r"^version 2 of PROXY connects ") as raised:
        encode(ProxyHeader(2, PATHS[0]))
    what = "two IP addresses, or two paths of at most 108 octets"
    assert str(raised.value) == f"version 2 of PROXY connects {what}, not b'/run/client' and None"


def test_tlvs_need_version_2():
    with pytest.raises(ValueError, match=r"^version 1 of the PROXY protocol has no TLVs$"):
        encode(ProxyHeader(1, tlvs={5: b"id"}))


def test_a_zone_is_not_said():
    ends = ("fe80::1%eth0", 1), ("fe80::2", 25)
    assert encode(ProxyHeader(1, *ends)) == b"PROXY TCP6 fe80::1 fe80::2 1 25\r\n"
    assert decode(encode(ProxyHeader(2, *ends)))[0].source == ("fe80::1", 1)


# ---- what TLVs say


def test_nothing_is_said():
    header = ProxyHeader(2)
    assert (header.authority, header.alpn, header.unique_id, header.ssl) == (None, None, None, None)


def test_what_is_said():
    header = ProxyHeader(2, tlvs={1: b"smtp", 2: "bücher.example".encode(), 5: b"\xff\x00"})
    assert (header.authority, header.alpn, header.unique_id) == ("bücher.example", b"smtp", b"\xff\x00")
    assert ProxyHeader(2, tlvs={2: b"\xff"}).authority == "\ufffd"


WORDS = (tlv(0x21, b"TLSv1.3") + tlv(0x23, b"AES") + tlv(0x22, "Jürgen".encode()) + tlv(0x24, b"RSA-SHA256")
         + tlv(0x25, b"RSA2048") + tlv(0x7F, b"new"))  # fmt: skip


@pytest.mark.parametrize(
    ("value", "ssl"),
    [
        (b"\x01\0\0\0\1", ProxySSL(True, False, False)),
        (b"\x00\0\0\0\0", ProxySSL(False, False, False)),
        (b"\x01\0\0\0\0", ProxySSL(True, False, False)),
        (b"\x03\0\0\0\0", ProxySSL(True, True, True)),
        (b"\x05\0\0\0\0", ProxySSL(True, True, True)),
        (b"\x07\0\0\0\x0a", ProxySSL(True, True, False)),
        (b"\x03\0\0\0\0" + WORDS,
         ProxySSL(True, True, True, "TLSv1.3", "AES", "Jürgen", "RSA-SHA256", "RSA2048")),
        (b"\x01\0\0\0\0" + tlv(0x21, b"a") + tlv(0x21, b"b"), ProxySSL(True, False, False, "a")),
        (b"", None),
        (b"\x01\0\0\0", None),
        (b"\x01\0\0\0\0\x21", None),
        (b"\x01\0\0\0\0\x21\0\x05abc", None),
    ],
)  # fmt: skip
def test_the_clients_tls(value, ssl):
    assert ProxyHeader(2, tlvs={0x20: value}).ssl == ssl
