"""The process that is put together from the options."""

from __future__ import annotations

import socket

import pytest

from tests.command.parsing import factory, listener, parsed
from txsmtpx import (
    OpenBackend,
)


def test_defaults():
    only = listener()
    made, settings = only.factory, only.factory.settings
    (port,) = only.ports
    assert (port.endpoint._port, port.endpoint._interface) == (1025, "127.0.0.1")
    assert type(settings.backend) is OpenBackend
    assert settings.domain == socket.gethostname()
    assert (settings.lmtp, settings.require_auth, settings.require_tls, settings.allow_insecure_auth) == (False,) * 4
    assert (settings.max_message_bytes, settings.max_recipients) == (32 * 1024 * 1024, 1000)
    assert (made.read_timeout, made.write_timeout, made.message_timeout) == (300, 300, 3600)
    assert settings.delivery_timeout == 300
    assert (made.admission.max_connections, made.admission.max_connections_per_host) == (0, 0)
    assert (settings.max_errors, made.greeting_delay) == (20, 0)
    assert settings.bare_newlines == "normalize"
    assert made.transcript is None
    assert made.tls is None
    assert only.shutdown_timeout == 30


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        (["--domain", "mx.example"], "domain", "mx.example"),
        (["--lmtp"], "lmtp", True),
        (["--allow-insecure-auth"], "allow_insecure_auth", True),
        (["--max-message-bytes", "0"], "max_message_bytes", 0),
        (["--max-message-bytes", "12345"], "max_message_bytes", 12345),
        (["--max-recipients", "7"], "max_recipients", 7),
        (["--max-transactions", "8"], "max_transactions", 8),
        (["--max-recipient-domains", "9"], "max_recipient_domains", 9),
        (["--max-errors", "0"], "max_errors", 0),
        (["--delivery-timeout", "1.5"], "delivery_timeout", 1.5),
        (["--bare-newlines", "reject"], "bare_newlines", "reject"),
        (["--bare-newlines", "accept"], "bare_newlines", "accept"),
    ],
)
def test_settings(options, name, value):
    assert getattr(factory(*options).settings, name) == value


def test_a_wrong_port_does_not_hide_what_else_is_wrong(pem, capsys):
    with pytest.raises(SystemExit) as exit:
        parsed("--port", "nonsense:25", "--tls-directory", str(pem.both.parent), "--require-auth")
    assert [line.split()[2] for line in str(exit.value.code).splitlines()] == ["--port", "--require-auth"]
