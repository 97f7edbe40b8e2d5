"""What ``twistd smtpx`` does not import, since its options do not need it: each part costs time and memory."""

from __future__ import annotations

import re

import pytest

from tests.wire.twistd import LOCAL, Twistd

OF_OTHER_OPTIONS = (
    "txsmtpx.backends.maildir", "txsmtpx.backends.memory", "txsmtpx.backends.relay", "txsmtpx.content.email_message",
    "txsmtpx.dialog.client", "txsmtpx.filters.milter", "txsmtpx.inbox.inbox_service", "txsmtpx.middleware.limit",
    "txsmtpx.middleware.filter_backend", "txsmtpx.middleware.rewrite", "txsmtpx.middleware.tee",
    "txsmtpx.observers.metrics_service", "txsmtpx.observers.prometheus_collector", "txsmtpx.stores", "txsmtpx.testing",
    "txsmtpx.tables.remote_table", "txsmtpx.wire.client", "txsmtpx.wire.http_site", "txsmtpx.wire.mx",
    "txsmtpx.wire.pool", "txsmtpx.wire.system_resolver", "argon2", "jinja2", "prometheus_client", "treq",
    "twisted.names.client", "twisted.web.server", "txredisapi",
)  # fmt: skip


@pytest.mark.system
@pytest.mark.parametrize(
    ("options", "needs"),
    [((), set()), (("--backend", "memory"), {"txsmtpx.backends.memory", "txsmtpx.content.email_message"})],
)
def test_a_server_imports_what_its_options_need(tmp_path, options, needs):
    with Twistd(tmp_path, "--port", LOCAL, *options, extra={"PYTHONPROFILEIMPORTTIME": "1"}) as server:
        assert server.port
        assert server.stop()
    imported = set(re.findall(r"^import time: .*\| +(\S+)$", server.log, re.MULTILINE))
    assert "txsmtpx.wire.server" in imported
    assert imported & set(OF_OTHER_OPTIONS) == needs
