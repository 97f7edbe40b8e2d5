"""Moments are written in UTC, wherever one is (RFC 3339 §5.6)."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest

from txsmtpx.grammar import moment


@pytest.fixture
def in_tokyo(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_in_utc(in_tokyo):
    there = timezone(timedelta(hours=-5))
    assert moment.encode(datetime(2030, 1, 31, 7, tzinfo=there)) == "2030-01-31T12:00:00Z"
    assert moment.decode("2030-01-31t12:00:00z") == datetime(2030, 1, 31, 7, tzinfo=there)
