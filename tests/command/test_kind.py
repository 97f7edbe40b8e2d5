"""The kinds of values that options take."""

from __future__ import annotations

import pytest

from txsmtpx.command.kind import (
    DOMAIN,
    DOMAIN_KEY,
    ENDPOINT,
    FLAG,
    LOOPBACK_ENDPOINT,
    NUMBER,
    SIZE,
    TEXT,
    TIME,
    kind_of,
    one_of,
)
from txsmtpx.setting_kinds import Choice, Flag, Number, Seconds, Text


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (TEXT, "a b", "a b"),
        (NUMBER, "007", 7),
        (TIME, "1.5", 1.5),
        (TIME, "0", 0),
        (DOMAIN, "MX.example.org", "MX.example.org"),
        (DOMAIN_KEY, "MX.example.org", "mx.example.org"),
        (ENDPOINT, "25", "tcp:25"),
        (ENDPOINT, "unix:x", "unix:x"),
        (LOOPBACK_ENDPOINT, "25", "tcp:25:interface=127.0.0.1"),
        (LOOPBACK_ENDPOINT, "tcp:25", "tcp:25"),
        (one_of("refuse", "send"), "send", "send"),
    ],
)
def test_a_kind_reads(kind, text, value):
    assert kind.read(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "error"),
    [
        (NUMBER, "1.5", "must be a number, not '1.5'"),
        (NUMBER, "\N{ARABIC-INDIC DIGIT ONE}", "must be a number, not '\N{ARABIC-INDIC DIGIT ONE}'"),
        (TIME, "-1", "must be a number of seconds, such as 30s, 5m or 1.5 (up to 36500d), not '-1'"),
        (TIME, "nan", "must be a number of seconds, such as 30s, 5m or 1.5 (up to 36500d), not 'nan'"),
        (TIME, "inf", "must be a number of seconds, such as 30s, 5m or 1.5 (up to 36500d), not 'inf'"),
        (DOMAIN, "a b", "must be a domain, such as mx.example.org, not 'a b'"),
        (one_of("a", "b", "c"), "d", "must be a, b or c, not 'd'"),
    ],
)
def test_a_kind_refuses(kind, text, error):
    with pytest.raises(ValueError, match="must be") as raised:
        kind.read(text)
    assert str(raised.value) == error


@pytest.mark.parametrize(("kind", "text"), [
    (NUMBER, ""), (NUMBER, "-1"), (NUMBER, "1" * 31), (DOMAIN, ""), (DOMAIN, "a..b"), (DOMAIN, "ex\u3002ample"),
    (DOMAIN_KEY, "[192.0.2]"), (one_of("a"), ""), (one_of("a"), "A"),
])  # fmt: skip
def test_a_kind_refuses_more(kind, text):
    with pytest.raises(ValueError, match=r"^must be ") as refused:
        kind.read(text)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(("text", "read"), [("[192.0.2.1]", "[192.0.2.1]"), ("BÜCHER.example", "BÜCHER.example")])
def test_a_domain_stays_as_it_was_given(text, read):
    assert DOMAIN.read(text) == read
    assert DOMAIN_KEY.read("BÜCHER.example") == "xn--bcher-kva.example"


@pytest.mark.parametrize(("setting", "kind"), [
    (Flag("x", False, "", ""), FLAG), (Number("x", 1, "", ""), NUMBER), (Number("x", 1, "", "", "octets"), SIZE),
    (Seconds("x", 1, "", ""), TIME), (Text("x", "", "", ""), TEXT),
])  # fmt: skip
def test_the_kind_of_a_setting(setting, kind):
    assert kind_of(setting) is kind


def test_the_kind_of_a_choice_has_its_words():
    kind = kind_of(Choice("way", "a", "", "", ("a", "b")))
    assert (kind.word, kind.read("b")) == ("a|b", "b")


@pytest.mark.parametrize(("kind", "value", "text"), [
    (FLAG, True, "true"), (TEXT, "x", "x"), (NUMBER, 7, "7"), (ENDPOINT, "tcp:25", "tcp:25"),
])  # fmt: skip
def test_a_value_is_shown_as_an_operator_writes_it(kind, value, text):
    assert kind.shown(value) == text
