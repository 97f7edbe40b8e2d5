"""Messages are forwarded as they arrive."""

from __future__ import annotations

import pytest

from tests.inbox.releasing import releasing
from txsmtpx.inbox import automatic_forwarding
from txsmtpx.inbox.address_pattern import AddressPattern
from txsmtpx.inbox.automatic_forwarding import forwarded_to
from txsmtpx.inbox.mail_release import CONNECTIONS, ForwardRule
from txsmtpx.testing import SILENCE

MATCHING = ForwardRule(AddressPattern("*@x.example"))
TO_QA = ForwardRule(AddressPattern("*@shop.example"), "qa@x.example")


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_those_that_match(kind, tmp_path):
    with releasing("x.example", rules=[MATCHING], file=tmp_path / "mail.db" if kind == "file" else None) as web:
        web.keep(b"Subject: a\r\nBcc: b\r\nMessage-ID: <1>\r\n\r\n", "a@x.example", "b@y.example")
        web.keep(b"Subject: b\r\n\r\n", "b@y.example")
        web.work()
        assert web.commands == ["MAIL FROM:<sender@client.example>", "RCPT TO:<a@x.example>"]
        (message,) = web.messages
        assert message.startswith(b"Received: from client.example ([192.0.2.1])\r\n")
        assert message.partition(b"Subject")[2] == b": a\r\nMessage-ID: <1>\r\n\r\n"
        assert web.json("/api/messages/1")["releases"] == [
            {"recipient": "a@x.example", "released": True, "reply": "250 2.0.0 Taken"}
        ]


def test_a_message_that_is_back_is_not_forwarded_again():
    with releasing(rules=[MATCHING]) as web:
        web.keep(b"", "a@x.example")
        web.work()
        deletion = web.ask("DELETE", "/api/messages").headers["Deletion"]
        assert web.post(f"/api/deletions/{deletion}/undo").status == 204
        assert len(web.messages) == 1


def test_rules():
    assert forwarded_to(["b@shop.example", "QA@x.example", "c@z.example"], [TO_QA, MATCHING]) == ["QA@x.example"]
    assert forwarded_to(["c@z.example"], [TO_QA, MATCHING]) == []


def test_a_rule_does_not_pass_the_list_of_those_allowed():
    with releasing("y.example", rules=[MATCHING]) as web:
        web.keep(b"", "a@x.example")
        web.work()
        assert web.network.servers == []


def test_some_at_a_time(monkeypatch):
    monkeypatch.setattr(automatic_forwarding, "MAX_WAITING", 2)
    with releasing(rules=[MATCHING], END=SILENCE) as web:
        for _ in range(CONNECTIONS + 3):
            web.keep(b"", "a@x.example")
        web.work()
        assert len(web.network.servers) == CONNECTIONS
        for _ in range(3):
            for server in web.network.servers:
                server.send_reply("250 2.0.0 Ok")
            web.work()
        assert len(web.messages) == CONNECTIONS + 2  # the last one found no room


def test_a_message_that_was_deleted_meanwhile():
    with releasing(rules=[MATCHING], END=[SILENCE]) as web:
        for _ in range(CONNECTIONS + 1):
            web.keep(b"", "a@x.example")
        web.work()
        web.ask("DELETE", f"/api/messages/{CONNECTIONS + 1}")
        for server in web.network.servers:
            server.send_reply("250 2.0.0 Ok")
        web.work()
        assert len(web.messages) == CONNECTIONS
