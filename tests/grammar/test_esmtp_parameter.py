"""
Parameters of MAIL and RCPT (RFC 5321 §4.1.2), and those that every server has: decode(encode(x)) == x (guarantee 18).
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.extensions.auth import AUTH
from txsmtpx.extensions.dsn import DSN
from txsmtpx.extensions.eightbitmime import EIGHTBITMIME
from txsmtpx.extensions.size import SIZE
from txsmtpx.extensions.smtputf8 import SMTPUTF8
from txsmtpx.grammar import esmtp_parameter
from txsmtpx.grammar.esmtp_parameter import BadParameter, Parameter, UnknownParameter
from txsmtpx.grammar.options import MailOptions, RcptOptions

EXTENSIONS = (SIZE, EIGHTBITMIME, SMTPUTF8, AUTH)
MAIL = {parameter.keyword: parameter for extension in EXTENSIONS for parameter in extension.mail}


def parse(text: str) -> MailOptions:
    found = MailOptions()
    esmtp_parameter.parse(text, MAIL, found)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", MailOptions()),
        ("SIZE=0", MailOptions(size=0)),
        ("size=12345678901234567890", MailOptions(size=12345678901234567890)),
        ("BODY=7bit", MailOptions(body="7BIT")),
        ("Body=8BitMime SMTPUTF8", MailOptions(body="8BITMIME", smtputf8=True)),
        ("AUTH=<>", MailOptions(auth="")),
        ("AUTH=me+2Bx@example.com", MailOptions(auth="me+x@example.com")),
        ("AUTH=+22a+20b+22@example.com", MailOptions(auth='"a b"@example.com')),
        ("AUTH=<me@example.com>", MailOptions(auth="me@example.com")),  # this and the next as curl sends them
        ("AUTH=<me+tag=1@example.com>", MailOptions(auth="me+tag=1@example.com")),
        ("AUTH=<e+3Dmc2@example.com>", MailOptions(auth="e=mc2@example.com")),
        ("AUTH=+3Ce+3Dmc2@example.com+3E", MailOptions(auth="e=mc2@example.com")),
        ("AUTH=+3C+3E", MailOptions(auth="")),
    ],
)
def test_read(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    ["SIZE", "SIZE=-1", "SIZE=x", "SIZE=123456789012345678901", "SIZE=1 size=1", "BODY", "BODY=x", "SMTPUTF8=x",
     "AUTH", "AUTH=me", "AUTH=+", "AUTH=me+20@example.com", "AUTH=<me>", "AUTH=<me@example.com",
     "AUTH=<<me@example.com>>", "AUTH=me+tag@example.com", "AUTH=<+0D+0A@example.com", "AUTH=+0D+0A@example.com"],
)  # fmt: skip
def test_a_bad_value(text):
    with pytest.raises(BadParameter):
        parse(text)


@pytest.mark.parametrize("text", ["X", "X=1", "SIZE=1 X", "RET=FULL"])
def test_an_unknown_one(text):
    with pytest.raises(UnknownParameter):
        parse(text)


@pytest.mark.parametrize(
    "text", ["=", "=1", "SIZE=", "-SIZE=1", "SIZE=1=2", "SI ZE=1 !", "SÏZE=1", "SIZE=1\u00a0BODY=7BIT"]
)
def test_no_parameter(text):
    with pytest.raises(ValueError, match=r"."):
        parse(text)


mailboxes = st.from_regex(r"\A[a-z0-9+=!]{1,20}@[a-z]{1,10}\.example\Z")


@given(
    size=st.none() | st.integers(0, 10**20 - 1),
    body=st.sampled_from(["7BIT", "8BITMIME"]),
    smtputf8=st.booleans(),
    auth=st.none() | st.just("") | mailboxes,
)
def test_read_is_the_inverse_of_write(size, body, smtputf8, auth):
    given = MailOptions(size=size, body=body, smtputf8=smtputf8, auth=auth)
    words = esmtp_parameter.format(given, MAIL.values())
    found = parse(" ".join(words))
    assert [getattr(found, field) for field in ("size", "body", "smtputf8", "auth")] == [size, body, smtputf8, auth]


@given(st.text("SIZEBODYAUTH=17+<>@é \u2003-", max_size=30))
def test_anything_is_options_or_a_value_error(text):
    found = MailOptions()
    try:
        esmtp_parameter.parse(text, MAIL, found)
    except ValueError:
        return
    assert parse(" ".join(esmtp_parameter.format(found, MAIL.values()))) == found


@pytest.mark.parametrize(
    ("decode", "syntax", "said"),
    [
        (int, "XLEVEL=number", "XLEVEL: takes XLEVEL=number"),
        (int, "", "XLEVEL: takes another value"),
        (lambda text: chr(int(text, 16)), "XLEVEL=number", "XLEVEL: takes XLEVEL=number"),
        (lambda text: text.encode("ascii"), "XLEVEL=number", "XLEVEL: takes XLEVEL=number"),
    ],
)
def test_the_peer_reads_no_text_of_python(decode, syntax, said):
    level = Parameter("XLEVEL", "level", decode, str, syntax)
    with pytest.raises(BadParameter) as refused:
        esmtp_parameter.parse("XLEVEL=\u00fc" + "F" * 10, {"XLEVEL": level}, MailOptions())
    assert str(refused.value) == said


def test_an_extension_of_ones_own_has_fields_of_its_own():
    colour = Parameter("XCOLOUR", "colour", lambda text: (text or "").lower(), str.upper)
    found = RcptOptions()
    esmtp_parameter.parse("xcolour=RED", {"XCOLOUR": colour}, found)
    assert found.colour == "red"
    assert esmtp_parameter.format(found, [colour]) == ["XCOLOUR=RED"]


@pytest.mark.parametrize("value", [5, True, object, b"xx"])
def test_a_value_of_a_wrong_type_is_named(value):
    envid = next(each for each in DSN.mail if each.field == "envid")
    given = MailOptions()
    given.envid = value
    with pytest.raises(TypeError, match=r"envid of MailOptions cannot be .* \(ENVID\)"):
        esmtp_parameter.format(given, [envid])
