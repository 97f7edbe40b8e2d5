"""The file with twistd's process number: one of the past does not stop a start, one of a server that runs does."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.wire.twistd import COMMAND, LOCAL, Twistd
from txsmtpx.command.pidfile import PidFileError, prepare


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "server.pid"


def start(file: Path, **twistd: object) -> dict[str, object]:
    options = {"pidfile": str(file), "nodaemon": 1, "debug": None} | twistd
    prepare(options)
    return options


@pytest.mark.parametrize("text", [str(os.getpid()), f"{os.getpid()}\n", "", "\n", "0", "9" * 30], ids=range(6))
def test_what_is_of_no_process_is_removed(file, text):
    file.write_text(text)
    assert start(file)["pidfile"] == str(file)
    assert not file.exists()


def test_a_process_that_is_gone(file, gone):
    file.write_text(str(gone))
    start(file)
    assert not file.exists()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc")
def test_a_process_of_another_program(file, other):
    file.write_text(str(other))
    start(file)
    assert not file.exists()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc")
def test_a_server_that_is_younger_than_the_file(file, server):
    file.write_text(str(server))
    os.utime(file, (time.time() - 60,) * 2)
    start(file)
    assert not file.exists()


def test_a_directory_that_does_not_exist(tmp_path):
    text = f"^cannot write {tmp_path}/no/server.pid: there is no directory {tmp_path}/no; create it, or name another"
    with pytest.raises(PidFileError, match=text):
        start(tmp_path / "no" / "server.pid")


def test_a_name_is_relative_to_the_directory_of_twistd(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PidFileError, match=f"there is no directory {tmp_path}/run;"):
        start(Path("server.pid"), rundir="run")
    (tmp_path / "run").mkdir()
    start(Path("server.pid"), rundir="run")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write to each directory")
def test_a_directory_that_cannot_be_written(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(PidFileError, match=f"no permission for {tmp_path}/closed; name another file"):
        start(tmp_path / "closed" / "server.pid")


def test_a_server_that_runs(file, server):
    file.write_text(str(server))
    with pytest.raises(PidFileError, match=f"^{file} is of process {server}, which runs: stop it, or "):
        start(file)
    assert file.read_text() == str(server)


@pytest.mark.parametrize("text", ["root:x:0:0", "-1", "12 13", "\0"])
def test_a_file_of_something_else_is_left_alone(file, text):
    file.write_text(text)
    with pytest.raises(PidFileError, match=f"^{file} holds no process number"):
        start(file)
    assert file.read_text() == text


def test_a_directory(tmp_path):
    with pytest.raises(PidFileError, match=f"^cannot read or remove {tmp_path}: Is a directory$"):
        start(tmp_path)


def test_no_file(file):
    start(file)
    assert start(file, pidfile="")["pidfile"] == ""
    options: dict[str, object] = {}
    prepare(options)  # as twist has it
    assert options == {}


@pytest.mark.parametrize(("how", "kept"), [("nodaemon", ""), ("debug", ""), ("", "twistd.pid")])
def test_in_the_foreground_there_is_none_unless_it_is_named(how, kept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options: dict[str, object] = {"pidfile": "twistd.pid", "nodaemon": 0, "debug": None, how: 1}
    prepare(options)
    assert options["pidfile"] == kept


def test_two_servers_in_one_directory(tmp_path):
    """As the pages print the command."""
    (tmp_path / "one").mkdir()
    command = [word for word in COMMAND if not word.startswith("--pidfile")]
    with (
        Twistd(tmp_path, "--port", LOCAL, command=command) as server,
        Twistd(tmp_path, "--port", LOCAL, command=command, log="other") as other,
    ):
        assert server.port != other.port
        assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "one", "other"]
        assert server.stop()
        assert other.stop()


def test_as_an_operator_sees_it(file, server):
    file.write_text(str(server))
    command = [f"--pidfile={file}" if word.startswith("--pidfile") else word for word in COMMAND]
    ended = subprocess.run([*command, "--port", LOCAL], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"twistd smtpx: {file} is of process {server}")
    assert len(ended.stderr.splitlines()) == 1
