"""Files that cannot be removed: each kind of error is logged once, and none reaches the caller."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from twisted.logger import capturedLogs, formatEvent

from txsmtpx.queue.removal_log import RemovalLog


def failure(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def test_each_kind_of_error_is_logged_once() -> None:
    removals = RemovalLog("The next start tries again.")
    errors = [
        failure(errno.EACCES), failure(errno.ENOENT), failure(errno.EACCES), failure(errno.EIO), ValueError("no name"),
        ValueError("no other name"),
    ]  # fmt: skip
    with capturedLogs() as logs:
        for number, error in enumerate(errors):
            with removals.removing(Path(f"{number}.eml")):
                raise error
    assert [formatEvent(each) for each in logs] == [
        f"{name} cannot be removed: {reason}.  No message needs it.  The next start tries again.  Other files with this"
        " reason are not logged."
        for name, reason in (
            ("0.eml", "Permission denied"), ("3.eml", "Input/output error"), ("4.eml", "no name"),
        )
    ]  # fmt: skip


def test_the_end_of_the_process_is_no_error_of_a_file() -> None:
    with pytest.raises(KeyboardInterrupt), RemovalLog("").removing(Path("x")):
        raise KeyboardInterrupt
