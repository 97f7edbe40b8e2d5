"""The log is written in batches, in order, and nothing of it is lost while the process can write."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading

import pytest
from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel
from twisted.python import threadable

from txsmtpx.observers import log_writer
from txsmtpx.observers.json_format import JSONFormat
from txsmtpx.observers.log_writer import DELAY, LogWriter
from txsmtpx.observers.text_format import TextFormat
from txsmtpx.observers.transaction_line import transaction_event

VALUES = ("S1", "Q1", "in", "answered", "192.0.2.1", "h", "", "", "<a@b.example>", "<c@d.example>",
          1, 0, 1, 0, 0, 7, 1 / 3, 0.25, 250, '250 2.0.0 "Ok"')  # fmt: skip


class Out(io.StringIO):
    """Counts the times that it is written to."""

    writes = 0

    def write(self, text):
        self.writes += 1
        return super().write(text)

    @property
    def words(self):
        return [line.rpartition(" ")[2] for line in self.getvalue().splitlines()]


@pytest.fixture
def out():
    return Out()


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(threadable, "ioThread", threading.get_ident())  # as the reactor does when it starts
    return Clock()


def logger(writer):
    return Logger("some.where", observer=writer)


def test_each_line_is_written_at_once_until_the_reactor_runs(out):
    log = logger(LogWriter(out, TextFormat()))
    for n in range(3):
        log.info("{n}", n=n)
        assert out.words == [str(each) for each in range(n + 1)]


def test_lines_wait_and_are_written_together(out, clock):
    writer = LogWriter(out, TextFormat())
    writer.begin(clock)
    for n in range(3):
        logger(writer).info("{n}", n=n)
    clock.advance(DELAY * 0.9)
    assert out.writes == 0
    clock.advance(DELAY * 0.1)
    assert out.words == ["0", "1", "2"]
    assert out.writes == 1
    assert clock.getDelayedCalls() == []
    logger(writer).info("later")
    clock.advance(DELAY)
    assert out.words[3:] == ["later"]
    writer.end()


@pytest.mark.parametrize("level", [LogLevel.warn, LogLevel.error, LogLevel.critical])
def test_a_warning_is_written_at_once_behind_what_waits(out, clock, level):
    writer = LogWriter(out, TextFormat())
    writer.begin(clock)
    writer.transaction("some.where", VALUES, {})
    logger(writer).emit(level, "broken")
    assert len(out.words) == 2
    assert out.words[1] == "broken"
    writer.end()


def test_the_end_writes_what_waits_and_no_timer_is_left(out, clock):
    writer = LogWriter(out, TextFormat())
    writer.begin(clock)
    logger(writer).info("last")
    writer.end()
    assert out.words == ["last"]
    assert clock.getDelayedCalls() == []
    logger(writer).info("after")
    assert out.words == ["last", "after"]


def test_a_batch_is_no_longer_than_allowed_unless_a_line_is(out, clock):
    writer = LogWriter(out, TextFormat(), batch=100)
    sizes = []
    write = out.write
    out.write = lambda text: sizes.append(len(text)) or write(text)
    writer.begin(clock)
    for n in (10, 10, 40, 300, 10):
        logger(writer).info("{text}", text="x" * n)
    writer.end()
    assert [word.count("x") for word in out.words] == [10, 10, 40, 300, 10]
    assert sum(size > 100 for size in sizes) == 1


def test_a_line_of_a_thread_is_written_at_once(out, clock):
    writer = LogWriter(out, TextFormat())
    writer.begin(clock)
    logger(writer).info("first")
    thread = threading.Thread(target=lambda: logger(writer).info("second"))
    thread.start()
    thread.join()
    assert out.words == ["first", "second"]
    writer.end()


@pytest.mark.parametrize("facts", [{}, {"stored": 2, "log_format": "forged", "time": "never", "{": "}"}])
@pytest.mark.parametrize("form", [TextFormat, JSONFormat])
@pytest.mark.parametrize("worker", [0, 3])
def test_a_transaction_is_written_as_its_event_is(out, monkeypatch, form, worker, facts):
    now = 1_800_000_000.123456
    monkeypatch.setattr(log_writer, "time", lambda: now)
    writer = LogWriter(out, form(worker))
    writer.transaction("some.where", VALUES, facts)
    writer(transaction_event(now, "some.where", VALUES, facts))
    lines = out.getvalue().splitlines()
    # In JSON, a number may be written in two ways, such as 0.25 and 0.250000.
    direct, by_event = lines if form is TextFormat else [json.loads(line, object_pairs_hook=list) for line in lines]
    assert direct == by_event


@pytest.mark.parametrize(
    "stop",
    ["os.kill(os.getpid(), signal.SIGTERM)", "reactor.stop()", "reactor.crash()", "reactor.crash(); sys.exit(3)"],
)
def test_nothing_is_lost_when_the_process_stops(stop):
    program = f"""
import os, signal, sys
from twisted.internet import reactor
from twisted.logger import Logger, globalLogBeginner
from txsmtpx.observers.log_writer import LogWriter
from txsmtpx.observers.text_format import TextFormat
writer = LogWriter(sys.stdout, TextFormat())
globalLogBeginner.beginLoggingTo([writer], redirectStandardIO=False, discardBuffer=True)
writer.run(reactor)
def last():
    Logger().info("the very last line")
    {stop}
reactor.callWhenRunning(lambda: reactor.callLater(0, last))
reactor.run()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "the very last line\n" in done.stdout
