"""The options of the log and of the metrics."""

from __future__ import annotations

import sys

import pytest

from tests.command.parsing import complaints, factory, listener, parsed
from txsmtpx import MemoryBackend
from txsmtpx.tap import Options
from txsmtpx.testing import Conversation


def test_transcript():
    assert factory("--transcript").transcript is not None


@pytest.mark.parametrize("metrics", ["nonsense:1", "tcp:x"])
def test_where_it_cannot_be(metrics):
    with pytest.raises(SystemExit, match=f"^twistd smtpx: --metrics {metrics}: "):
        Options().parseOptions(["--metrics", metrics])


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "txsmtpx.observers.metrics_service", None)
    with pytest.raises(SystemExit, match=r"^twistd smtpx: --metrics \S+ the extra txsmtpx\[metrics\] is not "):
        Options().parseOptions(["--metrics", "9125"])


@pytest.mark.parametrize(("options", "kinds"), [
    ([], ["TransactionLog"]), (["--log-transactions", "refused"], ["TransactionLog"]),
    (["--log-transactions", "none"], []), (["--metrics", "9125"], ["TransactionLog", "MetricsObserver"]),
])  # fmt: skip
def test_who_watches(options, kinds):
    assert [type(each).__name__ for each in listener(*options).observers] == kinds


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_form_of_the_log(form):
    assert parsed("--log-format", form).process.log_format == form
    assert parsed().process.log_format == "text"


@pytest.mark.parametrize(("options", "line"), [
    (["--log-format", "xml"], "--log-format must be text or json, not 'xml'"),
    (["--log-transactions", "some"], "--log-transactions must be all, refused or none, not 'some'"),
])  # fmt: skip
def test_what_is_wrong_is_told_with_its_option(options, line):
    assert complaints(*options) == [line]


@pytest.mark.parametrize(("given", "endpoint"), [("9125", (9125, "127.0.0.1")), ("tcp:9125", (9125, ""))])
def test_a_number_is_a_port_of_the_loopback_interface(given, endpoint):
    process = parsed("--metrics", given).process
    ((port, _),) = process.sites
    assert (port.endpoint._port, port.endpoint._interface) == endpoint
    assert process.metrics is not None


def test_each_listener_has_counters_of_its_own(tmp_path):
    file = tmp_path / "smtpx.toml"
    file.write_text("metrics = 9125\n[listener.mx]\nport = [2525]\n[listener.submission]\nport = [2526]\n")
    process = parsed("--config", str(file)).process
    assert len(process.figures) == 2
    assert [listener.observers[-1] for listener in process.listeners] == process.figures


def test_without_the_option_nothing_is_counted():
    process = parsed().process
    assert (process.figures, process.metrics, process.sites) == ([], None, [])


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        ((), ["log"]), (("--backend", "memory:5"), ["memory"]),
        (("--backend", "memory", "--tee", "memory:9"), ["memory", "tee:memory"]),
        (("--backend", "txsmtpx.backends.null.null_backend"), ["txsmtpx.backends.null.null_backend"]),
        (("--backend", "memory", "--limit", "9 messages per hour per host"), ["memory"]),
    ],
)  # fmt: skip
def test_each_backend_is_measured_by_its_name(options, labels):
    process = parsed("--metrics", "9125", *options).process
    (served,) = process.listeners
    client = Conversation(served.factory.settings.backend, observers=served.observers)
    client.ask("EHLO a", "MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "DATA", "x", ".")
    client.hang_up()
    (figures,) = process.figures
    samples = figures.export()["backend_outcomes"]
    counted = {(backend, stage) for (_, backend, stage, _), count in samples if count}
    assert counted == {(label, stage) for label in labels for stage in ("mail", "recipient", "data")}


def test_no_backend_is_measured_without_metrics():
    made = listener("--backend", "memory", "--tee", "memory")
    assert type(made.chosen_backend) is MemoryBackend
    assert made.backend.backend is made.chosen_backend
    assert made.backend.copies is made.copies
