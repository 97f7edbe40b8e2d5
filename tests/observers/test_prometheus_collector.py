"""``twistd smtpx --metrics``: what Prometheus finds there, with one process and with several; and Prometheus itself."""

from __future__ import annotations

import json
import re
import runpy
import signal
import smtplib
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests.docs.block import texts
from tests.interop.conftest import need
from tests.interop.peers import program
from tests.ports import free_port
from tests.waiting import PATIENCE, eventually
from tests.wire.twistd import LOCAL, Twistd
from txsmtpx.observers.metric_families import FAMILIES
from txsmtpx.testing import issue

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations"
PAGE = OPERATIONS.with_suffix(".md")
MESSAGE = "Subject: hi\r\n\r\nbody\r\n"


def get(port: int, path: str = "/metrics", **headers: str) -> tuple[str, str]:
    """A page, and of what type it is."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return answer.read().decode(), answer.headers["content-type"]


def scraped(port: int) -> dict[str, float]:
    """The sums of all samples of a name, whatever their labels."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(get(port)[0]):
        found.setdefault(family.name, 0)
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


def deliver(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
        client.sendmail("a@client.example", ["b@localhost"], MESSAGE)


def test_one_process(tmp_path):
    pem = issue(tmp_path)
    options = ("--port", LOCAL, "--metrics", LOCAL, "--tls-certificate", str(pem.both))
    with Twistd(tmp_path, *options, forked=True) as server:
        mail, metrics = map(int, server.ports(2))
        deliver(mail)
        server.eventually(lambda: scraped(metrics)["txsmtpx_open_connections"] == 0)
        found = scraped(metrics)
        assert found["txsmtpx_messages_total"] == found["txsmtpx_connections_total"] == 1
        of_none = {"txsmtpx_filter_seconds_bucket", "txsmtpx_queue_delivery_seconds_bucket"}  # no filter, and no queue
        assert expressed() - of_none - {
            *found, *re.findall(r"(?m)^# TYPE (\w+)", get(metrics)[0]),
        } == set()  # fmt: skip
        with smtplib.SMTP("localhost", mail, timeout=PATIENCE) as client:
            client.starttls(context=ssl.create_default_context(cafile=str(pem.certificate)))
            client.sendmail("a@client.example", ["b@localhost"], MESSAGE)
            assert 'txsmtpx_open_connections{listener="",tls="TLSv1.3"} 1.0\n' in get(metrics)[0]
        assert 'txsmtpx_tls_handshakes_total{listener="",tls="TLSv1.3"} 1.0\n' in get(metrics)[0]
        server.logged(r" tls=TLSv1\.3 from=<a@client\.example> ")
        assert "openmetrics" in get(metrics, accept="application/openmetrics-text; version=1.0.0")[1]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(metrics, "/")
        assert server.stop()


def test_several_listeners(tmp_path):
    (tmp_path / "mail.toml").write_text(
        f'metrics = "{LOCAL}"\n[listener.a]\nport = "{LOCAL}"\n[listener.b]\nport = "{LOCAL}"\n'
    )
    with Twistd(tmp_path, "--config", "mail.toml", forked=True) as server:
        first, second, metrics = map(int, server.ports(3))
        deliver(first)
        deliver(second)
        deliver(second)
        for name, count in (("a", 1.0), ("b", 2.0)):
            assert f'txsmtpx_messages_total{{listener="{name}",outcome="taken"}} {count}\n' in get(metrics)[0]


def test_workers_are_summed_and_nothing_is_forgotten(tmp_path):
    options = ["--port", LOCAL, "--backend", "null", "--workers", "2", "--metrics", LOCAL]
    with Twistd(tmp_path, *options, forked=True) as server:
        server.logged(r"worker \d is ready", 2)
        mail, metrics = map(int, server.ports(2)[:2])
        for _ in range(5):
            deliver(mail)
        server.eventually(lambda: scraped(metrics)["txsmtpx_messages_total"] == 5)
        server.process.send_signal(signal.SIGHUP)  # which they are told by the same pipe
        (first, *_) = server.logged(r"worker \d is process (\d+)")
        subprocess.run(["kill", "-KILL", first], check=True)
        server.logged(r"worker \d is ready", 3)
        deliver(mail)
        server.eventually(lambda: scraped(metrics)["txsmtpx_messages_total"] == 6)
        assert server.stop()


# What is drawn and what alerts

EXPRESSIONS = [
    target["expr"]
    for panel in json.loads((OPERATIONS / "dashboard.json").read_text())["panels"]
    for target in panel["targets"]
]
ALERTS = OPERATIONS / "alerts.yml"


def test_the_dashboard_is_fresh():
    script = runpy.run_path(str(OPERATIONS / "dashboard.py"))
    assert script["DASHBOARD"].read_text() == script["text"](), "run: python docs/operations/dashboard.py"


def test_grafana_reads_the_dashboard():
    """By its own types: each field is one of theirs, and comes back as it was."""
    need("grafana_foundation_sdk")
    from grafana_foundation_sdk.cog import encoder, plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    plugins.register_default_plugins()
    written = json.loads((OPERATIONS / "dashboard.json").read_text())
    read = json.loads(encoder.JSONEncoder().encode(Dashboard.from_json(written)))
    assert list(_changed(written, read)) == []


def _changed(written: object, read: object, place: str = "") -> Iterator[str]:
    """What is not as it was; what was left to a default may have been added."""
    if isinstance(written, dict) and isinstance(read, dict):
        for name, value in written.items():
            yield from _changed(value, read.get(name), f"{place}/{name}")
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for number, (one, other) in enumerate(zip(written, read, strict=True)):
            yield from _changed(one, other, f"{place}/{number}")
    elif written != read:
        yield place


def expressed() -> set[str]:
    """What the dashboard and the alerts ask for."""
    return set(re.findall(r"txsmtpx_\w+", ALERTS.read_text() + "".join(EXPRESSIONS)))


def test_every_metric_is_drawn():
    drawn = set(re.findall(r"txsmtpx_\w+", "".join(EXPRESSIONS)))
    assert {family.prefixed for family in FAMILIES} == {re.sub("_(total|bucket)$", "", name) for name in drawn}


def test_the_page_has_every_metric():
    rows = re.findall(r"(?m)^\| `(txsmtpx_\w+)` \| (\w+) \|(.*?) \|", PAGE.read_text())
    assert rows == [
        (
            family.prefixed + ("_total" if family.kind == "counter" else ""),
            family.kind,
            "".join(f" `{label}`" for label in family.labels),
        )
        for family in FAMILIES
    ]


@pytest.fixture
def prometheus(tmp_path: Path) -> Callable[[str], list[dict]]:
    """Asks a Prometheus that reads the figures of a server with one message."""
    need("prometheus")
    port = free_port()
    with Twistd(tmp_path, "--port", LOCAL, "--metrics", LOCAL, forked=True) as server:
        mail, metrics = map(int, server.ports(2))
        deliver(mail)
        (config,) = texts(PAGE, "yaml")
        config = config.replace("9125", str(metrics)) + "global:\n  scrape_interval: 1s\n"
        (tmp_path / "prometheus.yml").write_text(config)
        command = [
            program("prometheus"), "--config.file=prometheus.yml", f"--web.listen-address=127.0.0.1:{port}",
            "--storage.tsdb.path=data",
        ]  # fmt: skip
        with (tmp_path / "output").open("wb") as output:
            process = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=output)

        def ask(query: str) -> list[dict]:
            try:
                found = json.loads(get(port, "/api/v1/query?" + urllib.parse.urlencode({"query": query}))[0])
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    raise AssertionError(f"{query}: {error.read()}") from error
                return []
            except OSError:
                assert process.poll() is None, (tmp_path / "output").read_text()
                return []
            return found["data"]["result"]

        try:
            yield ask
        finally:
            process.terminate()
            process.wait(PATIENCE)


