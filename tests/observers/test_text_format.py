"""The forms of the log: text and JSON, one line an event whatever is in it."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import Logger, LogLevel, formatEventAsClassicLogText
from twisted.python.failure import Failure

from txsmtpx.observers.json_format import JSONFormat
from txsmtpx.observers.text_format import TextFormat


def event(emit):
    """What comes of a call of a logger."""
    events = []
    emit(Logger("some.where", observer=events.append))
    (only,) = events
    return only


def failed():
    try:
        raise ValueError("no\ngood")
    except ValueError:
        return Failure()


def test_text_is_what_twisted_writes():
    for emit in (lambda log: log.info("a {b} {c!r}", b=1, c="d"), lambda log: log.warn("ü", log_time=1.0)):
        logged = event(emit)
        assert TextFormat()(logged) == formatEventAsClassicLogText(logged)


def test_the_date_goes_on():
    form = TextFormat()
    texts = [form({"log_format": "x", "log_time": second, "log_level": LogLevel.info}) for second in (1.0, 1.5, 2.0)]
    dates = [text.partition(" ")[0] for text in texts]
    assert dates[0] == dates[1] != dates[2]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}", dates[0])


def test_a_traceback_is_one_line():
    text = TextFormat()(event(lambda log: log.failure("broken", failure=failed())))
    assert re.match(r"\S+ \[some\.where#critical\] broken\\nTraceback \(most recent call last\):\\n", text)
    assert text[:-1].isprintable()
    found = json.loads(JSONFormat()(event(lambda log: log.failure("broken", failure=failed(), session="1"))))
    assert found["failure"] == "ValueError: no\ngood"
    assert "Traceback (most recent call last)" in found["traceback"]
    assert found["session"] == "1"


def test_a_failure_that_cannot_be_shown():
    failure = failed()
    failure.getTraceback = lambda: 1 / 0
    logged = {"log_format": "x", "log_failure": failure}
    assert "its traceback cannot be shown: ZeroDivisionError" in TextFormat()(logged)


@given(st.text(), st.text())
def test_one_event_is_one_line(text, value):
    logged = event(lambda log: log.info("{text} {value}", text=text, value=value))
    for line in (TextFormat()(logged), JSONFormat()(logged)):
        assert line.endswith("\n")
        assert line[:-1].isprintable()


def test_what_twisted_itself_logs():
    assert TextFormat()({"log_text": "x", "log_format": "{log_text}", "isError": 0}).endswith(" [#info] x\n")
