"""``--check`` and the programs of filters and tables: each is asked, and each failure has its line."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.command.parsing import listener
from tests.wire.twistd import run
from txsmtpx.command.option import OptionError
from txsmtpx.command.process import Listener, Question
from txsmtpx.command.questions import LIMIT, ask
from txsmtpx.testing import Outcome

FILTERS = """
from twisted.internet import reactor
from twisted.internet.task import deferLater
from txsmtpx import Filter

class Fine:
    def __init__(self, argument):
        self.argument = argument

    def __call__(self, connection):
        return Filter(connection)

    def check(self):
        return f"version 6, {self.argument}"

class Later(Fine):
    async def check(self):
        await deferLater(reactor, 0.05)
        return f"version 2, {self.argument}"

class FailsLater(Fine):
    async def check(self):
        await deferLater(reactor, 0.05)
        raise RuntimeError(f"never {self.argument}")
"""


@pytest.fixture
def asking() -> Listener:
    return listener()


def question(answer: object) -> Question:
    def asked() -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Question("spam", asked, lambda text: OptionError("filter", f"spam: {text}"))  # type: ignore[arg-type]


def test_an_answer(asking):
    assert Outcome(ask(Clock(), asking, question("version 6"))).result() == ("spam: version 6", "")
    later = Deferred[str]()
    outcome = Outcome(ask(Clock(), asking, question(later)))
    assert not outcome.fired
    later.callback("version 2")
    assert outcome.result() == ("spam: version 2", "")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("it refuses version 6"), "it refuses version 6"),
        (RuntimeError(), "RuntimeError"),
        (FileNotFoundError(2, "No such file or directory", "/run/x"), "cannot read /run/x: No such file or directory"),
    ],
)
def test_a_failure(asking, error, text):
    assert Outcome(ask(Clock(), asking, question(error))).result() == ("", f"--filter spam: {text}")


def test_a_program_that_does_not_answer(asking):
    clock, ended = Clock(), list[object]()
    hanging = Deferred[str](lambda cancelled: ended.append("cancelled"))
    outcome = Outcome(ask(clock, asking, question(hanging)))
    clock.advance(LIMIT - 1)
    assert not outcome.fired
    clock.advance(1)
    assert outcome.result() == ("", "--filter spam: it does not answer within 10 seconds")
    assert ended == ["cancelled"]


@pytest.fixture
def here(directory: Path) -> Path:
    (directory / "checked.py").write_text(FILTERS)
    return directory


def checked(here: Path, *options: str) -> tuple[int, list[str], list[str]]:
    ended = run(here, "--check", "--port", "unix:s", *options, extra={"PYTHONPATH": str(here)})
    return ended.returncode, ended.stdout.splitlines(), ended.stderr.splitlines()


@contextmanager
def table(reply: bytes) -> Iterator[str]:
    """The description of a table whose server sends this reply once."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"tcp:127.0.0.1:{server.getsockname()[1]}"
        thread.join()


@pytest.mark.system
def test_the_answers_are_printed_below_the_options(here):
    options = ["--filter", "checked.Later:a", "--filter", "checked.Fine:b name=second"]
    with table(b"500 none\n") as description:
        status, lines, errors = checked(here, *options, "--rewrite", description)
    assert (status, errors) == (0, [])
    assert lines[-4] == f"  rewrite = {description} (--rewrite)"
    assert lines[-3:] == ["  checked.Later: version 2, a", "  second: version 6, b", f"  {description}: it answers"]
    assert not (here / "s").exists()


@pytest.mark.system
def test_every_failure_has_its_line(here):
    (here / "mail.toml").write_text(
        'rewrite = "socketmap:unix:nowhere:x"\n'
        '[[filter]]\nname = "x"\nuse = "checked.FailsLater:b"\n[[filter]]\nuse = "checked.Fine:d"\n'
    )
    status, lines, errors = checked(here, "--config", "mail.toml")
    assert (status, lines) == (1, [])
    assert errors == [
        "twistd smtpx: mail.toml:4: use checked.FailsLater:b: never b",
        "twistd smtpx: mail.toml:1: rewrite socketmap:unix:nowhere:x: cannot connect: No such file or directory",
    ]


@pytest.mark.system
def test_sockets_are_relative_to_the_directory_of_twistd(here):
    (here / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(here / "run/p"))
        server.listen()
        options = ["--check", "--port", "unix:s", "--filter", "policy:unix:p"]
        ended = run(here, *options, twistd=["-n", "--pidfile=", "--rundir=run"])
        assert (ended.returncode, ended.stderr) == (0, "")
        ended = run(here, *options)
        assert ended.returncode == 1
        assert "--filter policy:unix:p: " in ended.stderr


def test_a_store_of_limits_that_cannot_be_reached(tmp_path):
    options = ["--port", "tcp:0", "--limit", "2 messages per hour per host", "--limit-store", "redis:unix:nowhere"]
    checked = run(tmp_path, *options, "--check")
    assert checked.returncode == 1
    assert checked.stderr.startswith("twistd smtpx: --limit-store redis:unix:nowhere: redis unix:nowhere: ")
