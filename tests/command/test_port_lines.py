"""Twisted's own lines about ports are left out of the log, and no other line is."""

from __future__ import annotations

import io

import pytest
from twisted.internet.protocol import Factory
from twisted.logger import FileLogObserver, Logger, capturedLogs
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.python import log as old_log

from txsmtpx.command.logfile import log_form
from txsmtpx.command.port_lines import is_port_line


def events_of(function) -> list:
    with capturedLogs() as events:
        function()
    return events


@pytest.mark.parametrize(
    "line",
    [
        "SMTPServerFactory starting on 1025",
        "InboxSite (WrappingFactory) starting on 8025",
        "SMTPServerFactory (TLS) starting on '/run/a b'",
        "(TCP Port 1025 Closed)",
        "(UNIX Port /run/lmtp Closed)",
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_of_twisted_is_left_out(line, form):
    (event,) = events_of(lambda: old_log.msg(line))
    assert is_port_line(event)
    out = io.StringIO()
    FileLogObserver(out, log_form(form))(event)
    assert out.getvalue() == ""


def test_a_line_about_a_factory_of_twisted_is_left_out():
    """The endpoint ``haproxy:`` creates such a factory."""
    factory = HAProxyWrappingFactory(Factory())
    for call in (factory.doStart, factory.doStop):
        events = events_of(call)
        assert events
        assert all(map(is_port_line, events))


@pytest.mark.parametrize("line", ["the job is starting on 5 hosts", "x starting on", "(TCP Port 25 Closed) and more"])
def test_another_line_stays(line):
    (event,) = events_of(lambda: old_log.msg(line))
    assert not is_port_line(event)
    assert log_form("text")(event).endswith(f"{line}\n")


def test_a_line_of_a_logger_stays():
    (event,) = events_of(lambda: Logger("their.server").info("Server starting on 25"))
    assert not is_port_line(event)
