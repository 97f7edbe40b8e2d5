"""The options of the site of a queue."""

from __future__ import annotations

import pytest

from tests.command.parsing import complaints, parsed
from txsmtpx.queue_web.queue_web_service import QueueWebService

QUEUE = ("--backend", "queue:sqlite:queue.db", "--relay-domain", "x.example")

WRONG = {
    "another backend": (["--queue-web", "8026", "--backend", "null"], "the backend is no queue; add --backend queue:"),
    "no endpoint": (["--queue-web", "nonsense:1", *QUEUE], "--queue-web nonsense:1"),
    "a host that is none": (["--queue-web", "8026", "--queue-web-host", "a b", *QUEUE], "must be a domain"),
    "a path that is none": (["--queue-web", "8026", "--queue-web-path", "x", *QUEUE], "must be a path"),
    "a network that is none": (["--queue-web", "8026", "--queue-web-proxy", "x", *QUEUE], "must be unix, or a network"),
    "tokens without a login": (
        ["--queue-web", "8026", "--queue-web-tokens", "x", *QUEUE],
        "--queue-web-tokens x: there is no login; add --queue-web-auth",
    ),
    "a login without passwords": (
        ["--queue-web", "8026", "--queue-web-auth", "certificate", *QUEUE],
        "a browser logs in by a password",
    ),
    "a login without a site": (["--queue-web-auth", "any", *QUEUE], "there is no site of a queue; add --queue-web"),
}


@pytest.mark.parametrize(("options", "why"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_is_one_clear_line(options, why):
    with pytest.raises(SystemExit) as exit:
        parsed(*options)
    assert why in exit.value.code
    assert len(exit.value.code.splitlines()) == 1


def site(process):
    (made,) = [each for each in process.services if isinstance(each, QueueWebService)]
    (listening,) = made.services
    return listening


def test_a_number_is_a_port_of_the_loopback_interface():
    listening = site(parsed("--queue-web", "8026", *QUEUE).process)
    assert (listening.endpoint.endpoint._port, listening.endpoint.endpoint._interface) == (8026, "127.0.0.1")


def test_the_options_of_the_site(tmp_path):
    (tmp_path / "tokens").write_text("ci 0123456789abcdefghij\n")
    more = ("--queue-web-path", "/queue/", "--queue-web-proxy", "unix", "--queue-web-host", "mail.example.org")
    login = ("--queue-web-auth", "memory:me:secret", "--queue-web-tokens", str(tmp_path / "tokens"))
    made = site(parsed("--queue-web", "tcp:8026", *more, *login, *QUEUE).process).factory
    assert made.addresses.path == "/queue"
    assert made.addresses._unix
    assert made.resource._check._names == {"mail.example.org"}
    assert made.resource._login._tokens.name_of(b"0123456789abcdefghij") == "ci"


def test_the_queue_may_have_copies_only():
    copies = ("--tee", "queue:sqlite:queue.db", "--relay-domain", "x.example")
    process = parsed("--backend", "memory", *copies, "--queue-web", "8026").process
    assert site(process).endpoint.option == "queue-web"


@pytest.mark.parametrize(("urls", "why"), [
    (["a.db", "a.db"], None),
    (["a.db", "b.db"], "--queue-web|queue-web tcp:8026:interface=127.0.0.1: the site shows one queue"),
])  # fmt: skip
def test_several_listeners(tmp_path, urls, why):
    file = tmp_path / "smtpx.toml"
    tables = [
        f'[listener.l{port}]\nport = {port}\nbackend = "queue:sqlite:{each}"\nrelay-domain = ["x.example"]\n'
        for port, each in enumerate(urls, 2525)
    ]
    file.write_text("queue-web = 8026\n" + "".join(tables))
    if why is None:
        assert site(parsed("--config", str(file)).process)
    else:
        (line,) = complaints("--config", str(file))
        assert line.endswith("the site shows one queue, and the listeners have 2; give them the same backend")


def test_workers_share_the_port():
    process = parsed("--queue-web", "8026", "--workers", "2", *QUEUE).process
    assert site(process)


def test_the_port_is_one_of_the_process():
    """So ``--check`` tries it, and the log says where it is."""
    process = parsed("--queue-web", "8026", *QUEUE).process
    assert [port.option for port, _ in process.sites] == ["queue-web"]


def test_there_is_none_unless_it_is_asked_for():
    assert not any(isinstance(each, QueueWebService) for each in parsed(*QUEUE).process.services)
