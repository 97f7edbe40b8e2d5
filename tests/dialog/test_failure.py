"""An exception object for each who waits (guarantee 21)."""

from __future__ import annotations

import pytest
from OpenSSL import SSL
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionAborted, ConnectionLost, ProcessTerminated, TimeoutError
from twisted.python.failure import Failure

from txsmtpx import CommandCancelled, NetworkError, RecipientsRefused, SMTPError, TLSFailed
from txsmtpx.dialog.failure import own_failure


class Odd(Exception):
    """Takes other arguments than it keeps."""

    def __init__(self, one, *, two):
        super().__init__(f"{one} and {two}")
        self.two = two


ERRORS = [
    ConnectionLost("Connection lost"), ConnectionAborted(), TimeoutError("late"), TLSFailed("the handshake failed"),
    CancelledError(), ProcessTerminated(1), SSL.Error([("a", "b", "c")]), OSError(2, "No such file", "there"),
    SMTPError(550, (5, 7, 1), "No\nand no", command="MAIL"), RecipientsRefused([("a@b", SMTPError(550, None, "No"))]),
    NetworkError.like(TimeoutError, "no answer", "DATA"), NetworkError.of(OSError(2, "No", "it"), "connect"),
    CommandCancelled("the caller cancelled it", command="RCPT"),
    Odd("one", two="two"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
]  # fmt: skip


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_it_is_another_object_that_says_the_same(error):
    try:
        raise error
    except Exception:
        failure = Failure()
    for reason in (failure, error):
        own = own_failure(reason)
        assert own.value is not error
        assert (own.type, str(own.value), own.value.args) == (type(error), str(error), error.args)
        assert {name: str(value) for name, value in vars(own.value).items()} == {
            name: str(value) for name, value in vars(error).items()
        }
        assert own.value.__traceback__ is None
        assert own.tb is None
