"""The options of the log and of the metrics."""

from __future__ import annotations

import sys

import pytest

from tests.command.parsing import factory
from txsmtpx.tap import Options


def test_transcript():
    assert factory("--transcript").transcript is not None


@pytest.mark.parametrize("metrics", ["nonsense:1", "tcp:x"])
def test_where_it_cannot_be(metrics):
    with pytest.raises(SystemExit, match=f"^twistd smtpx: --metrics {metrics}: "):
        Options().parseOptions(["--metrics", metrics])


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "txsmtpx.observers.metrics_service", None)
    with pytest.raises(SystemExit, match=r"^twistd smtpx: --metrics needs the extra txsmtpx\[metrics\]: "):
        Options().parseOptions(["--metrics", "9125"])
