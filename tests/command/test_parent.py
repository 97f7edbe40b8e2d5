"""The service of a process whose workers serve mail."""

from __future__ import annotations

import pytest

from tests.command.parsing import parsed
from tests.command.spawning import Reactor
from txsmtpx import SMTPService
from txsmtpx.command.parent import ParentService
from txsmtpx.command.usage import Options
from txsmtpx.command.workers import Worker, Workers
from txsmtpx.queue_web.queue_web_service import QueueWebService
from txsmtpx.tap import makeService


def test_workers_need_their_python():
    options = parsed("--workers", "2")
    options.parent = {"chroot": "/srv"}
    with pytest.raises(SystemExit, match=r"^twistd smtpx: --workers .* --chroot$"):
        makeService(options)


@pytest.mark.parametrize(
    ("runner", "reactor", "relayed"),
    [
        ({"nodaemon": 1, "logfile": None}, None, False),
        ({"nodaemon": 1, "logfile": "-", "reactor": "poll"}, "poll", False),
        ({"nodaemon": 0, "logfile": None}, None, True),
        ({"nodaemon": 1, "logfile": "smtpx.log"}, None, True),
        ({"nodaemon": 1, "syslog": 1}, None, True),
        ({"nodaemon": 1, "logger": "some.observer"}, None, True),
        ({"reactorName": "asyncio", "reactor": object()}, "asyncio", True),  # twist, not twistd
        (None, None, True),
    ],
)
def test_as_its_parent_was_run(runner, reactor, relayed):
    options = Options()
    options.parseOptions(["--workers", "2"])
    options.parent = runner
    fake = options.process.reactor = Reactor()
    ParentService(options)._workers._start_process(Worker(1, lambda worker, reason: None))
    assert (fake.handover.reactor, fake.handover.relayed) == (reactor, relayed)
    assert fake.command[-2:] == ["--workers", "2"]


def parent(*options: str) -> ParentService:
    return ParentService(parsed("--workers", "2", *options))


def test_it_has_the_ports_and_the_workers():
    made = parent("--port", "tcp:0:interface=127.0.0.1")
    assert [type(each) for each in made] == [SMTPService, Workers]
    assert not made.running
    assert makeService(parsed("--workers", "2")).__class__ is ParentService
    assert makeService(parsed()).__class__ is not ParentService


def test_it_opens_the_port_of_a_site():
    """So that the workers share it."""
    made = parent("--backend", "queue:sqlite:queue.db", "--relay-domain", "x.example", "--queue-web", "8026")
    assert [type(each) for each in made] == [SMTPService, QueueWebService, Workers]


def test_what_an_operator_asks_for_is_passed_on(monkeypatch):
    made, calls = parent(), []
    monkeypatch.setattr(made._workers, "abort", lambda: calls.append("abort"))
    monkeypatch.setattr(made._workers, "reload", lambda: calls.append("reload"))
    made.reload()
    made.abort()
    assert calls == ["reload", "abort"]


def test_the_counters_are_those_of_the_workers():
    options = parsed("--workers", "2", "--metrics", "tcp:0:interface=127.0.0.1")
    made = ParentService(options)
    assert options.process.figures_of == made._workers.figures
    assert options.process.metrics in list(made)


def test_the_workers_have_as_long_to_stop_as_the_slowest_listener(tmp_path):
    file = tmp_path / "smtpx.toml"
    file.write_text(
        "[listener.a]\nport = [2525]\nshutdown-timeout = 5\n[listener.b]\nport = [2526]\nshutdown-timeout = 7\n"
    )
    made = parent("--config", str(file))
    assert made._workers._shutdown_timeout == 7
