"""The file of the log: the one that twistd names, in the form that an option names."""

from __future__ import annotations

import io
import json
import os
import signal
import sys

import pytest
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.logfile import LogFile

from txsmtpx.command.logfile import log_form, log_writer
from txsmtpx.observers.log_writer import LogWriter


@pytest.fixture
def files(monkeypatch):
    """The files of logs are closed at the end, and the handler of SIGUSR1, which rotates them, is set back."""
    made, before = [], signal.getsignal(signal.SIGUSR1)
    create = LogFile.fromFullPath
    monkeypatch.setattr(LogFile, "fromFullPath", lambda path: made.append(create(path)) or made[-1])
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGUSR1, before)
    for file in made:
        file.close()


EVENT = {"log_format": "hello", "log_time": 0.0, "log_namespace": "some.where"}


@pytest.mark.parametrize(("worker", "system"), [(0, "[some.where#info]"), (3, "worker 3")])
def test_text(worker, system):
    line = log_form("text", worker)(EVENT)
    assert line.endswith(" hello\n")
    assert system in line


@pytest.mark.parametrize("worker", [0, 3])
def test_json(worker):
    found = json.loads(log_form("json", worker)(EVENT))
    assert found["message"] == "hello"
    assert found.get("worker", 0) == worker


@pytest.mark.parametrize("twistd", [
    {"logger": "some.observer"}, {"syslog": 1}, {"logger": "x", "logfile": "-", "nodaemon": 1},
    {"logfile": "-"}, {"logfile": "-", "nodaemon": 0},
])  # fmt: skip
def test_where_the_log_has_another_form_there_is_no_writer(twistd):
    """And where twistd refuses it itself: a daemon has no standard output."""
    assert log_writer("text", twistd) is None


@pytest.mark.parametrize("twistd", [{"logfile": "-", "nodaemon": 1}, {"nodaemon": 1, "logfile": None}])
def test_in_the_foreground_it_is_the_standard_output(monkeypatch, twistd):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    writer = log_writer("text", twistd)
    assert isinstance(writer, LogWriter)
    Logger("some.where", observer=writer).info("caf\u00e9")
    writer.flush()
    out.flush()
    assert b"caf\\xe9\n" in out.buffer.getvalue()  # and is not lost


def test_a_file_that_is_named(tmp_path, files):
    writer = log_writer("json", {"logfile": str(tmp_path / "smtpx.log"), "nodaemon": 1})
    Logger("some.where", observer=writer).info("hello")
    writer.flush()
    assert json.loads((tmp_path / "smtpx.log").read_text())["message"] == "hello"


def test_a_daemon_has_twistds_file(tmp_path, monkeypatch, files):
    monkeypatch.chdir(tmp_path)
    Logger("some.where", observer=(writer := log_writer("text", {}))).info("hello")
    writer.flush()
    assert (tmp_path / "twistd.log").read_text().endswith(" hello\n")


async def test_sigusr1_rotates_the_file(tmp_path, files):
    path = tmp_path / "smtpx.log"
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    writer = log_writer("text", {"logfile": str(path)})
    log = Logger("some.where", observer=writer)
    log.info("before")
    signal.raise_signal(signal.SIGUSR1)
    while not path.with_name("smtpx.log.1").exists():
        await deferLater(reactor, 0, lambda: None)
    log.info("after")
    writer.flush()
    assert path.with_name("smtpx.log.1").read_text().endswith(" before\n")
    assert path.read_text().endswith(" after\n")


async def test_the_next_file_has_the_mode_of_the_first(tmp_path, files):
    """Twistd has the umask 077 as a daemon."""
    path = tmp_path / "smtpx.log"
    before = os.umask(0o022)
    try:
        log_writer("text", {"logfile": str(path)})
        os.umask(0o077)
        signal.raise_signal(signal.SIGUSR1)
        while not path.with_name("smtpx.log.1").exists():
            await deferLater(reactor, 0, lambda: None)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start as another user")
@pytest.mark.parametrize(("mode", "owner"), [(0o777, 65534), (0o755, 0)], ids=["of all", "of root"])
def test_a_new_file_is_of_the_user_that_twistd_changes_to(room, files, mode, owner):
    """Otherwise this user cannot rotate it."""
    path = room / "log" / "smtpx.log"
    path.parent.mkdir()
    path.parent.chmod(mode)
    log_writer("text", {"logfile": str(path), "uid": 65534, "gid": 65534})
    assert path.stat().st_uid == owner
    assert (os.geteuid(), os.getegid()) == (0, 0)


@pytest.mark.parametrize(("name", "reason"), [("no/x.log", "No such file or directory"), (".", "Is a directory")])
def test_a_file_that_cannot_be_written(tmp_path, monkeypatch, name, reason):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        log_writer("text", {"logfile": name})
    path = os.path.abspath(name)
    text = f"cannot write the log to {path}: {reason}; name another file with twistd --logfile"
    assert caught.value.code == f"twistd smtpx: {text}"


def test_a_handler_of_others_stays(tmp_path, files):
    signal.signal(signal.SIGUSR1, ours := lambda number, frame: None)
    log_writer("text", {"logfile": str(tmp_path / "smtpx.log")})
    assert signal.getsignal(signal.SIGUSR1) is ours
