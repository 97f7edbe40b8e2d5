"""The replies of the server: their codes, their enhanced codes, and their texts."""

from __future__ import annotations

import re

import pytest

from txsmtpx.grammar import replies
from txsmtpx.grammar.replies import default_enhanced_code
from txsmtpx.grammar.reply import Reply

CONSTANTS = {name: value for name, value in vars(replies).items() if isinstance(value, Reply)}

MADE = {
    "greeting_220": replies.greeting_220("mx.example.org", "LMTP", "txsmtpx"),
    "closing_221": replies.closing_221("mx.example.org"),
    "help_214": replies.help_214("one", "two"),
    "hello_250": replies.hello_250("mx.example.org", "SIZE 0"),
    "delivered_250": replies.delivered_250("Stored"),
    "local_error_451": replies.local_error_451("q1"),
    "delivery_timed_out_420": replies.delivery_timed_out_420("a@example.org"),
    "delivery_expired_451": replies.delivery_expired_451("q1"),
    "syntax_501": replies.syntax_501("QUIT"),
    "malformed_501": replies.malformed_501("a NUL"),
    "bad_address_501": replies.bad_address_501("no domain"),
    "bad_parameter_501": replies.bad_parameter_501("SIZE: a number"),
    "unknown_parameter_555": replies.unknown_parameter_555("X"),
    "too_big_552": replies.too_big_552("q1"),
    "bare_newline_550": replies.bare_newline_550("q1"),
}
"""A reply of each function."""

EACH = pytest.mark.parametrize(("name", "reply"), (CONSTANTS | MADE).items(), ids=CONSTANTS | MADE)


def test_each_function_is_here():
    functions = {name for name, value in vars(replies).items() if callable(value) and re.search(r"_\d{3}$", name)}
    assert functions == set(MADE)
    assert len(CONSTANTS) > 30


@EACH
def test_the_name_has_the_code(name, reply):
    assert name[-4:] == f"_{reply.code}"


@EACH
def test_the_enhanced_code_is_there_but_for_the_greeting_hellos_and_3xx(name, reply):
    """Guarantee 2."""
    without = name in ("greeting_220", "hello_250") or reply.code // 100 == 3
    assert (reply.enhanced_code is None) is without


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("greeting_220", b"220 mx.example.org LMTP txsmtpx\r\n"),
        ("help_214", b"214-2.0.0 one\r\n214 2.0.0 two\r\n"),
        ("hello_250", b"250-mx.example.org\r\n250 SIZE 0\r\n"),
        ("delivered_250", b"250 2.0.0 Stored\r\n"),
        ("local_error_451", b"451 4.3.0 Local error in processing (q1)\r\n"),
        ("delivery_timed_out_420", b"420 4.4.7 <a@example.org> Error: timeout reached\r\n"),
        ("bad_parameter_501", b"501 5.5.4 Bad parameter value: SIZE: a number\r\n"),
        ("unknown_parameter_555", b"555 5.5.4 Parameter not recognized: X\r\n"),
    ],
)
def test_what_is_sent(name, octets):
    assert MADE[name].encode() == octets


def test_a_greeting_without_a_name_of_software_ends_in_no_space():
    assert replies.greeting_220("mx.example.org", "ESMTP", "").encode() == b"220 mx.example.org ESMTP\r\n"


def test_replies_to_each_client_are_made_once():
    for make, arguments in (
        (replies.greeting_220, ("mx.example.org", "ESMTP", "x")),
        (replies.closing_221, ("mx.example.org",)),
        (replies.hello_250, ("mx.example.org", "PIPELINING")),
    ):
        assert make(*arguments) is make(*arguments)
        assert make.cache_info().maxsize == 100  # nothing is cached for ever (guarantee 20)


@pytest.mark.parametrize(
    ("recipient", "text"),
    [
        ("a@example.org", "<a@example.org>"),
        ("", "<>"),
        ("jürgen@bücher.example", r"<j\x{FC}rgen@b\x{FC}cher.example>"),
        ("📧@example.org", r"<\x{1F4E7}@example.org>"),
        ("\t@example.org", "<\t@example.org>"),
    ],
)
def test_a_recipient_is_shown_in_ascii(recipient, text):
    assert replies.shown(recipient) == text
    assert replies.delivery_timed_out_420(recipient).text.isascii()


def test_the_enhanced_code_where_none_is_given():
    found = [default_enhanced_code(code) for code in (200, 250, 302, 354, 399, 400, 451, 500, 599)]
    assert found == [(2, 0, 0)] * 2 + [None] * 3 + [(4, 0, 0)] * 2 + [(5, 0, 0)] * 2
