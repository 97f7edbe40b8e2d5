"""Rates as operators write them."""

from __future__ import annotations

import re

import pytest

from txsmtpx.command.rate import FORM, rate


@pytest.mark.parametrize(
    ("text", "number", "of", "seconds", "by"),
    [
        (FORM, 100, "messages", 3600, "host"),
        ("1 message per second per sender", 1, "messages", 1, "address"),
        ("1000 recipients a day per login", 1000, "recipients", 86400, "login"),
        ("20 recipients per 10m per host", 20, "recipients", 600, "host"),
        ("20  messages / 1.5h per host ", 20, "messages", 5400, "host"),
        ("20 messages/90 per host", 20, "messages", 90, "host"),
        ("20 messages an hour per host", 20, "messages", 3600, "host"),
        ("20 messages per minute per host", 20, "messages", 60, "host"),
    ],
)
def test_rates(text, number, of, seconds, by):
    found = rate(text)
    assert (found.number, found.of, found.seconds, found.by) == (number, of, seconds, by)
    assert found.text == text


@pytest.mark.parametrize(
    "text",
    ["", "100", "100 messages", "100 messages per hour", "messages per hour per host", "-1 messages per hour per host",
     "1.5 messages per hour per host", "100 mails per hour per host", "100messages per hour per host",
     "100 messages per hour per host per day", "9999999999 messages per hour per host",
     "\u0661 messages per hour per host"],
)  # fmt: skip
def test_what_is_no_rate(text):
    examples = "such as '100 messages per hour per host' or '1000 recipients per 10m per login'"
    with pytest.raises(ValueError, match=f"^{re.escape(f'must be a rate, {examples}, not {text!r}')}$"):
        rate(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 message per week per host", "has no period 'week'; write second, minute, hour, day or a time such as 10m"),
        ("1 message per hour per ip", "counts per host, login or sender, not per 'ip': '1 message per hour per ip'"),
        ("0 messages per hour per host", "must be more than 0, in more than 0 seconds, not "
         "'0 messages per hour per host'"),
        ("1 message per 0s per host", "must be more than 0, in more than 0 seconds, not '1 message per 0s per host'"),
    ],
)  # fmt: skip
def test_a_part_that_cannot_be(text, why):
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        rate(text)
