"""
What the tests inherit from the command that runs them, and the commands in the tests do not.

``make test ARGS='-k lmtp'`` exports its arguments to each ``make`` below it, and so to the ``make serve`` that a test
types.  A script that starts ``make test`` in the background ignores SIGINT, and so would each server that a test
interrupts.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

OF_MAKE = ("MAKEFLAGS", "MFLAGS", "GNUMAKEFLAGS", "MAKEFILES", "MAKELEVEL", "MAKEOVERRIDES")
OF_OUR_MAKEFILE = ("ARGS", "JOBS", "PYTHON", "VENV")
OF_PYTEST = ("PYTEST_ADDOPTS",)


@contextmanager
def a_shell_of_its_own() -> Iterator[None]:
    """Within it, this process and the commands that it starts have what a newly opened terminal has."""
    names = (*OF_MAKE, *OF_OUR_MAKEFILE, *OF_PYTEST)
    before = {name: os.environ.pop(name) for name in names if name in os.environ}
    interrupt = signal.getsignal(signal.SIGINT)
    if interrupt is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        os.environ |= before
        signal.signal(signal.SIGINT, interrupt)
