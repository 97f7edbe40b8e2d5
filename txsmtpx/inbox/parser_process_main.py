"""
The process that parses long messages.  `txsmtpx.inbox.parser_process` starts it by the path of this file.

Requests come on standard input: a line of JSON, and behind it a message of ``size`` octets.  If ``size`` is 0, the
request is about the message of the request before.

    {"view": "part", "number": 2, "size": 1000000}

Answers go to standard output: a line with the length of the answer in octets, and the answer.  The length -1 means that
the message has no such view, see `rendered_view`.

The kernel enforces the limits (setrlimit(2)), since a hostile message may be made to exceed them.  Windows has no such
limits; there the server kills the process when its time is over.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import resource

NICE = 5
"""The nice value (nice(2)) of the process, so that the server gets the processor first."""


def limit_memory(octets: int) -> None:
    """
    Limit the address space of this process.  A further allocation raises MemoryError.

    Args:
        octets: The limit, beyond the memory that the process has now.
    """
    if sys.platform != "win32":
        statm = Path("/proc/self/statm")  # Linux; elsewhere the memory that Python itself has counts too
        taken = int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0
        _limit(resource.RLIMIT_AS, taken + octets)


def limit_time(seconds: int) -> None:
    """
    Limit the processor time of this process.  The kernel ends the process beyond it, even if the server is gone.

    Args:
        seconds: The limit, beyond the time that the process has used.
    """
    if sys.platform != "win32":
        usage = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(usage.ru_utime + usage.ru_stime) + seconds + 1)


def _limit(kind: int, value: int) -> None:
    """Set a soft limit.  It stays below the hard limit, which the process cannot raise."""
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def serve(requests: BinaryIO, answers: BinaryIO, seconds: int) -> None:
    """
    Answer requests until the input ends.

    Args:
        requests: The input.
        answers: The output.
        seconds: The limit on the processor time of each request.
    """
    from txsmtpx.inbox.message_detail import parsed_content, rendered_view

    message = parsed_content(b"")
    while line := requests.readline():
        request = json.loads(line)
        limit_time(seconds)
        if request["size"]:
            message = parsed_content(requests.read(request["size"]))
        answer = rendered_view(message, request["view"], request["number"])
        answers.write(b"-1\n" if answer is None else b"%d\n" % len(answer))
        answers.write(answer or b"")
        answers.flush()


def main() -> None:
    """Read sys.path and the limits from the command line, set the limits, and answer requests."""
    sys.path[:], memory, seconds = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes of a terminal; the server ends this one
    if sys.platform != "win32":
        os.nice(NICE)
    import txsmtpx.inbox.message_detail  # noqa: F401  # before the limit is set, so that modules do not count

    limit_memory(memory)
    if sys.platform != "win32":
        _limit(resource.RLIMIT_CORE, 0)  # no core file when the kernel ends the process
    serve(sys.stdin.buffer, sys.stdout.buffer, seconds)


if __name__ == "__main__":
    main()
