"""What the operator allows beyond showing a message."""

from __future__ import annotations

from typing import cast

from txsmtpx.inbox.message_tools import MessageTools
from txsmtpx.inbox.remote_client import RemoteClient


def test_a_token_is_for_one_message_of_one_server():
    remote = cast(RemoteClient, object())
    tools, others = MessageTools(remote), MessageTools(remote)
    assert tools.accepts(1, tools.token(1))
    for wrong in ("", "x", "\u00e9", tools.token(2), others.token(1), tools.token(1)[:-1]):
        assert not tools.accepts(1, wrong)
    assert tools.token(1) not in repr(tools)
    assert "_secret" not in repr(tools)


def test_nothing_is_accepted_by_default():
    tools = MessageTools()
    assert not tools.accepts(1, tools.token(1))
