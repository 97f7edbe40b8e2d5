"""The command that consumes a queue: its arguments, its errors, its start and its stop."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.consume.queue import MemorySource, queued
from txsmtpx import MaildirBackend, MemoryBackend, RelayBackend
from txsmtpx.consume import Consumer
from txsmtpx.consume.__main__ import SOURCES, backend_of, main, run, source_of
from txsmtpx.consume.backend_handler import BackendHandler

pytest.importorskip("pika", reason="pika is not installed (extra amqp)")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("amqp://ann:hunter2@localhost/x", "amqp://localhost:5672 queue mail"),
        ("amqp:amqps://localhost queue=in queue-type=classic", "amqps://localhost:5671 queue in"),
        ("amqps://localhost queue='a b'", "amqps://localhost:5671 queue a b"),
    ],
)
def test_sources(text, name) -> None:
    assert source_of(text).name == name


def test_each_source_takes_its_settings() -> None:
    for url in ("redis://localhost/0 stream=in", "redis:unix:///run/redis.sock", "unix:/run/redis.sock"):
        pytest.importorskip("txredisapi", reason="txredisapi is not installed (extra redis)")
        assert source_of(url).name
    assert set(SOURCES) == {"amqp", "amqps", "redis", "rediss", "unix"}


def test_backends(tmp_path) -> None:
    assert isinstance(backend_of(f"maildir:{tmp_path}/{{local}}"), MaildirBackend)
    assert isinstance(backend_of("relay:tcp:127.0.0.1:25"), RelayBackend)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["http://ann:hunter2@localhost", "--to", "memory"], "the URL of a queue begins with amqp, amqps, redis"),
        (["amqp://ann:hunter2@", "--to", "memory"], "has no host or port that can be used"),
        (["amqp://ann:hunter2@localhost queu=a", "--to", "memory"], "did you mean queue?"),
        (["amqp://ann:hunter2@localhost queu=a", "--to", "memory"], "consume: URL amqp://***@localhost queu=a: queu"),
        (["amqp://localhost", "--to", "maildir:/x colour=a"], "consume: --to maildir:/x colour=a: colour is"),
        (["amqp://ann:a hunter2@localhost", "--to", "memory"], "write a space in the login of a URL as %20"),
        (["amqp://localhost bodies=/nonexistent", "--to", "memory"], "/nonexistent is no directory"),
        (["amqps://localhost trust-roots=/nonexistent", "--to", "memory"], "/nonexistent"),
        (["amqp://localhost trust-roots=/x", "--to", "memory"], "certificates need TLS; write amqps: for amqp:"),
        (["amqp://localhost", "--to", "maildri:/x"], "did you mean maildir?"),
        (["amqp://localhost", "--to", "memory", "--concurrency", "0"], "concurrency must be an integer from 1"),
        (["amqp://localhost", "--to", "memory", "--grace", "-1"], "grace must be a number of seconds"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments, text) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert str(caught.value).startswith("txsmtpx.consume: ")
    assert text in str(caught.value)
    assert "hunter2" not in str(caught.value)


class Reactor:
    """A reactor that runs as far as its shutdown."""

    def __init__(self) -> None:
        self.calls = []
        self.triggers = []

    def callWhenRunning(self, function) -> None:
        self.calls.append(function)

    def addSystemEventTrigger(self, *trigger) -> None:
        self.triggers.append(trigger)

    def run(self) -> None:
        for function in self.calls:
            function()
        self.during()
        ((phase, event, function),) = self.triggers
        assert (phase, event) == ("before", "shutdown")
        self.stopped = function()


class Pool:
    """A service that notes what is done with it."""

    def __init__(self) -> None:
        self.done = []

    def startService(self) -> None:
        self.done.append("start")

    def stopService(self) -> None:
        self.done.append("stop")


def test_the_consumer_and_the_pools_run_and_stop() -> None:
    source, backend, pool, reactor = MemorySource(), MemoryBackend(), Pool(), Reactor()
    backend.pools = [pool]
    made = Consumer(source, BackendHandler(backend, reactor=Clock()), reactor=Clock())
    reactor.during = lambda: source.give(queued())
    run(made, backend, reactor)
    assert isinstance(reactor.stopped, Deferred)
    assert reactor.stopped.called
    assert len(backend.messages) == 1
    assert (source.paused, source.stopped, pool.done) == (True, True, ["start", "stop"])


def test_help(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "--max-attempts N" in capsys.readouterr().out


def test_errors_of_settings_are_lines() -> None:
    for arguments, line in (
        (
            ["redis://h stram=x", "--to", "null"],
            "URL redis://h stram=x: stram is not a setting of the source redis; did ",
        ),
        (["redis://h", "--to", "log x=1"], "--to log x=1: x is not a setting of the backend log; it has none"),
        (
            ["redis://h", "--to", "null", "--timeout", "abc"],
            "--timeout must be a number of seconds greater than 0, such ",
        ),
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert str(caught.value).startswith(f"txsmtpx.consume: {line}")


def test_times_have_units(monkeypatch) -> None:
    given = []
    monkeypatch.setattr("txsmtpx.consume.__main__.run", lambda made, backend, reactor: given.append(made))
    monkeypatch.setattr("txsmtpx.consume.__main__.globalLogBeginner", Mock())
    monkeypatch.setattr(
        "txsmtpx.consume.__main__.Consumer", lambda *args, **settings: given.append(settings["timeout"])
    )
    main(["redis://h", "--to", "null", "--timeout", "2m"])
    assert given[0] == 120
