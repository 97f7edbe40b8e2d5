"""The process that is put together from the options."""

from __future__ import annotations

import socket

import pytest

from tests.command.parsing import complaints, factory, listener, parsed
from txsmtpx import (
    OpenBackend,
)
from txsmtpx.command.assembly import report


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
    assert [line.split()[2] for line in str(exit.value.code).splitlines()] == ["--port", "--require-auth:"]


FILE = """
max-recipients = 5
log-format = "json"

[listener.mx]
port = [2525]
max-recipients = 6

[listener.submission]
port = [2526]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "smtpx.toml"
    path.write_text(FILE)
    return str(path)


def test_the_command_line_counts_more_than_a_table_and_that_more_than_the_top(file):
    def recipients(*options):
        process = parsed("--config", file, *options).process
        return [each.factory.settings.max_recipients for each in process.listeners]

    assert recipients() == [6, 5]
    assert recipients("--max-recipients", "7") == [7, 7]


def test_a_listener_for_each_table(file):
    process = parsed("--config", file).process
    assert [each.name for each in process.listeners] == ["mx", "submission"]
    assert process.log_format == "json"
    assert process.errors == []


@pytest.mark.parametrize(("ports", "line"), [
    (["tcp:2525", "tcp:2525"], "--port tcp:2525 is given twice; leave one out"), (["tcp:0", "tcp:0"], None),
    (["tcp:2525", "tcp:2526"], None),
])  # fmt: skip
def test_one_port_twice(ports, line):
    options = [word for port in ports for word in ("--port", port)]
    if line is None:
        assert len(listener(*options).ports) == 2
    else:
        assert complaints(*options) == [line]


def test_two_listeners_on_one_port(tmp_path):
    path = tmp_path / "smtpx.toml"
    path.write_text("[listener.a]\nport = [2525]\n[listener.b]\nport = [2525]\n")
    (line,) = complaints("--config", str(path))
    assert line.endswith("tcp:2525 is the port of listener a already; choose another port")
    assert line.startswith(f"{path}:4: ")


def test_a_setting_that_cannot_be_used_is_told_as_its_option():
    (line,) = complaints("--ident", "x" * 300)
    assert line.startswith("--ident must be up to 200 printable characters")


def test_what_would_run(file):
    lines = list(report(parsed("--config", file, "--domain", "mx.example.org").process))
    assert lines[:2] == ["listener mx:", "  ESMTP at tcp:2525 as mx.example.org"]
    assert lines[2].startswith("  offers 8BITMIME ")
    assert f"  max-recipients = 6 ({file}:7)" in lines
    assert "  domain = mx.example.org (--domain)" in lines
    assert lines[-2:] == ["process:", f"  log-format = json ({file}:3)"]


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ([], set()),
        (["--auth", "any"], set()),
        (["--auth", "any", "--allow-insecure-auth"], {"AUTH"}),
        (["--auth", "any", "--tls-self-signed", "--extension", "REQUIRETLS"], {"AUTH", "REQUIRETLS", "STARTTLS"}),
        (["--auth", "any", "--extension", "REQUIRETLS", "--allow-insecure-auth"], {"AUTH"}),
        (["--auth", "any", "--tls-self-signed", "--tls-port", "0"], {"AUTH"}),
        (["--auth", "any", "--tls-self-signed", "--tls-port", "0", "--port", "25"], {"AUTH", "STARTTLS"}),
    ],
)
def test_extensions_that_no_client_sees_are_not_listed(options, seen):
    offers = next(line for line in report(parsed(*options).process) if line.startswith("  offers "))
    assert {"AUTH", "REQUIRETLS", "STARTTLS"} & {*offers[9:].split()} == seen


def test_what_would_run_without_options():
    lines = list(report(parsed("--domain", "mx.example.org").process))
    assert lines[0] == "One listener:"
    assert "process:" not in lines


def test_a_secret_is_not_shown():
    lines = "\n".join(report(parsed("--auth", "memory:me:secret").process))
    assert "  auth = memory (--auth)" in lines
    assert "secret" not in lines
