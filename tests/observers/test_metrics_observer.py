"""What is counted: everything that happens, once; sums; and no word of a client in any label."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from tests.conversations import observed
from txsmtpx import (
    ConfiguredFilter,
    Filter,
    FilterBackend,
    MeasuredBackend,
    MemoryBackend,
    Reply,
    Session,
    SMTPError,
)
from txsmtpx.observers.metric_families import FAMILIES
from txsmtpx.observers.metrics_observer import MetricsObserver, counters, summed
from txsmtpx.observers.prometheus_collector import prometheus_registry
from txsmtpx.testing import Conversation, RecordingBackend

HELLO = "EHLO client.example"
MAIL = ("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "RCPT TO:<c@localhost>")


def samples(export) -> dict[str, float]:
    """As Prometheus reads them: names with their labels, but for the empty listener."""
    text = generate_latest(prometheus_registry(export)).decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()) if value)
            found[f"{sample.name.removeprefix('txsmtpx_')}{{{labels}}}" if labels else
                  sample.name.removeprefix("txsmtpx_")] = sample.value  # fmt: skip
    return found


def chosen(export, *names):
    found = samples(export)
    return [found[name] for name in names]


def test_a_conversation():
    figures = MetricsObserver()
    client = observed(figures)
    client.ask(HELLO, *MAIL, "DATA", "hello", ".", *MAIL, "RSET", "PWN", *MAIL)
    names = ["connections_total", "open_connections{tls=none}"]
    assert chosen(figures.export(), *names) == [1, 1]
    client.hang_up()
    assert chosen(figures.export(), *names) == [1, 0]
    found = samples(figures.export())
    assert {name: value for name, value in found.items() if name.startswith("commands")} == {
        "commands_total{verb=EHLO}": 1, "commands_total{verb=MAIL}": 3, "commands_total{verb=RCPT}": 6,
        "commands_total{verb=DATA}": 1, "commands_total{verb=RSET}": 1, "commands_total{verb=other}": 1,
    }  # fmt: skip
    assert {name: value for name, value in found.items() if name.startswith("replies")} == {
        "replies_total{code=220}": 1, "replies_total{code=250}": 12, "replies_total{code=354}": 1,
        "replies_total{code=500}": 1,
    }  # fmt: skip
    assert [found[f"transactions_total{{end={end}}}"] for end in ("answered", "reset", "closed")] == [1, 1, 1]
    assert [found[f"messages_total{{outcome={each}}}"] for each in ("taken", "deferred", "refused")] == [1, 0, 0]
    assert found["message_octets_total{outcome=taken}"] == found["message_size_octets_sum"] == 7
    assert found["recipients_total{code=250}"] == 2


@pytest.mark.parametrize(
    ("codes", "outcome"),
    [((250, 550), "taken"), ((450, 550), "deferred"), ((550, 554), "refused")],
)
def test_outcomes_under_lmtp(codes, outcome):
    class Picky(Session):
        def data(self, message, context):
            for recipient, code in zip(context.recipients, codes, strict=True):
                if code != 250:
                    context.set_status(recipient, SMTPError(code, (code // 100, 0, 0), "No"))

    figures = MetricsObserver()
    client = observed(figures, Picky(), lmtp=True)
    client.ask(HELLO.replace("EHLO", "LHLO"), *MAIL, "DATA", ".")
    client.hang_up()
    found = samples(figures.export())
    assert {name: value for name, value in found.items() if name.startswith("messages_total") and value} == {
        f"messages_total{{outcome={outcome}}}": 1
    }
    assert [found[f"recipients_total{{code={code}}}"] for code in codes] == [1, 1]


def test_time_and_size_have_buckets():
    figures, clock = MetricsObserver(), Clock()
    answers = [Deferred(), Deferred()]
    waiting = list(answers)

    class Slow(Session):
        async def data(self, message, context):
            await message.content()
            await waiting.pop()

    client = observed(figures, Slow(), clock=clock)
    for seconds, size, answer in ((0.2, 1022, answers[1]), (4, 1023, answers[0])):
        client.ask(*([HELLO] if seconds < 1 else []), *MAIL, "DATA", "x" * size, ".")
        clock.advance(seconds)
        answer.callback(None)
    client.hang_up()
    found = samples(figures.export())
    bounds = ("0.1", "0.25", "2.5", "5.0", "+Inf")
    assert [found[f"backend_seconds_bucket{{le={le}}}"] for le in bounds] == [0, 1, 1, 2, 2]
    assert found["backend_seconds_sum"] == pytest.approx(4.2)
    assert [found[f"message_size_octets_bucket{{le={le}}}"] for le in ("1024.0", "4096.0", "+Inf")] == [1, 2, 2]


def test_tls_by_its_version():
    class TLS:
        version = "TLSv1.3"

    figures = MetricsObserver()
    client = observed(figures)
    client.protocol.dialog.tls_started(TLS())
    names = ["open_connections{tls=none}", "open_connections{tls=TLSv1.3}", "tls_handshakes_total{tls=TLSv1.3}"]
    assert chosen(figures.export(), *names) == [0, 1, 1]
    client.hang_up()
    assert chosen(figures.export(), *names) == [0, 0, 1]


LABELS = {"listener": "mx", "tls": "none|TLSv1.[23]", "verb": "[A-Z]+|other", "code": "[2-5][0-9][0-9]", "le": ".*",
          "outcome": "taken|deferred|refused", "end": "answered|reset|closed"}  # fmt: skip


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_a_client_makes_no_label(lines):
    figures = MetricsObserver("mx")
    client = observed(figures)
    client.ask(HELLO, *MAIL)
    client.send(b"".join(line.replace(b"\n", b"") + b"\r\n" for line in lines))
    client.hang_up()
    for family in text_string_to_metric_families(generate_latest(prometheus_registry(figures.export())).decode()):
        for sample in family.samples:
            for name, value in sample.labels.items():
                assert re.fullmatch(LABELS[name], value), (name, value)


def test_the_sum_of_several():
    one, other, apart = MetricsObserver("in"), MetricsObserver("in"), MetricsObserver("out")
    for figures, messages in ((one, 1), (other, 2), (apart, 4)):
        client = observed(figures)
        client.ask(HELLO, *[*MAIL, "DATA", "x", "."] * messages)
        client.hang_up()
    exports = [json.loads(json.dumps(each.export())) for each in (one, other, apart)]
    found = samples(summed(exports))
    assert found["messages_total{listener=in,outcome=taken}"] == 3
    assert found["messages_total{listener=out,outcome=taken}"] == 4
    assert found["backend_seconds_count{listener=in}"] == found["backend_seconds_bucket{le=+Inf,listener=in}"] == 3
    assert found["message_size_octets_sum{listener=out}"] == 12
    assert summed([]) == {family.name: [] for family in FAMILIES}
    assert summed(exports) == summed([summed(exports[:1]), summed(exports[1:])])


def test_what_is_gone_has_no_open_connections_and_no_calls():
    figures = MetricsObserver()
    client = observed(figures)
    left = counters(figures.export())
    own = [family for family in FAMILIES if not family.name.startswith("queue_")]
    assert set(left) == {family.name for family in own if family.kind != "gauge"}
    client.hang_up()


def test_openmetrics_takes_it_too():
    assert generate_openmetrics(prometheus_registry(MetricsObserver().export())).endswith(b"# EOF\n")


def test_the_verdicts_of_filters(logged_failures):
    """By filter and stage; the operator names the filters."""
    figures, clock = MetricsObserver("25"), Clock()

    class Slow(Filter):
        def header(self, header):
            return deferLater(clock, 2, lambda: Reply(450, None, "Later"))

    failing = ConfiguredFilter(lambda connection: 1 / 0, "broken", on_failure="accept")
    backend = FilterBackend(MemoryBackend(), Slow, failing, reactor=clock)
    client = Conversation(backend, clock=clock, observers=[figures])
    client.ask(HELLO, *MAIL, "DATA", "hello", ".")
    clock.advance(2)
    client.hang_up()
    assert len(logged_failures.flush(ZeroDivisionError)) == 1
    found = {name: value for name, value in samples(figures.export()).items() if name.startswith("filter_")}
    verdict = "filter_verdicts_total{{filter={},listener=25,stage={},verdict={}}}".format
    assert found[verdict("Slow", "header", "defer")] == 1
    assert found[verdict("broken", "connected", "failed")] == 1
    of_slow = "filter=Slow,{}listener=25,stage=header".format
    assert found[f"filter_seconds_sum{{{of_slow('')}}}"] == 2
    assert found[f"filter_seconds_bucket{{{of_slow('le=0.5,')}}}"] == 0
    assert found[f"filter_seconds_bucket{{{of_slow('le=2.5,')}}}"] == 1
    both = summed(json.loads(json.dumps([figures.export()] * 2)))
    assert samples(both)[verdict("Slow", "header", "defer")] == 2
    assert samples(both)[f"filter_seconds_count{{{of_slow('')}}}"] == 2


def test_the_calls_of_backends():
    """By backend and stage; an outcome that has not occurred is 0."""
    figures, clock, answer = MetricsObserver("25"), Clock(), Deferred()
    backend = MeasuredBackend(RecordingBackend(data=answer), "orders", figures, reactor=clock)
    client = Conversation(backend, clock=clock, observers=[figures], lmtp=True)
    client.ask(HELLO.replace("EHLO", "LHLO"), *MAIL, "DATA", "hello", ".")
    in_flight = "backend_calls_in_flight{{backend=orders,listener=25,stage={}}}".format
    stages = ("mail", "recipient", "data")
    assert chosen(figures.export(), *map(in_flight, stages)) == [0, 0, 1]
    clock.advance(2)
    answer.errback(SMTPError(452, (4, 2, 2), "Full"))
    client.hang_up()
    assert chosen(figures.export(), *map(in_flight, stages)) == [0, 0, 0]
    found = {name: value for name, value in samples(figures.export()).items() if name.startswith("backend_")}
    outcome = "backend_outcomes_total{{backend=orders,listener=25,outcome={},stage={}}}".format
    assert {name: value for name, value in found.items() if name.startswith("backend_outcomes") and value} == {
        outcome("taken", "mail"): 1, outcome("taken", "recipient"): 2, outcome("deferred", "data"): 2,
    }  # fmt: skip
    assert found[outcome("failed", "data")] == found[outcome("cancelled", "data")] == 0
    of_data = "backend=orders,{}listener=25,stage=data".format
    assert found[f"backend_call_seconds_sum{{{of_data('')}}}"] == 2
    assert found[f"backend_call_seconds_bucket{{{of_data('le=1.0,')}}}"] == 0
    assert found[f"backend_call_seconds_bucket{{{of_data('le=2.5,')}}}"] == 1
    both = summed(json.loads(json.dumps([figures.export()] * 2)))
    assert samples(both)[outcome("deferred", "data")] == 4
