"""The options of the web inbox."""

from __future__ import annotations

import sys

import pytest

from tests.command.parsing import complaints, parsed
from txsmtpx.backends.memory import MemoryBackend
from txsmtpx.inbox.inbox_service import InboxService
from txsmtpx.middleware.chaos import ChaosBackend

WRONG = {
    "with another backend": (["--web", "8025", "--backend", "null"], "of the backends memory, inbox and scripted only"),
    "no endpoint": (["--web", "nonsense:1", "--backend", "memory"], "--web nonsense:1"),
    "an empty endpoint": (["--web", "", "--backend", "memory"], "--web"),
    "too much of one": (["--web", "tcp:1:colour=blue", "--backend", "memory"], "colour"),
    "a host that is none": (
        ["--web", "8025", "--web-host", "ex\u3002ample", "--backend", "memory"],
        "--web-host must be a domain, such as mx.example.org, not 'ex\u3002ample'",
    ),
    "a path that is none": (
        ["--web", "8025", "--web-path", "mail"],
        "--web-path must be a path of letters, digits and ._~-,",
    ),
    "a path without a site": (
        ["--web-path", "/mail", "--backend", "memory"],
        "--web-path /mail: there is no web inbox",
    ),
    "a network that is none": (
        ["--web", "8025", "--web-proxy", "10.0.0.1/8"],
        "--web-proxy must be unix, or a network, such as 10.0.0.0/8, not '10.0.0.1/8'; write 10.0.0.0/8",
    ),
    "a proxy without a site": (
        ["--web-proxy", "unix", "--backend", "memory"],
        "--web-proxy unix: there is no web inbox",
    ),
    "an origin that is none": (
        ["--web", "8025", "--web-origin", "*"],
        "--web-origin must be an origin, such as https://",
    ),
    "tokens without a login": (
        ["--web", "8025", "--web-tokens", "x"],
        "--web-tokens x: there is no login; add --web-auth",
    ),
    "no tokens": (
        ["--web", "8025", "--web-auth", "any", "--web-tokens", "/nowhere/x"],
        "cannot read the file: No such",
    ),
    "a login that is none": (["--web", "8025", "--web-auth", "secret:x"], "--web-auth secret: there is no such type;"),
    "a login without passwords": (["--web", "8025", "--web-auth", "certificate"], "a browser logs in by a password"),
    "a login of no user": (["--web", "8025", "--web-auth", "memory:x"], "--web-auth memory: "),
    "a login without a site": (["--web-auth", "any", "--backend", "memory"], "there is no web inbox; add --web"),
    "a host without a site": (["--web-host", "devbox", "--backend", "memory"], "--web-host devbox: there is no web"),
}


@pytest.mark.parametrize(("options", "why"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_is_one_clear_line(options, why):
    with pytest.raises(SystemExit) as exit:
        parsed(*options)
    assert why in exit.value.code
    assert len(exit.value.code.splitlines()) == 1


def test_the_backend_is_memory_by_default():
    process = parsed("--web", "8025").process
    assert isinstance(process.listeners[0].chosen_backend, MemoryBackend)
    assert len(process.services) == 1


def test_a_path_and_proxies():
    (made,) = parsed(
        "--web", "8025", "--web-path", "/a/mail/", "--web-proxy", "127.0.0.1", "--web-proxy", "unix"
    ).process.services
    assert made._site.addresses.path == "/a/mail"
    assert made._site.addresses._unix


def test_a_login(tmp_path):
    (tmp_path / "tokens").write_text("ci 0123456789abcdefghij\n")
    login = ("--web-auth", "memory:me:secret", "--web-tokens", str(tmp_path / "tokens"))
    (made,) = parsed("--web", "8025", *login, "--web-origin", "https://a.example").process.services
    assert made._site.resource._login._tokens.name_of(b"0123456789abcdefghij") == "ci"


def test_the_backend_may_be_a_file(tmp_path):
    (made,) = parsed("--web", "8025", "--backend", f"inbox:{tmp_path}/mail.db").process.services
    assert isinstance(made, InboxService)
    assert list(tmp_path.iterdir()) == []  # it is created when it is used, maybe by another user


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "txsmtpx.inbox.inbox_service", None)  # as if what it imports were not there
    with pytest.raises(SystemExit) as exit:
        parsed("--web", "8025", "--backend", "memory")
    assert ": the extra txsmtpx[web] is not installed (" in exit.value.code


@pytest.mark.parametrize(
    ("web", "endpoint"),
    [("8025", (8025, "127.0.0.1")), ("tcp:8025", (8025, "")), (r"tcp:8025:interface=\:\:1", (8025, "::1"))],
)
def test_a_number_is_a_port_of_the_loopback_interface(web, endpoint):
    for options in ([], ["--auth", "memory:me:secret"]):
        (made,) = parsed("--web", web, "--backend", "memory:5", *options).process.services
        assert isinstance(made, InboxService)
        (listening,) = made.services
        assert (listening.endpoint.endpoint._port, listening.endpoint.endpoint._interface) == endpoint


def test_the_backend_is_memory_unless_another_is_chosen():
    assert [type(each) for each in parsed("--web", "8025").process.services] == [InboxService]


def test_there_is_none_unless_it_is_asked_for():
    assert parsed("--backend", "memory").process.services == []


@pytest.mark.parametrize(("backends", "why"), [
    (["memory", "memory"], ": the web inbox shows the mail of one backend, and 2 listeners have"),
    (["null", "log"], ": the web inbox shows the mail of the backends memory, inbox and scripted only"),
])  # fmt: skip
def test_one_listener_has_the_mail_to_show(tmp_path, backends, why):
    file = tmp_path / "smtpx.toml"
    tables = [f'[listener.l{port}]\nport = [{port}]\nbackend = "{each}"\n' for port, each in enumerate(backends, 2525)]
    file.write_text("web = 8025\n" + "".join(tables))
    (line,) = complaints("--config", str(file))
    assert why in line


def test_faults_concern_each_listener(tmp_path):
    listeners = '[listener.a]\nport = 1\nbackend = "memory"\n[listener.b]\nport = 2\nbackend = "null"\n'
    (tmp_path / "mail.toml").write_text(f"web = 8025\nchaos = true\n{listeners}")
    process = parsed("--config", str(tmp_path / "mail.toml")).process
    (service,) = process.services
    assert [type(each.backend) for each in process.listeners] == [ChaosBackend, ChaosBackend]
    assert {each.backend._fault for each in process.listeners} == {service.inbox.faults.of}


def test_nothing_fails_without_the_option():
    process = parsed("--web", "8025").process
    assert process.services[0].inbox.faults is None
    assert isinstance(process.listeners[0].backend, MemoryBackend)
