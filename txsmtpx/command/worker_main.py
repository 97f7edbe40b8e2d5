"""
The program of a worker, whose arguments are the command line of ``twistd smtpx``.

The parent starts it by the path of this file, so that nothing of Twisted is imported before `main` runs.  Twisted looks
for the sockets of systemd when it is imported, and takes them only if the process number beside them is its own
(sd_listen_fds(3)).
"""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    """Prepare the process for Twisted, then run the worker."""
    text = os.environ.pop("TXSMTPX_WORKER")
    sys.path[:] = json.loads(text)["path"]
    if "LISTEN_FDS" in os.environ:
        os.environ["LISTEN_PID"] = str(os.getpid())
    from txsmtpx.command.worker import work

    work(text, sys.argv[1:])


if __name__ == "__main__":
    main()
