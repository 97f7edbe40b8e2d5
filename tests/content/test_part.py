"""The parts of a message: slices of its octets, found in one pass."""

from __future__ import annotations

from email.header import Header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.content.hostile import MESSAGES, NAMES, mixed, nested
from txsmtpx.content.part import MAX_DEPTH, MAX_FIELDS, MAX_PARTS, leaves, read, safe_name


def parts(content: bytes):
    return list(leaves(read(content)))


def types(content: bytes) -> list[str]:
    return [part.content_type for part in parts(content)]


def test_a_message_without_parts_is_its_own():
    (part,) = parts(b"Subject: x\r\n\r\nhello\r\n")
    assert (part.number, part.content_type, part.body, part.header["subject"]) == (1, "text/plain", b"hello\r\n", "x")


def test_parts_within_parts():
    inner = b"Content-Type: multipart/alternative; boundary=\"c c\"\r\n\r\npreamble\r\n--c c\r\n\r\ntwo\r\n--c c \t\r\n"
    inner += b"Content-Type: text/html\r\n\r\nthree\r\n\r\n--c c--\r\nepilogue"
    root = read(b"preamble\r\n".join([mixed(b"\r\none", inner, b"A: b\r\n\r\nfour")]))
    assert [(each.number, each.content_type, each.octets) for each in leaves(root)] == [
        (1, "text/plain", b"one"),
        (2, "text/plain", b"two"),
        (3, "text/html", b"three\r\n"),
        (4, "text/plain", b"four"),
    ]
    assert [each.declared_type for each in root.parts] == ["text/plain", "multipart/alternative", "text/plain"]
    assert root.parts[1].body.startswith(b"preamble\r\n--c c")


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_line_ends_of_two_kinds(line_end):
    assert [each.octets for each in parts(mixed(b"\r\none", b"\r\ntwo").replace(b"\r\n", line_end))] == [b"one", b"two"]


@pytest.mark.parametrize(
    ("content", "octets"),
    [
        (b"--b\r\n\r\none", [b"one"]),  # never closed
        (b"--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\nepilogue", [b"one"]),
        (b"--b\r\n\r\none\r\n--bb\r\n--b --\r\n--b\r\n", [b"one\r\n--bb\r\n--b --", b""]),
        (b"--b\r\n--b\r\n--b--", [b"", b""]),
        (b"--b\r\nA: b\r\n--b\r\n\r\ntwo\r\n--b--", [b"", b"two"]),
        (b"x--b\r\n --b\r\n", [b"x--b\r\n --b\r\n"]),
        (b"--b\r\n\r\nx\r\n--" + b"b" * 5000 + b"\r\n--b--", [b"x\r\n--" + b"b" * 5000]),
    ],
)
def test_delimiters(content, octets):
    assert [each.octets for each in parts(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + content)] == octets


def test_an_outer_delimiter_ends_what_is_within():
    inner = b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\none"
    assert [each.octets for each in parts(mixed(inner, b"\r\ntwo"))] == [b"one", b"two"]


def test_two_multiparts_with_one_boundary():
    inner = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--"
    assert [each.octets for each in parts(mixed(inner, b"\r\ntwo"))] == [b"one", b"two"]


def test_a_boundary_that_looks_like_a_closing_one():
    content = b"Content-Type: multipart/mixed; boundary=\"b--\"\r\n\r\n--b--\r\n\r\none\r\n--b----\r\n--b--\r\n"
    assert [each.octets for each in parts(content)] == [b"one"]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("text/html", "text/html"),
        ("TEXT/HTML; charset=utf-8", "text/html"),
        ("text/html charset=utf-8", "text/html"),
        ("text/html;charset=utf-8;", "text/html"),
        ("text", "text/plain"),
        ("text/plain/x", "text/plain"),
        ("text /html", "text/plain"),
        ("", "text/plain"),
        (";;;=/", "text/plain"),
        ("\"><script>alert(1)</script>/x", "text/plain"),
        ("multipart/mixed", "text/plain"),
        ("multipart/mixed; boundary=" + "b" * 300, "text/plain"),
    ],
)
def test_types(value, found):
    assert types(f"Content-Type: {value}\r\n\r\nx\r\n".encode()) == [found]


def test_a_digest_holds_messages():
    content = mixed(b"\r\nSubject: a\r\n\r\nb").replace(b"multipart/mixed", b"multipart/digest")
    assert types(content) == ["message/rfc822"]


