"""The commands in the tests have a shell of their own: no arguments of a ``make`` around them, no ignored signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.surroundings import OF_MAKE, OF_OUR_MAKEFILE, a_shell_of_its_own

INTERRUPTED = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('ignored')"


def test_they_have_no_arguments_of_a_make() -> None:
    """They are not here now, however these tests were started."""
    assert {*OF_MAKE, *OF_OUR_MAKEFILE} & os.environ.keys() == set()


def test_they_can_be_interrupted() -> None:
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (-signal.SIGINT, "")


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.default_int_handler])
def test_afterwards_all_is_as_before(handler: signal.Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEFLAGS", "k -- ARGS=-q")
    before = signal.signal(signal.SIGINT, handler)
    try:
        with a_shell_of_its_own():
            assert "MAKEFLAGS" not in os.environ
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert os.environ["MAKEFLAGS"] == "k -- ARGS=-q"
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)
