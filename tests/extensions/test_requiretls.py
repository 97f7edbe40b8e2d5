"""RFC 8689: REQUIRETLS through a relay, which passes it on or refuses; for the rest see ``rows.py``."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from tests.extensions.ends import Ends
from txsmtpx import RelayBackend, SMTPClient
from txsmtpx.extensions.requiretls import REQUIRETLS
from txsmtpx.testing import Conversation


@pytest.mark.parametrize(("offered", "answer"), [
    ([REQUIRETLS], "250 2.1.5 Recipient ok"), ([], "550 5.7.30 REQUIRETLS cannot be passed on"),
])  # fmt: skip
@pytest.mark.parametrize("sender", ["me@example.com", ""])
def test_passed_on_or_refused(sender: str, offered: list[Any], answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    next_server = Ends(inside_tls=True, extensions=offered)

    async def connect(*args: Any, **kwargs: Any) -> SMTPClient:
        return next_server.client

    monkeypatch.setattr("txsmtpx.wire.pool.connect_with", connect)
    clock = Clock()
    relay = RelayBackend(["unix:next"], domains=["example.com"], reactor=clock)
    talk = Conversation(relay, clock=clock, inside_tls=True)
    assert "REQUIRETLS" in [line[4:] for line in talk.ask("EHLO client.example")]
    assert talk.ask(f"MAIL FROM:<{sender}> REQUIRETLS") == ["250 2.1.0 Sender ok"]
    said = talk.ask("RCPT TO:<you@example.com>")
    next_server.flush()
    if sender:
        assert said + talk.replies() == [answer]
        assert next_server.words("MAIL") == [f"MAIL FROM:<{sender}> REQUIRETLS"] * bool(offered)
    else:  # RFC 8689 §5: a report goes on in any case
        assert said + talk.replies() == ["250 2.1.5 Recipient ok"]
        assert next_server.words("MAIL") == [f"MAIL FROM:<>{' REQUIRETLS' * bool(offered)}"]
    talk.ask("QUIT")
    next_server.flush()
    for pool in relay.pools:
        pool.stopService()
    next_server.flush()
    talk.hang_up()
