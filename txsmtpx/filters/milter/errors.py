"""The errors of a milter: what it sends, and what it does not send."""

from __future__ import annotations

from txsmtpx.interfaces import FilterFailed


class MilterError(FilterFailed):
    """A milter cannot be used.  Its text is for the log, never for an SMTP client."""


class MilterProtocolError(MilterError):
    """The octets of a peer are not the milter protocol, or not legal at this point of it."""


class MilterTimeoutError(MilterError):
    """A milter has not answered in time."""


class MilterConnectionError(MilterError):
    """There is no connection to a milter, or it was closed before the answer."""
