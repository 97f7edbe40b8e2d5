"""
The first steps of a worker: run as a program, with the command line of ``twistd smtpx`` as its arguments.

Its parent starts it by the path of this file, so that nothing of Twisted is imported before this has run: Twisted looks
for the sockets of systemd when it is imported, and for its own process number beside them (sd_listen_fds(3)).
"""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    """Become a worker."""
    text = os.environ.pop("TXSMTPX_WORKER")
    sys.path[:] = json.loads(text)["path"]
    if "LISTEN_FDS" in os.environ:
        os.environ["LISTEN_PID"] = str(os.getpid())
    from txsmtpx.command.worker import work

    work(text, sys.argv[1:])


if __name__ == "__main__":
    main()
