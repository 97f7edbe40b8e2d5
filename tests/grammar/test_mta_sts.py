"""MTA-STS: the record in the DNS and the policy (RFC 8461 §3.1, §3.2, §4.1)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.grammar.mta_sts import MOST_AGE, STSPolicy, record_id

LINES = ["version: STSv1", "mode: enforce", "mx: mx.example.com", "max_age: 86400"]


def parsed(*lines: str, end: str = "\r\n") -> STSPolicy:
    return STSPolicy.parsed("".join(line + end for line in lines))


def changed(**values: str | None) -> STSPolicy:
    """A policy with other lines; None leaves a line out."""
    given_values = dict(line.split(": ") for line in LINES) | values
    return parsed(*[f"{key}: {value}" for key, value in given_values.items() if value is not None])


# ---- the record


@pytest.mark.parametrize(("texts", "found"), [
    (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
    (["v=STSv1; id=1"], "1"),
    (["v=STSv1;id=1"], "1"),
    (["v=STSv1 \t;\t id=1 ; "], "1"),
    (["v=STSv1; new=x; id=1; other=y"], "1"),
    (["v=STSv1; id=" + "a" * 32], "a" * 32),
    (["v=spf1 -all", "v=STSv1; id=1", ""], "1"),
    (["v=STSv10; id=2", "v=STSv1; id=1"], "1"),
])  # fmt: skip
def test_the_id(texts: list[str], found: str) -> None:
    assert record_id(texts) == found


@pytest.mark.parametrize("texts", [
    [],
    [""],
    ["v=STSv1"],
    ["v=STSv1;"],
    ["v=STSv1; id="],
    ["v=STSv1; id"],
    ["v=STSv1; id=a-b"],
    ["v=STSv1; id=a b"],
    ["v=STSv1; id=\u00e4"],
    ["v=STSv1; id=1\n"],
    ["v=STSv1; id=" + "a" * 33],
    ["v=STSv1; ID=1"],
    ["V=STSv1; id=1"],
    ["v=stsv1; id=1"],
    ["v = STSv1; id=1"],
    [" v=STSv1; id=1"],
    ["id=1; v=STSv1;"],
    ["v=STSv1 id=1"],
    ["v=STSv1; id=1", "v=STSv1; id=1"],
    ["v=STSv1; id=1", "v=STSv1;"],
])  # fmt: skip
def test_there_is_no_id(texts: list[str]) -> None:
    assert record_id(texts) is None


# ---- the policy


def test_the_policy_of_the_rfc() -> None:
    """RFC 8461 §3.2."""
    found = parsed("version: STSv1", "mode: enforce", "mx: mail.example.com", "mx: *.example.net",
                   "mx: backupmx.example.com", "max_age: 604800")  # fmt: skip
    names = ("mail.example.com", "*.example.net", "backupmx.example.com")
    assert found == STSPolicy("enforce", 604800, names)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_end_either_way(end: str) -> None:
    assert parsed(*LINES, end=end) == parsed(*LINES)


def test_the_last_line_needs_no_end() -> None:
    assert STSPolicy.parsed("\r\n".join(LINES)) == parsed(*LINES)


def test_the_order_is_free_and_blanks_do_not_count() -> None:
    assert parsed(*[line.replace(": ", ": \t ") + " \t" for line in reversed(LINES)]) == parsed(*LINES)
    assert parsed(*[line.replace(": ", ":") for line in LINES]) == parsed(*LINES)


def test_keys_that_are_not_known_do_not_count() -> None:
    assert parsed(*LINES, "new: x", "x-y_z.1: :", "new: y") == parsed(*LINES)


def test_of_duplicates_the_first_counts() -> None:
    """RFC 8461 §3.2; all mx count."""
    found = parsed(*LINES, "version: x", "mode: none", "max_age: 7", "mx: two.example.com")
    assert found == STSPolicy("enforce", 86400, ("mx.example.com", "two.example.com"))


@pytest.mark.parametrize("first", ["mode: x", "max_age: -1", "version: STSv2"])
def test_a_first_that_is_wrong_counts_too(first: str) -> None:
    with pytest.raises(ValueError, match=r"^its? "):
        parsed(first, *LINES)


@pytest.mark.parametrize("wrong", [
    {"version": None}, {"version": "STSv2"}, {"version": "stsv1"}, {"version": ""},
    {"mode": None}, {"mode": "Enforce"}, {"mode": "report"}, {"mode": ""},
    {"max_age": None}, {"max_age": ""}, {"max_age": "-1"}, {"max_age": "1.5"}, {"max_age": "1e3"},
    {"max_age": "\u0661"}, {"max_age": "+1"}, {"max_age": "1_0"}, {"max_age": "0x10"}, {"max_age": "1 0"},
    {"max_age": str(MOST_AGE + 1)}, {"max_age": "9" * 10}, {"max_age": "9" * 5000},
    {"mx": None}, {"mx": ""},
])  # fmt: skip
def test_a_policy_that_is_none(wrong: dict[str, str | None]) -> None:
    with pytest.raises(ValueError, match=r"^its? "):
        changed(**wrong)


@pytest.mark.parametrize("text", ["", "\r\n", "<html>", "STSv1", "mode enforce"])
def test_a_text_that_is_no_policy(text: str) -> None:
    with pytest.raises(ValueError, match=r"^it has|^the line"):
        STSPolicy.parsed(text)


def test_a_line_without_a_colon_makes_it_invalid() -> None:
    with pytest.raises(ValueError, match="'nonsense' has no colon"):
        parsed(*LINES, "nonsense")


@pytest.mark.parametrize(("age", "seconds"), [("0", 0), ("0000000007", 7), (str(MOST_AGE), 31_557_600)])
def test_the_least_and_the_most_age(age: str, seconds: int) -> None:
    assert changed(max_age=age).max_age == seconds


@pytest.mark.parametrize("mode", ["enforce", "testing", "none"])
def test_each_mode(mode: str) -> None:
    assert changed(mode=mode).mode == mode


def test_the_mode_none_needs_no_mx() -> None:
    """RFC 8461 §3.2: at least one for the other modes."""
    assert changed(mode="none", mx=None).mx == ()
    with pytest.raises(ValueError, match="it has no line mx"):
        changed(mode="testing", mx=None)


@pytest.mark.parametrize("pattern", [
    "*", "*.", "*mx.example.com", "mx*.example.com", "*x.example.com", "mx.*.com", "*.*.example.com", "**.example.com",
    ".example.com", "mx..example.com", "mx.example.com..", "mx example.com", "mx.example.com,mx2.example.com",
    "m\u00e4x.example.com", "x" * 64 + ".example.com", "[192.0.2.1]", "mx.example.com:25",
])  # fmt: skip
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match="is neither a name nor"):
        changed(mx=pattern)


# ---- the names of exchangers


@pytest.mark.parametrize(("pattern", "name"), [
    ("mx.example.com", "mx.example.com"),
    ("MX.Example.Com", "mx.eXample.com"),
    ("mx.example.com.", "mx.example.com"),
    ("mx.example.com", "mx.example.com."),
    ("*.example.com", "mx.example.com"),
    ("*.Example.com.", "MX.example.com."),
    ("*.example.com", "xn--bcher-kva.example.com"),
])  # fmt: skip
def test_a_name_that_matches(pattern: str, name: str) -> None:
    assert changed(mx=pattern).allows(name)


@pytest.mark.parametrize(("pattern", "name"), [
    ("mx.example.com", "mx2.example.com"),
    ("mx.example.com", "a.mx.example.com"),
    ("mx.example.com", "example.com"),
    ("*.example.com", "example.com"),
    ("*.example.com", "a.b.example.com"),
    ("*.example.com", "mx.example.com.evil.test"),
    ("*.example.com", "mxexample.com"),
    ("*.example.com", ".example.com"),
    ("*.com", "mx.example.com"),
    ("mx.example.com", ""),
])  # fmt: skip
def test_a_name_that_does_not_match(pattern: str, name: str) -> None:
    assert not changed(mx=pattern).allows(name)


def test_any_pattern_will_do() -> None:
    policy = parsed(*LINES, "mx: *.example.net")
    assert policy.allows("mx.example.com")
    assert policy.allows("a.example.net")
    assert not policy.allows("a.example.com")


def test_without_patterns_no_name_matches() -> None:
    assert not changed(mode="none", mx=None).allows("mx.example.com")


# ---- any text


@given(st.text())
def test_any_text_is_a_policy_or_a_value_error(text: str) -> None:
    record_id([text, f"v=STSv1;{text}"])
    for each in (text, "\n".join([*LINES, text])):
        try:
            found = STSPolicy.parsed(each)
        except ValueError:
            continue
        assert 0 <= found.max_age <= MOST_AGE
        found.allows(text)


HOSTILE = [" ", "\t", "\r", "\n", "\r\n", ":", ";", "a", "a.", ".", "*.", "-", "v=STSv1;", "mx:", "mx: a\n", "a:\n"]


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
@pytest.mark.parametrize("before", ["", "mx: ", "mx: *.", "v=STSv1", "v=STSv1; id=", "max_age: "])
def test_the_time_is_linear(before: str, piece: str) -> None:
    """What takes the square of its length would take minutes."""
    text = before + piece * (300_000 // len(piece))
    began = time.process_time()
    record_id([text])
    with pytest.raises(ValueError, match=r"(?s)\A.{1,500}\Z"):
        STSPolicy.parsed(text)
    assert time.process_time() - began < 10


def test_the_time_for_a_name_is_linear() -> None:
    policy = changed(mx="*.example.com")
    began = time.process_time()
    assert not any(policy.allows(piece * 100_000) for piece in HOSTILE)
    assert time.process_time() - began < 10
