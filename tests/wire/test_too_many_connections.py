"""Errors by which a server limits its connections, told from others."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionRefusedError

from txsmtpx import AllServersFailed, NetworkError, SMTPError
from txsmtpx.wire.failover import Attempt
from txsmtpx.wire.too_many_connections import is_421, may_be_too_many


def failed(*errors: Exception) -> AllServersFailed:
    """What is raised if all servers of a domain have failed."""
    return AllServersFailed("example.net", [Attempt("mx.example.net", "192.0.2.1", each) for each in errors])


REFUSED = NetworkError.of(ConnectionRefusedError())


@pytest.mark.parametrize(("error", "expected"), [
    (SMTPError(421, None, "Too many connections"), True), (SMTPError(450), False), (SMTPError(554), False),
    (REFUSED, False), (OSError("x"), False), (None, False), (KeyboardInterrupt(), False),
    (failed(REFUSED, SMTPError(421)), True), (failed(REFUSED, SMTPError(554)), False), (failed(), False),
    (failed(failed(SMTPError(421))), True),
])  # fmt: skip
def test_a_421(error, expected):
    assert is_421(error) is expected


@pytest.mark.parametrize(("error", "expected"), [
    (REFUSED, True), (SMTPError(421, command="greeting"), True), (SMTPError(554, command="greeting"), True),
    (SMTPError(550, command="EHLO"), True), (SMTPError(535, command="AUTH"), False),
    (SMTPError(454, command="AUTH"), True), (SMTPError(421, command="AUTH"), True), (failed(SMTPError(554)), True),
])  # fmt: skip
def test_a_connection_that_may_be_one_too_many(error, expected):
    """A login that is rejected for good is not tried again: that would lock the account."""
    assert may_be_too_many(error) is expected
