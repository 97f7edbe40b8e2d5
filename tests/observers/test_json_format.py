"""The log as JSON: one flat object a line."""

from __future__ import annotations

import json
import re

import pytest
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from txsmtpx import Reply
from txsmtpx.observers.json_format import JSONFormat


def event(emit):
    """What comes of a call of a logger."""
    events = []
    emit(Logger("some.where", observer=events.append))
    (only,) = events
    return only


def test_json_is_flat():
    reply = Reply(250, None, "Ok")
    logged = event(lambda log: log.info("{n} {reply}", n=1, reply=reply, octets=b"\xff", time=2))
    found = json.loads(JSONFormat()(logged))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", found.pop("time"))  # not the field's
    assert found == {
        "level": "info", "logger": "some.where", "message": "1 250 Ok", "n": 1, "reply": "250 Ok", "octets": "\\xff",
    }  # fmt: skip


def shown(emit):
    """The fields of the event that a call of a logger emits."""
    return json.loads(JSONFormat()(event(emit)))


def test_the_level_and_the_time_of_an_event():
    found = json.loads(JSONFormat()({"log_format": "x", "log_time": 0.5, "log_level": LogLevel.warn}))
    assert found == {"time": "1970-01-01T00:00:00.500000+00:00", "level": "warn", "logger": "", "message": "x"}


@pytest.mark.parametrize("time", [{}, {"log_time": None}])
def test_an_event_without_a_level_and_a_time(time):
    found = json.loads(JSONFormat()({"log_format": "x", **time}))
    assert (found["time"], found["level"]) == ("1970-01-01T00:00:00.000000+00:00", "info")


def test_an_event_with_a_ready_line_names_its_kind():
    for kind, message in (({"smtpx_event": "refused"}, "refused"), ({}, "transaction")):
        found = shown(
            lambda log, kind=kind: log.info("{smtpx_line}", smtpx_line="session=1 code=550", code=550, **kind)
        )
        assert found["message"] == message
        assert found["code"] == 550
        assert not any(name.startswith("smtpx_") for name in found)


def test_no_field_replaces_one_of_the_event():
    found = shown(lambda log: log.info("text", message="other", time="other", logger="other", failure="mine"))
    assert (found["message"], found["logger"]) == ("text", "some.where")
    assert found["time"] != "other"
    assert found["failure"] == "mine"


def test_a_failure_has_its_class_its_text_and_its_traceback():
    failure = Failure(ValueError("no\ngood"))
    found = shown(lambda log: log.failure("broken", failure=failure))
    assert found["failure"] == "ValueError: no\ngood"
    assert "ValueError: no\ngood" in found["traceback"]
    assert found["level"] == "critical"


@pytest.mark.parametrize(("value", "as_json"), [
    (Reply(550, (5, 1, 1), "No", "such user"), "550-5.1.1 No / 550 5.1.1 such user"), (b"a\xffb", "a\\xffb"),
    ({1}, "{1}"), (1.5, 1.5), (None, None), (True, True), (["a", b"b"], ["a", "b"]), ("ü\u2028", "ü\u2028"),
], ids=repr)  # fmt: skip
def test_a_value_of_any_type(value, as_json):
    assert shown(lambda log: log.info("x", value=value))["value"] == as_json
