"""The options of the TLS to exchangers: what becomes of them in a queue.  ``errors.txt`` has the errors."""

from __future__ import annotations

import sys

import pytest

from tests.command.groups.test_queueing import parsed, queue
from txsmtpx.mx_tls.tlsrpt_collector import TLSRPTCollector
from txsmtpx.queue.queue_backend import QueueBackend
from txsmtpx.wire.dns_records import Records
from txsmtpx.wire.transport_security import Exchangers, Host


@pytest.fixture(autouse=True)
def _room(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


async def mode(found, domain):
    """Return the mode of TLS to an exchanger of a domain."""
    queue = found.queue
    records = Records(queue._reactor, queue.resolver, 1)
    return (await queue.security.host(Exchangers(domain, ["mx.test"]), Host("mx.test"), records)).mode


async def test_the_policies_of_the_options_count():
    found = queue("--tls-policy", ".example.net=encrypt", "--tls-policy", "*=none")
    assert await mode(found, "lists.example.net") == "required"
    assert await mode(found, "example.net") == "none"


async def test_policies_in_a_file(tmp_path):
    (tmp_path / "mail.toml").write_text(
        'backend = "queue:sqlite:queue.db"\nrelay-domain = "example.org"\ntls-policy = ["example.net=encrypt"]\n'
    )
    backend = parsed("--config", "mail.toml").chosen_backend
    assert isinstance(backend, QueueBackend)
    assert await mode(backend, "example.net") == "required"


def test_without_options_nothing_is_reported():
    found = queue().queue
    assert found.security.reporters == []
    assert found.resolver is None


def test_the_collector_of_reports():
    (reporter,) = queue("--tlsrpt-socket", "/run/tlsrpt.sock").queue.security.reporters
    assert isinstance(reporter, TLSRPTCollector)


def test_the_metrics_are_told_too():
    made = parsed("--backend", "queue:sqlite:queue.db", "--relay-domain", "example.org", "--metrics", "tcp:0")
    assert len(made.chosen_backend.queue.security.reporters) == 1


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("127.0.0.1", ("127.0.0.1", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
        ("[::1]", ("::1", 53)),
    ],
)
def test_the_name_server(text, server, monkeypatch):
    made = []
    monkeypatch.setattr("txsmtpx.wire.system_resolver.Configuration", lambda servers: made.extend(servers))
    queue("--queue-dns", text)
    assert made == [server]


def test_mta_sts_needs_treq(monkeypatch):
    """Without it, the queue works, and a warning is logged."""
    monkeypatch.setitem(sys.modules, "treq", None)
    assert queue().queue.security is not None
