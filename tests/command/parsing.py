"""The options of the command, parsed in this process or in another one."""

from __future__ import annotations

import subprocess
import sys

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
