"""Copies of a process that has imported twistd: their output, directory, signals and ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.copyright import version

from tests.docs.network import network
from tests.fork_server import AVAILABLE, IMPORTED, NETWORK, Forked, start
from tests.waiting import PATIENCE, eventually
from tests.wire.twistd import COMMAND, LISTENING, LOCAL, environment

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not AVAILABLE, reason="the system has no descriptors of processes"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Forked]:
    """A server that greets."""
    with (tmp_path / "log").open("wb") as log:
        process = start([*COMMAND[1:], "--port", LOCAL], tmp_path, environment(), log, new_session=True)
    found = eventually(lambda: re.search(LISTENING, (tmp_path / "log").read_text()))
    with socket.create_connection(("127.0.0.1", int(found[1])), PATIENCE) as client:
        assert client.recv(4) == b"220 "  # the reactor runs
    yield process
    process.kill()
    process.wait(PATIENCE)


def test_the_reactor_is_not_imported() -> None:
    program = f"import sys, {', '.join(IMPORTED)}; print('twisted.internet.reactor' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"


def test_the_output_and_the_exit_status(tmp_path: Path) -> None:
    for arguments, said, status in ((["--version"], version, 0), (["smtpx", "--nosuch"], "--nosuch", 1)):
        with (tmp_path / "output").open("wb") as output:
            process = start([COMMAND[1], *arguments], tmp_path, environment(), output)
        assert process.wait(PATIENCE) == process.poll() == process.returncode == status
        assert said in (tmp_path / "output").read_text()


def test_it_ends_by_a_signal(server: Forked, tmp_path: Path) -> None:
    assert server.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        server.wait(0.01)
    server.terminate()
    assert server.wait(PATIENCE) == 0
    assert "Server Shut Down." in (tmp_path / "log").read_text()
    server.send_signal(signal.SIGTERM)  # another process may have its number now


def test_it_is_killed(server: Forked) -> None:
    server.kill()
    assert server.wait(PATIENCE) == -signal.SIGKILL


def test_it_has_the_network_of_the_thread(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"import os, sys; print(os.readlink({NETWORK!r}), sys.stdin.read())")
    with (tmp_path / "output").open("w+b") as output, network() as own:
        if not own:
            pytest.skip("no network of its own")
        given = tmp_path / "input"
        given.write_text("given")
        with given.open("rb") as stdin:
            assert start([str(program)], tmp_path, environment(), output, stdin=stdin).wait(PATIENCE) == 0
        here = os.readlink(NETWORK)
    assert (tmp_path / "output").read_text() == f"{here} given\n"


def test_it_has_a_directory_and_a_session_and_no_descriptors_of_others(server: Forked, tmp_path: Path) -> None:
    assert os.getsid(server.pid) == server.pid
    assert Path(f"/proc/{server.pid}/cwd").resolve() == tmp_path
    files = [os.readlink(each) for each in Path(f"/proc/{server.pid}/fd").iterdir()]
    assert sum(each.startswith("socket:") for each in files) <= 3  # the port, and two of the reactor
