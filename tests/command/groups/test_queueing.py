"""The options of a queue: what becomes of them in its routes and settings.  ``errors.txt`` has the errors."""

from __future__ import annotations

import pytest

from txsmtpx.command.groups.queueing import measured_queues
from txsmtpx.command.usage import Options
from txsmtpx.queue.queue_backend import QueueBackend

QUEUE = ("--backend", "queue:sqlite:queue.db", "--relay-domain", "example.org")


@pytest.fixture(autouse=True)
def _room(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def parsed(*options):
    made = Options()
    made.parseOptions(list(options))
    (listener,) = made.process.listeners
    return listener


def queue(*options):
    backend = parsed(*QUEUE, *options).chosen_backend
    assert isinstance(backend, QueueBackend)
    return backend


def test_the_times_have_units():
    settings = queue("--queue-retry", "90s", "--queue-retry-most", "2h", "--queue-expire", "2d").queue.settings
    assert (settings.retry, settings.retry_most, settings.expire) == (90, 7200, 172_800)


def test_the_queue_has_the_domains_and_the_name_of_the_server():
    backend = queue("--domain", "mail.example.org")
    assert backend.domains == {"example.org"}
    assert backend.queue.domain == "mail.example.org"


def test_routes_on_the_command_line(tmp_path):
    (tmp_path / "login").write_text("shop:secret\n")
    made = queue(
        "--route", "example.net endpoint=unix:/run/lmtp.sock lmtp=true connections=3",
        "--route", "* endpoint=tls:smtp.example.com:465 auth=login",
    )  # fmt: skip
    lmtp, other = made.queue.routes.get("example.net"), made.queue.routes.get("*")
    assert (lmtp.settings.lmtp, lmtp.connections) == (True, 3)
    assert (other.settings.auth, other.settings.lmtp, other.connections) == (("shop", "secret"), False, None)


def test_routes_in_a_file(tmp_path):
    (tmp_path / "mail.toml").write_text("""
backend = "queue:sqlite:queue.db"
relay-domain = "example.org"
queue-expire = "1d"

[route."example.net"]
endpoint = "tcp:10.0.0.5:25"
tls = "opportunistic"
without = ["CHUNKING", "PIPELINING"]

[route."*"]
endpoint = "tls:smtp.example.com:465"
""")
    made = parsed("--config", "mail.toml").chosen_backend.queue
    assert made.routes.keys() == ["example.net", "*"]
    assert made.routes.get("example.net").settings.tls == "opportunistic"
    assert made.routes.get("example.net").settings.without == {"CHUNKING", "PIPELINING"}
    assert made.settings.expire == 86_400


def test_a_login_needs_tls(tmp_path, capsys):
    (tmp_path / "login").write_text("shop:secret\n")
    with pytest.raises(SystemExit) as ended:
        queue("--route", "* endpoint=tcp:127.0.0.1:25 auth=login")
    assert 'would be sent in the clear; write tls = "required"' in str(ended.value.code)
    assert "secret" not in str(ended.value.code)


def test_a_queue_is_measured():
    listener = parsed(*QUEUE)
    (metrics,) = measured_queues(listener)
    assert listener.chosen_backend.queue.observer is metrics
    assert measured_queues(parsed("--backend", "null")) == []
