"""The errors of messages of the web inbox."""

from __future__ import annotations

from txsmtpx.web.web_errors import NotFound


class MessageDeleted(NotFound):
    """Report that the message was deleted while the request was handled.  The response is 404."""


class LimitExceeded(Exception):
    """Report that a message cannot be parsed within the limits on time and memory.  Its source can be shown."""
