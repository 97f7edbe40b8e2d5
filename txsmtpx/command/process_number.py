"""
Check whether a process number in a file is still that of the server that wrote it.

After a container was killed and started again, the number may be that of this process, or of another program.
"""

from __future__ import annotations

import contextlib
import os

_PROGRAMS = frozenset({"twistd", "twist", "smtpx"})
"""Programs that write such a file: one of these is a word of their command line."""

_TOLERANCE = 2.0
"""Seconds by which a process may seem younger than the file that it wrote: its start is known to the second only."""


def is_gone(pid: int, written: float) -> bool:
    """
    Return whether the server that wrote a process number has ended.

    Args:
        pid: The number.
        written: The time of writing, in seconds since 1970.

    Returns:
        True if there is no such process, or if it is this process, another program, or younger than the file.
    """
    if pid in (0, os.getpid()):
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:  # a process of another user
        pass
    return _began_later(pid, written) or _is_other_program(pid)


def _is_other_program(pid: int) -> bool:
    """Return whether a process is another program; False if there is no ``/proc``."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = os.fsdecode(file.read()).split("\0")
    except OSError:
        return False
    return not any(os.path.basename(word) in _PROGRAMS for word in words)


def _began_later(pid: int, written: float) -> bool:
    """Return whether a process is younger than the file (proc_pid_stat(5), proc_stat(5))."""
    with contextlib.suppress(OSError, ValueError, IndexError, StopIteration):
        with open(f"/proc/{pid}/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        with open("/proc/stat", "rb") as file:
            booted = next(int(line.split()[1]) for line in file if line.startswith(b"btime "))
        return booted + ticks / os.sysconf("SC_CLK_TCK") > written + _TOLERANCE
    return False
