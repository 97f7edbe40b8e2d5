"""The options of the log and of the metrics."""

from __future__ import annotations

import sys

import pytest

from tests.command.parsing import complaints, factory, listener, parsed
from txsmtpx.tap import Options


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
