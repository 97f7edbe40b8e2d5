"""The errors of messages."""

from __future__ import annotations

from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.web.web_errors import NotFound


def test_a_deleted_message_is_not_found() -> None:
    assert issubclass(MessageDeleted, NotFound)
    assert str(MessageDeleted()) == "There is no such message."
