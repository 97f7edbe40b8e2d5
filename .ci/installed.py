"""
Check what is installed in an environment, by the Python of that environment, in an empty directory.

    PYTHON .ci/installed.py VERSION

It checks the version, the files, the command, a message that is sent and received, and the fixtures of pytest.
"""

from __future__ import annotations

import contextlib
import importlib
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PATIENCE = 60.0
"""Seconds for the server to start."""

LETTER = "Subject: {}\r\n\r\nHey <3\r\n"

CLIENT = """
import sys
from twisted.internet.task import react
from txsmtpx import send_mail

async def main(reactor, endpoint):
    letter = b"Subject: by txsmtpx\\r\\n\\r\\nHey <3\\r\\n"
    result = await send_mail(endpoint, "me@example.org", ["you@example.net"], letter)
    assert [reply.code for recipient, reply in result.accepted] == [250], result

react(main, sys.argv[1:])
"""

TEST = """
import smtplib

def test_a_message(smtp_server):
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.sendmail("me@example.org", ["you@example.net"], "Subject: Hello")
    (received,) = smtp_server.messages
    assert received.message["Subject"] == "Hello"
"""


def twistd(*arguments: str) -> list[str]:
    """Return a command that runs the installed twistd."""
    return [str(Path(sys.executable).with_name("twistd")), "--nodaemon", "--pidfile=", "smtpx", *arguments]


def output(command: list[str]) -> str:
    """Return what a command prints; raise an error if it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{command} ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def check_files(version: str) -> None:
    """Check the version, the place of the package, its marker of types and its plugin."""
    package = importlib.import_module("txsmtpx")
    assert package.__version__ == version, package.__version__
    assert package.__file__ is not None
    place = Path(package.__file__).parent
    assert place.is_relative_to(sys.prefix), f"{place} is not in the environment"
    assert (place / "py.typed").is_file()
    assert (place.parent / "twisted/plugins/txsmtpx_plugin.py").is_file()
    assert not (place.parent / "tests").exists()


def check_command(version: str) -> None:
    """Check what the command prints."""
    assert f"txsmtpx {version}" in output(twistd("--version"))
    assert "--backend" in output(twistd("--help"))
    assert "maildir:PATH" in output(twistd("--help-backends"))


@contextlib.contextmanager
def server(port: int) -> Iterator[None]:
    """Run a server that stores mail in the directory ``Maildir``; it has to stop with status 0."""
    command = twistd("--port", f"tcp:{port}:interface=127.0.0.1", "--backend", "maildir:Maildir")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        end = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, printed
    finally:
        process.kill()


def check_messages(version: str) -> None:
    """Send a message by the standard library and one by txsmtpx, to a server of the command."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    with server(port):
        with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
            client.sendmail("me@example.org", ["you@example.net"], LETTER.format("by smtplib"))
        output([sys.executable, "-c", CLIENT, f"tcp:127.0.0.1:{port}"])
    stored = b"".join(path.read_bytes() for path in Path("Maildir/new").iterdir())
    assert b"Subject: by smtplib" in stored
    assert b"Subject: by txsmtpx" in stored


def check_fixtures(version: str) -> None:
    """Run a test with a fixture of the plugin."""
    Path("test_installed.py").write_text(TEST)
    assert "1 passed" in output([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_installed.py"])


CHECKS: tuple[Callable[[str], None], ...] = (check_files, check_command, check_messages, check_fixtures)

if __name__ == "__main__":
    for check in CHECKS:
        check(sys.argv[1])
    print(f"txsmtpx {sys.argv[1]} works on Python {sys.version.split()[0]}")
