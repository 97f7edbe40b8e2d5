"""The options of the command, parsed in this process or in another one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from txsmtpx import SMTPServerFactory
from txsmtpx.command.process import Listener
from txsmtpx.command.usage import Options

ENDPOINT = "relay:tcp:127.0.0.1:1"
RELAYS = ["-b", ENDPOINT, "--relay-domain", "a"]
"""Options of a server that relays."""


def parsed(*given: str) -> Options:
    """Return the options, parsed."""
    options = Options()
    options.parseOptions(given)
    return options


def options(*given: str) -> subprocess.CompletedProcess[str]:
    """Parse options in another process, which writes "fine"."""
    command = "import sys; from txsmtpx.tap import Options; Options().parseOptions(sys.argv[1:]); print('fine')"
    return subprocess.run([sys.executable, "-c", command, *given], capture_output=True, text=True, timeout=60)


def listener(*given: str) -> Listener:
    """Return the only listener that the options describe."""
    (made,) = parsed(*given).process.listeners
    return made


def factory(*given: str) -> SMTPServerFactory:
    """Return the only server that the options describe."""
    return listener(*given).factory


def complaints(*given: str) -> list[str]:
    """Return what is wrong with options, a line each."""
    with pytest.raises(SystemExit) as exit:
        parsed(*given)
    assert isinstance(exit.value.code, str)  # which Python prints to stderr, with exit status 1
    lines = exit.value.code.splitlines()
    assert all(line.startswith("twistd smtpx: ") for line in lines)
    return [line.removeprefix("twistd smtpx: ") for line in lines]
