"""``twistd smtpx`` as a daemon, as a distribution starts it: its process number in a file, its log in another."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.waiting import PATIENCE, eventually
from tests.wire.twistd import environment

ROOT = Path(__file__).parents[2]


class Daemon:
    """
    Running, as long as the context lasts.

    Attributes:
        pid: Its process.
    """

    def __init__(
        self,
        directory: Path,
        twistd: Sequence[str],
        *options: str,
        python: str = sys.executable,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            directory: Where it runs, and logs.
            twistd: Options of twistd.
        """
        self._log = directory / "twistd.log"
        self.pidfile = directory / "twistd.pid"
        ended = subprocess.run(
            [python, "-c", "from twisted.scripts.twistd import run; run()", *twistd, "smtpx", *options],
            cwd=directory,
            env=environment(extra),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr.decode() + self.log
        self.pid = int(self.pidfile.read_text())

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, *exception: object) -> None:
        if not gone(self.pid):
            os.kill(self.pid, signal.SIGKILL)
        eventually(lambda: gone(self.pid))

    @property
    def log(self) -> str:
        """All it has said so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def logged(self, pattern: str, times: int = 1) -> list[str]:
        """Wait until ``pattern`` is in the log so often; what it found each time."""
        eventually(lambda: len(re.findall(pattern, self.log)) >= times, lambda: self.log)
        return re.findall(pattern, self.log)

    def stop(self) -> None:
        """End it, and wait for that."""
        os.kill(self.pid, signal.SIGTERM)
        eventually(lambda: gone(self.pid), lambda: self.log)


def gone(pid: int) -> bool:
    """Whether there is no such process, or one that has ended and is nobody's of ours to wait for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def children(pid: int) -> list[int]:
    """The processes that ``pid`` has started, zombies too."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def python_for(user: str) -> tuple[str, dict[str, str]]:
    """
    A Python that ``user`` may run, with what is in its environment so that it finds our packages.

    Raises:
        FileNotFoundError: There is none, for instance because this one is in somebody's home.
    """
    path = {"PYTHONPATH": os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])}
    for python in (sys.executable, "/usr/bin/python3"):
        version = "import sys, txsmtpx.command.worker; print(*sys.version_info[:2])"
        said = ""
        with contextlib.suppress(OSError):
            said = subprocess.run(
                [python, "-c", version],
                user=user, group=pwd.getpwnam(user).pw_gid, extra_groups=[],
                cwd="/", env=environment(path), capture_output=True, text=True, check=False,
            ).stdout  # fmt: skip
        if said.split() == [str(part) for part in sys.version_info[:2]]:
            return python, path
    raise FileNotFoundError(f"no Python that {user} may run")
