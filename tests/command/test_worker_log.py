"""The logs of workers: written in one process, made events of in another, wherever the octets are cut."""

from __future__ import annotations

import io
import json
import time

import pytest
from twisted.logger import Logger, LogLevel, eventAsText
from twisted.python import log as legacy
from twisted.python.failure import Failure

from txsmtpx.command.worker_log import EventForm, EventReceiver
from txsmtpx.observers.json_format import JSONFormat
from txsmtpx.observers.log_writer import LogWriter
from txsmtpx.observers.text_format import TextFormat
from txsmtpx.observers.transaction_line import FIELDS, as_text


def said(observer, kind):
    """A line of each sort, to ``observer``."""
    log = Logger(namespace="some.where", observer=observer)
    if kind == "words":
        log.info("{queue_id}: taken from {peer}, {thing}", queue_id="AB1", peer="192.0.2.1", octets=7, thing=object)
    elif kind == "lines":
        log.warn("one\ntwo {braces}\n\N{SNOWMAN}", braces="{}")
    elif kind == "failure":
        try:
            raise ValueError("no such thing")
        except ValueError:
            log.failure("it broke", Failure())
    else:
        publisher = legacy.LogPublisher(publishPublisher=observer)
        publisher.msg("an old one", system="-")


KINDS = ["words", "lines", "failure", "legacy"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_arrives_is_what_was_said(kind):
    direct, sent, arrived = [], io.StringIO(), []
    said(direct.append, kind)
    said(LogWriter(sent, EventForm()), kind)
    relay = EventReceiver(3, arrived.append)
    for octet in sent.getvalue().encode():
        relay.received(bytes([octet]))
    (before,), (after,) = direct, arrived
    assert after["log_level"] is before["log_level"]
    assert after["worker"] == 3
    system = "worker 3, " + ("-" if kind == "legacy" else f"some.where#{before['log_level'].name}")
    assert after["log_system"] == system
    text = {"includeTimestamp": False, "includeSystem": False}
    if kind == "failure":  # whose tracebacks have other line numbers
        assert "ValueError: no such thing" in eventAsText(after, **text)
        assert eventAsText(after, **text).splitlines()[0] == "it broke"
    else:
        assert eventAsText(after, **text) == eventAsText(before, **text)
    assert abs(after["log_time"] - before["log_time"]) < 60


def test_plain_values_come_with_it():
    sent, arrived = io.StringIO(), []
    said(LogWriter(sent, EventForm()), "words")
    EventReceiver(1, arrived.append).received(sent.getvalue().encode())
    (event,) = arrived
    assert {key: event[key] for key in ("queue_id", "peer", "octets")} == {
        "queue_id": "AB1", "peer": "192.0.2.1", "octets": 7
    }  # fmt: skip
    assert "thing" not in event


@pytest.mark.parametrize(
    "line", ["twistd smtpx: --port 1: in use", "[1, 2]", '{"a": 1}', "7", '[0, "loud", "", "", "", {}]']
)
def test_what_is_no_event_is_a_line(line):
    """Such as what Python says when it cannot begin."""
    arrived = []
    EventReceiver(2, arrived.append).received(line.encode() + b"\n\xff\n")
    assert [eventAsText(event, includeTimestamp=False) for event in arrived] == [
        f"[worker 2, -] {line}", "[worker 2, -] \\xff"
    ]  # fmt: skip
    assert {event["log_level"] for event in arrived} == {LogLevel.warn}
    assert all(abs(event["log_time"] - time.time()) < 60 for event in arrived)


@pytest.mark.parametrize("kind", KINDS)
def test_on_the_standard_output_each_line_has_its_number(kind):
    out = io.StringIO()
    said(LogWriter(out, TextFormat(worker=4)), kind)
    (line,) = out.getvalue().splitlines()
    assert "[worker 4, " in line


def test_an_object_has_it_too():
    out = io.StringIO()
    said(LogWriter(out, JSONFormat(worker=4)), "words")
    assert json.loads(out.getvalue())["worker"] == 4


def test_one_event_is_one_line():
    sent = io.StringIO()
    for kind in KINDS:
        said(LogWriter(sent, EventForm()), kind)
    assert len([json.loads(line) for line in sent.getvalue().splitlines()]) == len(KINDS)


def test_a_transaction_arrives_as_an_event():
    values = ("S1", "Q1", "", "answered", "192.0.2.1", "h", "", "", "<a@b.example>", "<c@d.example>",
              1, 0, 1, 0, 0, 7, 0.5, 0.25, 250, "250 2.0.0 Ok")  # fmt: skip
    sent, arrived = io.StringIO(), []
    LogWriter(sent, EventForm()).transaction("some.where", values, {"stored": 2})
    EventReceiver(3, arrived.append).received(sent.getvalue().encode())
    (event,) = arrived
    assert [event[name] for name in FIELDS] == list(values)
    assert event["stored"] == 2
    assert event["log_system"] == "worker 3, some.where#info"
    assert eventAsText(event, includeTimestamp=False, includeSystem=False) == as_text(values, {"stored": 2})
