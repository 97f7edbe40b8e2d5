"""
The process that opens long messages; `txsmtpx.inbox.parser_process` starts it by the path of this file.

Requests come on standard input: a line of JSON, and behind it a message of ``size`` octets.  Where ``size`` is 0, the
message is the one of the request before.

    {"view": "part", "number": 2, "size": 1000000}

Answers go to standard output: a line with the length of the answer, and the answer.  A length of -1 stands for nothing:
there is no such part, or no HTML.

Its limits are enforced by the kernel (setrlimit(2)), since a hostile message may be made to exceed them.  Windows has
no such limits; there the server's time limit is the only one.
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
"""How much the processor prefers other processes, among them the server (nice(2))."""


def limit_memory(octets: int) -> None:
    """Let this process take so many octets of address space more, and get MemoryError for the next one."""
    if sys.platform != "win32":
        statm = Path("/proc/self/statm")  # of Linux; elsewhere Python is taken to need nothing
        taken = int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0
        _limit(resource.RLIMIT_AS, taken + octets)


def limit_time(seconds: int) -> None:
    """Let this process take so many seconds of processor time more, and then end, even if the server is gone."""
    if sys.platform != "win32":
        usage = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(usage.ru_utime + usage.ru_stime) + seconds + 1)


def _limit(kind: int, value: int) -> None:
    """Set a limit, unless there is a lower one already."""
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def serve(requests: BinaryIO, answers: BinaryIO, seconds: int) -> None:
    """
    Answer requests until there are no more.

    Args:
        seconds: processor time for each.
    """
    from txsmtpx.inbox.message_detail import parsed_content, rendered_view

    letter = parsed_content(b"")
    while line := requests.readline():
        request = json.loads(line)
        limit_time(seconds)
        if request["size"]:
            letter = parsed_content(requests.read(request["size"]))
        answer = rendered_view(letter, request["view"], request["number"])
        answers.write(b"-1\n" if answer is None else b"%d\n" % len(answer))
        answers.write(answer or b"")
        answers.flush()


def main() -> None:
    """Take the limits and the path of modules from the command line, and serve."""
    sys.path[:], memory, seconds = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which a terminal sends to all; the server ends this one
    if sys.platform != "win32":
        os.nice(NICE)
    import txsmtpx.inbox.message_detail  # noqa: F401  # before the limit: what Python itself takes is no part of it

    limit_memory(memory)
    if sys.platform != "win32":
        _limit(resource.RLIMIT_CORE, 0)  # a message that takes too long leaves no core file
    serve(sys.stdin.buffer, sys.stdout.buffer, seconds)


if __name__ == "__main__":
    main()
