"""The limits of mailboxes, as options.  ``errors.txt`` has the errors."""

from __future__ import annotations

from tests.command.parsing import parsed
from txsmtpx.inbox.store_limits import StoreLimits


def test_limits_of_both_stores(tmp_path):
    for backend in ("memory", f"inbox:{tmp_path}/mail.db"):
        (service,) = parsed(
            "--web", "8025", "--backend", backend,
            "--mailbox-limit", "recipient max-messages=100 max-octets=10M",
            "--mailbox-limit", "recipient:Ann@Example.org max-age=7d",
        ).process.services  # fmt: skip
        mailboxes = service.inbox.store.mailboxes
        limits = mailboxes.limits if backend == "memory" else mailboxes._writer.mailbox_limits
        assert limits.by_name == {
            "recipient": StoreLimits(100, 10 * 1024**2, None),
            "recipient:ann@example.org": StoreLimits(None, None, 7 * 86400),
        }


def test_there_is_none_by_default():
    (service,) = parsed("--web", "8025").process.services
    assert service.inbox.store.mailboxes.limits.by_name == {}
