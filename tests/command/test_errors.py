r"""
The whole text of each error about an option, or about several that contradict each other.

``errors.txt`` has them.  A line that begins with $ is a command line; one that begins with # is a configuration file,
in which \n ends a line.  The lines after it are what the command writes, without "twistd smtpx: ".  HERE is the working
directory.
"""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.twistd import run
from txsmtpx.command.groups import OPTIONS
from txsmtpx.command.usage import Options
from txsmtpx.testing import issue

TABLE = Path(__file__).with_name("errors.txt")


def cases() -> Iterator[tuple[str, list[str]]]:
    """Each command line or file, and the lines that the command writes."""
    for paragraph in TABLE.read_text(encoding="utf-8").strip().split("\n\n"):
        given, *lines = paragraph.split("\n")
        yield given, lines


CASES = list(cases())

BACKENDS = """
from txsmtpx import OpenBackend, Session

def raises():
    raise RuntimeError("the database\\ndoes not answer")

def with_argument(argument):
    return OpenBackend(lambda connection: Session())

def number():
    return 3

class Exits:
    def __init__(self):
        raise SystemExit(3)

ready = OpenBackend(lambda connection: Session())
"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the files that the table names."""
    room = tmp_path_factory.mktemp("room")
    issue(room, "one")
    issue(room, "two")
    (room / "directory").mkdir()
    (room / "empty").touch()
    (room / "garbage").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (room / "with-garbage").mkdir()
    (room / "with-garbage" / "a.pem").write_bytes((room / "garbage").read_bytes())
    (room / "users").write_text("me:secret\nnonsense\n")
    (room / "two-users").write_text("me:secret\nyou:secret\n")
    (room / "one-user").write_text("me:secret\n")
    (room / "our_backends.py").write_text(BACKENDS)
    (room / "our_broken_module.py").write_text("1 / 0\n")
    (room / "our_exit.py").write_text("raise SystemExit\n")
    return room


@pytest.mark.parametrize(("given", "lines"), CASES, ids=[given for given, _ in CASES])
def test_the_whole_text(room, monkeypatch, capsys, given, lines):
    monkeypatch.chdir(room)
    monkeypatch.syspath_prepend(str(room))
    words = shlex.split(given[2:])
    if given.startswith("# "):
        Path("mail.toml").write_text(given[2:].replace(r"\n", "\n"), encoding="utf-8")
        words = ["--config", "mail.toml"]
    with pytest.raises(SystemExit) as exit:
        Options().parseOptions(words)
    written = str(exit.value.code).replace(str(room), "HERE")
    assert written.split("\n") == [f"twistd smtpx: {line}" for line in lines]
    assert capsys.readouterr() == ("", "")


def test_the_table_has_each_option():
    """An option that takes any text or is a flag can be wrong in company only; these have no error of their own."""
    texts = "\n".join(given for given, _ in CASES)
    without = {
        "check",
        "transcript",
        "lmtp",
        "allow-insecure-auth",
        "relay-allow-unverified-tls",
        "release-allow-unverified-tls",
    }
    assert {name for name in OPTIONS if f"--{name}" not in texts} <= without


@pytest.fixture
def busy() -> Iterator[str]:
    """The endpoint string of a port that is in use."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp:{server.getsockname()[1]}:interface=127.0.0.1"


@pytest.mark.parametrize("option", ["--port", "--web", "--metrics"])
def test_nothing_is_left_listening(tmp_path_factory, busy, option):
    directory = tmp_path_factory.mktemp("t")  # short enough for a UNIX socket
    ended = run(directory, "--port", "unix:s", option, busy)
    number = busy.split(":")[1]
    why = "it is in use; stop the other program, or choose another port"
    said = f"twistd smtpx: {option} {busy}: cannot listen on port {number} of 127.0.0.1: {why}"
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, said)
    assert "Traceback" not in ended.stdout + ended.stderr
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_daemon_says_on_the_terminal_why_it_does_not_start(tmp_path_factory, busy, workers):
    directory = tmp_path_factory.mktemp("t")
    before = ["--pidfile", "pid", "--logfile", "log"]
    ended = run(directory, "--workers", workers, "--port", "unix:s", "--port", busy, twistd=before)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"twistd smtpx: --port {busy}: cannot listen on port ")
    assert [path.name for path in directory.iterdir()] == ["log"]