@pytest.mark.parametrize(
    "kind", [b"message/rfc822", b"message/delivery-status", b"message/feedback-report", b"message/global"]
)
def test_a_message_in_a_message_keeps_its_octets(kind):
    """Fields are not folded anew."""
    inner = b"Subject: " + b"x" * 90 + b"\r\nX:  two blanks\r\n\tfolded\r\n\r\n\r\nbody \r\n"
    (part,) = parts(mixed(b"Content-Type: " + kind + b"\r\n\r\n" + inner))
    assert part.octets == inner


@pytest.mark.parametrize("encoding", ["base64", "BASE64 ", "base64 (as ever)", '"base64"'])
def test_a_message_that_is_encoded_is_decoded(encoding):
    head = f"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    (part,) = parts(mixed(head + b"U3ViamVjdDogeA0KDQp5"))
    assert part.octets == b"Subject: x\r\n\r\ny"


def test_text_and_its_charset():
    (part,) = parts(b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe")
    assert part.text == "Grüße"


@pytest.mark.parametrize(
    ("said", "disposition", "body"),
    [
        ("", "", True),
        ("Content-Disposition: inline\r\n", "inline", True),
        ("Content-Disposition: INLINE; x\r\n", "inline", True),
        ("Content-Disposition: attachment\r\n", "attachment", False),
        ("Content-Disposition: nobody\r\n", "attachment", False),
        ("Content-Disposition: \xff;\r\n", "attachment", False),
        ("Content-Disposition: inline; filename=a.txt\r\n", "inline", False),
        ("Content-Type: text/plain; name=a.txt\r\n", "", False),
    ],
)
def test_dispositions(said, disposition, body):
    (part,) = parts(f"{said}\r\nx".encode())
    assert (part.disposition, part.is_body("plain"), part.is_body("html")) == (disposition, body, False)


@pytest.mark.parametrize(("wanted", "name"), NAMES.items())
def test_names_of_files(wanted, name):
    assert safe_name(wanted) == name
    plain = wanted.replace("\\", "\\\\").replace('"', '\\"')
    encoded = Header(wanted, "utf-8", maxlinelen=100_000).encode()
    for said in [f'filename="{encoded}"', f'filename="{plain}"']:
        (part,) = parts(mixed(f"Content-Disposition: attachment; {said}\r\n\r\nx".encode()))
        assert part.filename == name


def test_a_name_in_any_case():
    (part,) = parts(b"Content-Type: image/png\r\nContent-ID: <a@b>\r\n\r\nx")
    assert (part.filename, part.download_name, part.content_id) == ("", "part-1.png", "a@b")
    assert parts(b"Content-Type: x/y\r\n\r\n")[0].download_name == "part-1.bin"


@pytest.mark.parametrize("content", MESSAGES.values(), ids=MESSAGES)
def test_a_hostile_message_has_parts(content):
    found = parts(content)
    assert 1 <= len(found) <= MAX_PARTS
    assert [each.number for each in found] == list(range(1, len(found) + 1))
    ends = [0]
    for each in found:
        assert ends[-1] <= each.start <= each.end <= len(content)
        ends.append(each.end)
        each.text, each.filename, each.content_id, each.disposition, each.header.items()


def test_parts_have_an_end():
    assert len(parts(MESSAGES["many parts"])) == MAX_PARTS
    assert len(parts(nested(MAX_DEPTH + 50))) == 1


def test_fields_of_all_parts_have_an_end():
    """They took 0.1 s of each 256 KiB.  A part after them has its place, and its octets."""
    found = parts(mixed(*[b"Content-Type: text/html\r\n" + b"X:\n" * 99 + b"\nbody"] * 200))
    assert sum(len(each.header) for each in found) == MAX_FIELDS - 2
    assert [each.octets for each in found] == [b"body"] * 200
    assert (found[98].content_type, found[199].content_type) == ("text/html", "text/plain")


PIECES = st.sampled_from(
    [b"\r\n", b"\r\n\r\n", b"--b", b"--b--", b"Content-Type: ", b"multipart/mixed; boundary=b",
     b"text/html", b"text/plain", b"message/rfc822", b"; charset=", b"utf-16", b"; name*=utf-8''%",
     b"Content-Transfer-Encoding: ", b"base64", b"quoted-printable", b"x-uuencode", b"begin 666 x", b"Subject: ",
     b"=?utf-8?q?", b"?=", b"Content-Disposition: ", b"attachment; filename=", b'"', b"\xff", b"\0", b"Content-ID: <x>"]
)  # fmt: skip


@given(st.lists(PIECES | st.binary(max_size=4)).map(b"".join))
def test_anything_has_parts(content):
    for each in parts(content):
        assert 0 <= each.start <= each.end <= len(content)
        each.text, each.download_name, each.content_id, each.disposition  # noqa: B018
