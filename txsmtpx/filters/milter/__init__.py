"""Milter, the protocol of mail filters such as opendkim and rspamd: the side of the mail server."""

from txsmtpx.filters.milter.errors import (
    MilterConnectionError,
    MilterError,
    MilterProtocolError,
    MilterTimeoutError,
)
from txsmtpx.filters.milter.milter import Milter

__all__ = ["Milter", "MilterConnectionError", "MilterError", "MilterProtocolError", "MilterTimeoutError"]