def test_prometheus_reads_it(prometheus):
    (messages,) = eventually(
        lambda: prometheus('txsmtpx_messages_total{outcome="taken"}'), lambda: "Prometheus has read nothing"
    )
    assert messages["value"][1] == "1"
    eventually(lambda: prometheus("rate(txsmtpx_messages_total[1m])"), lambda: "no second scrape")
    for expression in EXPRESSIONS:
        chosen = expression.replace("$__rate_interval", "1m")
        for variable in ("$job", "$instance", "$listener"):
            chosen = chosen.replace(variable, ".*")
        none_yet = any(each in expression for each in ("tls_handshakes", "[45]..", "filter_", "txsmtpx_queue_"))
        assert bool(prometheus(chosen)) is not none_yet, chosen


def test_the_rules_are_such():
    need("prometheus")
    checked = subprocess.run(
        [program("promtool"), "check", "rules", ALERTS], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def conversed(program: str) -> dict[str, Any]:
    """Run a program of the page, and send one message to its server; the names of the program."""
    names: dict[str, Any] = {}
    exec(program, names)
    client = names["factory"].buildProtocol(None)
    client.makeConnection(StringTransport())
    for line in ("HELO a", "MAIL FROM:<>", "RCPT TO:<b@localhost>", "DATA", "12345678", ".", "QUIT"):
        client.dataReceived(line.encode() + b"\r\n")
    client.connectionLost(Failure(ConnectionDone()))
    return names


def test_the_page_is_true():
    measured, observed = map(conversed, texts(PAGE, "python"))
    assert observed["largest"].octets == 10
    labels = {"listener": "", "outcome": "taken"}
    sample = observed["prometheus_registry"](observed["metrics"].export()).get_sample_value
    assert sample("txsmtpx_messages_total", labels) == 1
    sample = observed["prometheus_registry"](measured["metrics"].export()).get_sample_value
    assert sample("txsmtpx_backend_outcomes_total", {**labels, "backend": "orders", "stage": "data"}) == 1
