"""Errors by which a server limits its connections (RFC 5321 §3.8)."""

from __future__ import annotations

from txsmtpx.errors import SMTPError
from txsmtpx.wire.failover import AllServersFailed


def is_421(error: BaseException | None) -> bool:
    """
    Return whether an error is a 421, by which a server closes the connection.

    Args:
        error: The error.  An `AllServersFailed` counts if one of its servers has answered 421.

    Returns:
        True for a 421.
    """
    if isinstance(error, AllServersFailed):
        return any(is_421(attempt.error) for attempt in error.attempts)
    return isinstance(error, SMTPError) and error.code == 421


def may_be_too_many(error: Exception) -> bool:
    """
    Return whether a new connection may have failed because there are too many.

    Args:
        error: Why the connection failed.

    Returns:
        True if the server cannot be reached, or rejects the connection before AUTH, or temporarily.
    """
    return not isinstance(error, SMTPError) or error.temporary or error.command != "AUTH"
