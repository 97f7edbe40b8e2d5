"""Paths and mailboxes (RFC 5321 §4.1.2, §4.1.3, §4.5.3.1; RFC 6531 §3.3): read, written, refused."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.grammar import path
from txsmtpx.grammar.domain import MAX_DOMAIN
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.path import MAX_LOCAL_PART

# Path, address, rest.
READ = [
    ("<>", "", ""),
    ("<> BODY=7BIT", "", "BODY=7BIT"),
    ("<Postmaster>", "Postmaster", ""),
    ("<POSTMASTER> a", "POSTMASTER", "a"),
    ("<me@example.com>", "me@example.com", ""),
    ("  <me@example.com>", "me@example.com", ""),
    ("<me@example.com> SIZE=1 BODY=7BIT", "me@example.com", "SIZE=1 BODY=7BIT"),
    ("<me@example.com>  SIZE=1", "me@example.com", "SIZE=1"),
    ("<me@localhost>", "me@localhost", ""),
    ("<a.b+c=d!#$%&'*/?^_`{|}~-@example.com>", "a.b+c=d!#$%&'*/?^_`{|}~-@example.com", ""),
    ("<me@_dmarc.xn--bcher-kva.example>", "me@_dmarc.xn--bcher-kva.example", ""),
    # Quoted local parts: the plainest spelling
    ('<"me"@example.com>', "me@example.com", ""),
    ('<"a.b"@example.com>', "a.b@example.com", ""),
    (r'<"m\e"@example.com>', "me@example.com", ""),
    ('<"John Smith"@example.com>', '"John Smith"@example.com', ""),
    (r'<"John\ Smith"@example.com>', '"John Smith"@example.com', ""),
    ('<"a@b"@example.com> X', '"a@b"@example.com', "X"),
    ('<"a>b"@example.com>', '"a>b"@example.com', ""),
    (r'<"a\"b\\c"@example.com>', r'"a\"b\\c"@example.com', ""),
    (r'<"\"> x"@example.com>', r'"\"> x"@example.com', ""),
    ('<""@example.com>', '""@example.com', ""),
    ('<"a..b"@example.com>', '"a..b"@example.com', ""),
    # Source routes: dropped (appendix C)
    ("<@relay.example:me@example.com>", "me@example.com", ""),
    ("<@a.example,@b.example:me@example.com> X", "me@example.com", "X"),
    ("<@[192.0.2.1]:me@example.com>", "me@example.com", ""),
    # Literals (§4.1.3)
    ("<me@[192.0.2.1]>", "me@[192.0.2.1]", ""),
    ("<me@[IPv6:2001:db8::1]>", "me@[IPv6:2001:db8::1]", ""),
    ("<me@[ipv6:::ffff:192.0.2.1]>", "me@[ipv6:::ffff:192.0.2.1]", ""),
    ("<me@[x400:c=de;a=x]>", "me@[x400:c=de;a=x]", ""),
    # UTF-8 (RFC 6531)
    ("<jürgen@bücher.example>", "jürgen@bücher.example", ""),
    ('<"jürgen müller"@bücher.example>', '"jürgen müller"@bücher.example', ""),
]


@pytest.mark.parametrize(("text", "address", "rest"), READ)
def test_read(text, address, rest):
    assert path.parse_path(text) == (address, rest)


@pytest.mark.parametrize(("text", "address", "rest"), READ)
def test_written_and_read_again(text, address, rest):
    written = path.format_path(address)
    assert path.parse_path(f"{written} {rest}") == (address, rest)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "me@example.com", "<", "<me@example.com", "me@example.com>", "<<me@example.com>", "<me>", "<@>",
        "<@example.com>", "<me@>", "<me@example.com>X", "<me@example.com>\u00a0X", "<.me@example.com>",
        "<me.@example.com>", "<m..e@example.com>", "<me@.example.com>", "<me@example..com>", "<me@example.com.>",
        "<me@-example.com>", "<me@example-.com>", "<me you@example.com>", "<me@exam ple.com>", "<me@you@example.com>",
        "<me(x)@example.com>", "<me@example.com,you@example.com>", '<"me@example.com>', '<me"@example.com>',
        '<"me"you@example.com>', '<"a"b"@example.com>', '<"me\\"@example.com>', '<"a\tb"@example.com>',
        "<@a:>", "<@a:postmaster>", "<@a@b:me@example.com>", "<@a,b:me@example.com>", "<@a,:me@example.com>",
        "<a:me@example.com>", "<me@[192.0.2.256]>", "<me@[192.0.2]>", "<me@[192.0.2.01]>", "<me@[]>",
        "<me@[192.0.2.1>", "<me@192.0.2.1]>", "<me@[IPv6:192.0.2.1]>", "<me@[IPv6:::g]>", "<me@[IPv6:]>",
        "<me@[IPv6:fe80::1%eth0]>", "<me@[2001:db8::1]>x", "<me@[tag-:x]>", "<me@[:x]>", "<me@[a b]>", "<me@[[1]]>",
        "<\0@example.com>", "<me@example.com\0>", "<me\r\n@example.com>", "< me@example.com>", "<me@example.com >",
    ],
)  # fmt: skip
def test_no_path(text):
    with pytest.raises(ValueError, match=r"."):
        path.parse_path(text)


@pytest.mark.parametrize("letter", ["a", "ü"])
def test_lengths_in_octets(letter):
    octets = len(letter.encode())
    local = letter * (MAX_LOCAL_PART // octets)
    assert path.parse_path(f"<{local}@example.com>") == (f"{local}@example.com", "")
    with pytest.raises(ValueError, match="local part is too long"):
        path.parse_path(f"<{local}{letter}@example.com>")
    with pytest.raises(ValueError, match="local part is too long"):
        path.parse_path(f'<"{local} "@example.com>')


def test_lengths_of_domains():
    label = "a" * 63
    assert path.parse_path(f"<me@{label}.example>") == (f"me@{label}.example", "")
    with pytest.raises(ValueError, match="label of the domain is too long"):
        path.parse_path(f"<me@{label}a.example>")
    domain = ".".join([label] * 4)
    assert len(domain) == MAX_DOMAIN
    assert path.parse_path(f"<me@{domain}>") == (f"me@{domain}", "")
    with pytest.raises(ValueError, match="domain is too long"):
        path.parse_path(f"<me@{domain}.b>")


def test_written_without_being_an_address():
    for address in ("me", "me@example.com>\r\nRSET", "<me@example.com>", "me@example.com SIZE=1"):
        with pytest.raises(ValueError, match=r"."):
            path.format_path(address)
    assert path.format_path("") == "<>"
    assert path.format_path("Postmaster") == "<Postmaster>"


@pytest.mark.parametrize(
    "address",
    [
        "Ann <ann@example.org>",
        '"Ann, of Example" <ann@example.org>',
        "\u00c4nn <ann@example.org>",
        "Ann<ann@example.org>",
        "<ann@example.org>",
        " <ann@example.org> ",
        "< ann@example.org >",
        "ann@example.org <ann@example.org>",
        "<Ann> <ann@example.org>",
        "ann@example.org (Ann)",
        "ann@example.org (Ann (of Example))",
        "mailto:ann@example.org",
        "<mailto:ann@example.org>",
        "Ann <MAILTO:ann@example.org>",
        "Ann\r\n\t<ann@example.org>",
    ],
)
def test_an_address_as_a_header_has_it(address):
    """RFC 5322 §3.4 has names, RFC 5321 §4.1.2 has none: the text says what to write."""
    with pytest.raises(Malformed, match=r"addresses without names and brackets: write 'ann@example\.org'$"):
        path.format_path(address)


@pytest.mark.parametrize(
    "address",
    ["Ann <ann>", "<>", "Ann <>", "<", ">", "(", ")", "(Ann)", "mailto:", "a@example.org, b@example.org",
     "Ann <ann@example.org>\u00a0", "Ann <ann@example.org\u00a0>", "ann@example.org\u00a0(Ann)",
     " a@example.org", "Ann <ann@example.org", "Ann <ann@example.org>\r\nRSET", "a@b <a b@c>", "Ann"],
)  # fmt: skip
def test_nothing_is_suggested_that_is_no_address(address):
    with pytest.raises(Malformed, match=r"^(?!.*write)"):
        path.format_path(address)


@given(st.text('<>@:,."\\[]() aA1-\u00fc=\0\r\nmailto', max_size=30))
def test_what_is_suggested_is_an_address(text):
    try:
        path.format_path(text)
    except Malformed as error:
        _, write, suggestion = str(error).partition(": write ")
        assert not write or path.format_path(ast.literal_eval(suggestion))


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("", ("", "")),
        ("Postmaster", ("Postmaster", "")),
        ("me@example.com", ("me", "example.com")),
        ('"John Smith"@example.com', ("John Smith", "example.com")),
        ('"a@b"@example.com', ("a@b", "example.com")),
        (r'"a\"b\\c"@example.com', ('a"b\\c', "example.com")),
        ("me@[IPv6:::1]", ("me", "[IPv6:::1]")),
    ],
)
def test_split(address, parts):
    assert path.split(address) == parts


printable = st.characters(min_codepoint=0x20, exclude_categories=["Cc", "Cs"])


@given(st.text(printable, max_size=60))
def test_a_local_part_of_any_characters(characters):
    ours = "".join(letter for letter in characters if letter.isascii() or ord(letter) >= 0x80)
    address = f"{path.quote(ours)}@example.com"
    assert path.parse_path(path.format_path(address)) == (address, "")
    assert path.split(address) == (ours, "example.com")


@given(st.text('<>@:,."\\[]() aA1-ü=\0\r\n', max_size=30))
def test_anything_is_a_path_or_a_value_error(text):
    try:
        address, rest = path.parse_path(text)
    except ValueError:
        return
    assert path.parse_path(path.format_path(address)) == (address, "")
    assert text.rstrip(" ").endswith(rest)


def test_a_long_line_takes_no_long_time():
    """Nothing backtracks: these are as long as lines may be, and fail at their very end."""
    for text in ("<" + "a" * 1990, "<" + "a." * 990, "<a@" + "b-" * 990, "<" + "@a," * 660, '<"' + "\\" * 1980):
        with pytest.raises(ValueError, match=r"."):
            path.parse_path(text + "!>")


def test_spaces_and_nothing_else_may_stand_around_a_path():
    assert path.parse_path('  <"a b"@c>  X ') == ('"a b"@c', "X")
    assert path.parse_path('<"a b"@c> X\N{NO-BREAK SPACE}') == ('"a b"@c', "X\N{NO-BREAK SPACE}")
    for before in ("\N{NO-BREAK SPACE}", "X", "> "):
        with pytest.raises(ValueError, match="angle brackets"):
            path.parse_path(f'{before}<"a b"@c>')


def test_a_literal_has_no_labels():
    mailbox = f"a@[tag:{'y' * 70}]"
    assert path.parse_mailbox(mailbox) == mailbox
