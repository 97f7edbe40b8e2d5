"""Facts about the inbox for helpers of Mailpit."""

from __future__ import annotations

import sys

import txsmtpx


def test_facts(both):
    both.keep(b"X-Tags: a, b\r\n\r\n")
    both.keep(b"X-Tags: b\r\n\r\n")
    both.keep(b"12345")
    both.ask("DELETE", "/api/messages/3")
    both.send("PUT", "/api/v1/messages", {"IDs": ["1"], "Read": True})
    both.clock.advance(90.5)
    found = both.json("/api/v1/info")
    stats = found.pop("RuntimeStats")
    assert (stats.pop("Memory") > 1_000_000) == (sys.platform == "linux")
    assert stats == {
        "Uptime": 90, "MessagesDeleted": 1, "SMTPAccepted": 3, "SMTPAcceptedSize": 34, "SMTPRejected": 0,
        "SMTPIgnored": 0,
    }  # fmt: skip
    assert found == {
        "Version": f"txsmtpx {txsmtpx.__version__}", "LatestVersion": "disabled", "Database": "", "DatabaseSize": 29,
        "Messages": 2, "Unread": 1, "Tags": {"a": 1, "b": 2},
    }  # fmt: skip
