"""The tree of the parts."""

from __future__ import annotations

from txsmtpx.content.part import read
from txsmtpx.inbox.message_structure import StructurePart

NESTED = (
    b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nSGV5\r\n"
    b"--b\r\nContent-Type: text/html\r\n\r\n<p>Hey\r\n--b--\r\n--a\r\nContent-Type: image/png\r\n\r\n12345\r\n--a--\r\n"
)


def test_each_part_is_behind_its_multipart():
    found = StructurePart.of(read(NESTED))
    assert [(each.depth, each.number, each.content_type) for each in found] == [
        (0, 0, "multipart/mixed"), (1, 0, "multipart/alternative"), (2, 1, "text/plain"), (2, 2, "text/html"),
        (1, 3, "image/png"),
    ]  # fmt: skip
    assert (found[2].charset, found[2].encoding, found[2].size, found[4].size) == ("utf-8", "base64", 4, 5)


def test_a_message_without_parts():
    assert StructurePart.of(read(b"Subject: x\r\n\r\nHey")) == [StructurePart(0, 1, "text/plain", "", "", 3)]


def test_what_a_sender_writes_is_cut():
    (found,) = StructurePart.of(read(b"Content-Type: text/plain; charset=" + b"x" * 5000 + b"\r\n\r\n"))
    assert len(found.charset) <= 200
