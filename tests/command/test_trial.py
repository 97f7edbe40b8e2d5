"""``--check``: what cannot run is found, all of it, and nothing is left behind; what could run is told in words."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.wire.twistd import COMMAND, environment, run
from txsmtpx.tap import Options
from txsmtpx.testing import Pem, issue

ANY = "tcp:0:interface=127.0.0.1"
IN_USE = "it is in use; stop the other program, or choose another port"
HAD = "has it already; choose another port"


@pytest.fixture
def here(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory in which the command runs."""
    monkeypatch.chdir(directory)
    return directory


def check(*options: str) -> list[str]:
    """What is wrong, a line each."""
    with pytest.raises(SystemExit) as exit:
        Options().parseOptions(["--check", *options])
    if exit.value.code == 0:
        return []
    lines = str(exit.value.code).splitlines()
    assert all(line.startswith("twistd smtpx: ") for line in lines)
    return [line.removeprefix("twistd smtpx: ") for line in lines]


@pytest.mark.parametrize("option", ["--port", "--tls-port", "--web", "--metrics"])
def test_a_port_in_use(here, port_in_use, option):
    pem = issue(here)
    others = [] if option == "--port" else ["--port", ANY]
    others += ["--backend", "memory", "--tls-certificate", str(pem.both)]
    at = f"tcp:{port_in_use}:interface=127.0.0.1"
    wanted = f"{option} {at}: cannot listen on port {port_in_use} of 127.0.0.1: {IN_USE}"
    assert check(*others, option, at) == [wanted]


@pytest.mark.parametrize(
    ("port", "why"),
    [
        ("tcp:65536", "port 65536 of all addresses: a port is a number from 0 to 65535"),
        ("tcp:-1", "port -1 of all addresses: a port is a number from 0 to 65535"),
        ("tcp6:65536", "port 65536 of ::: a port is a number from 0 to 65535"),
        ("haproxy:tcp:65536", "port 65536 of all addresses: a port is a number from 0 to 65535"),
        ("tcp:0:interface=192.0.2.1", "port 0 of 192.0.2.1: 192.0.2.1 is not an address of this host; choose one "
         "that is, or leave out the interface"),
        ("unix:nowhere/s", "nowhere/s: there is no directory nowhere; create it"),
        ("unix:file", "file: there is a file of that name, which is not a socket; remove it, or choose "
         "another path"),
        ("unix:file/s", "file/s: file is not a directory; choose another path"),
    ],
)
@pytest.mark.parametrize("option", ["--port", "--web", "--metrics"])
def test_a_port_that_cannot_be_had(here, port, why, option):
    (here / "file").touch()
    others = [] if option == "--port" else ["--port", ANY]
    assert check(*others, "--backend", "memory", option, port) == [f"{option} {port}: cannot listen on {why}"]


def test_a_path_that_is_too_long(here):
    (line,) = check("--port", f"unix:{'s' * 200}")
    assert line.endswith(": the path has 200 octets, more than the system takes for a socket; choose a shorter one")


def test_a_socket_in_use(here):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        server.listen()
        why = "it is in use; stop the other server, or choose another path"
        assert check("--lmtp", "--port", "unix:s") == [f"--port unix:s: cannot listen on s: {why}"]
    assert check("--lmtp", "--port", "unix:s") == []  # it is stale, and a start would remove it
    assert (here / "s").is_socket()


@pytest.mark.parametrize("other", ["--web", "--metrics", "--tls-port", "--port"])
def test_the_same_port_twice(here, other):
    port = free_port()
    certificate = ["--tls-certificate", str(issue(here).both), "--backend", "memory"]
    wanted = f"cannot listen on port {port} of 127.0.0.1: --port tcp:{port} {HAD}"
    at = f"tcp:{port}:interface=127.0.0.1"
    assert check("--port", str(port), other, at, *certificate) == [f"{other} {at}: {wanted}"]
    assert check("--port", str(port), "--port", str(port)) == [f"--port tcp:{port} is given twice; leave one out"]


def test_the_same_path_twice(here):
    wanted = f"--port unix:./s: cannot listen on s: --port unix:s {HAD}"
    assert check("--lmtp", "--port", "unix:s", "--port", "unix:./s") == [wanted]
    assert list(here.iterdir()) == []


def test_any_port_twice(here):
    assert check("--port", ANY, "--port", ANY, "--backend", "memory", "--web", ANY) == []


def test_one_port_of_two_addresses(here):
    port = free_port()
    assert check(*(f"--port=tcp:{port}:interface=127.0.0.{n}" for n in (1, 2, 3))) == []


def test_everything_that_is_wrong_is_told(here, port_in_use):
    at = f"tcp:{port_in_use}:interface=127.0.0.1"
    (here / "mail.toml").write_text(
        f'[listener.one]\nport = "{at}"\nbackend = "maildir:/proc/mail"\n\n'
        f'[listener.two]\nlmtp = true\nport = ["unix:nowhere/s", "{ANY}"]\n'
    )
    assert check("--config", "mail.toml") == [
        f"mail.toml:2: port {at}: cannot listen on port {port_in_use} of 127.0.0.1: {IN_USE}",
        "mail.toml:7: port unix:nowhere/s: cannot listen on nowhere/s: there is no directory nowhere; create it",
        "mail.toml:3: backend maildir:/proc/mail: cannot write to /proc: No such file or directory",
    ]


@pytest.mark.parametrize(
    ("pattern", "refuses"),
    [
        ("file", "{}/file"),
        ("file/mail", "{}/file"),
        ("file/{{local}}", "{}/file"),
        ("broken/new", "{}/broken"),
        ("half", "{}/half/new"),
    ],
)
def test_a_maildir_that_cannot_be_written(here, pattern, refuses):
    (here / "file").touch()
    (here / "broken").symlink_to("nowhere")
    (here / "half").mkdir()
    (here / "half/new").touch()
    pattern = pattern.replace("{{", "{").replace("}}", "}")
    (line,) = check("--port", ANY, "--backend", f"maildir:{pattern}")
    assert line.startswith(f"--backend maildir:{pattern}: cannot write to {refuses.format(here)}: ")


@pytest.mark.parametrize("pattern", ["x" * 300, "x" * 300 + "/{local}", "mail/" + "x" * 300])
def test_a_maildir_whose_name_is_too_long(here, pattern):
    (line,) = check("--port", ANY, "--backend", f"maildir:{pattern}")
    assert line.endswith(": File name too long")


def test_a_maildir_with_a_nul(here):
    (here / "mail.toml").write_text('port = 0\nbackend = "maildir:a\\u0000b"\n')
    (line,) = check("--config", "mail.toml")
    assert line.startswith("mail.toml:2: backend maildir:a\0b: no path can hold a NUL: ")


def test_client_authorities_that_are_none(here, pem):
    (here / "empty").touch()
    (here / "mail.toml").write_text(f'port = 0\ntls-certificate = "{pem.both}"\ntls-client-ca = "empty"\n')
    (line,) = check("--config", "mail.toml")
    assert line == (
        "mail.toml:3: tls-client-ca empty: no usable certificate in empty; "
        "write those of the authorities into it, as PEM"
    )


@pytest.mark.parametrize("pattern", ["mail", "mail/{domain}/{local}", "x{local}", "whole", "."])
def test_a_maildir_that_can_be_written_is_not_made(here, pattern):
    for part in ("new", "cur", "tmp"):
        (here / "whole" / part).mkdir(parents=True)
    assert check("--port", ANY, "--backend", f"maildir:{pattern}") == []
    assert [path.name for path in here.iterdir()] == ["whole"]
    assert not [path for path in here.rglob("*") if path.is_file()]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be another user")
def test_a_maildir_of_another_user(room):
    """The user of ``twistd --uid`` has to write it, not root."""
    here = room
    twistd, *rest = [word for word in COMMAND if word != "smtpx"]
    command = [twistd, *rest, "--uid=nobody", "smtpx", "--check", "--port", ANY, "--backend", "maildir:mail"]
    ended = subprocess.run(command, cwd=here, capture_output=True, text=True, env=environment(), timeout=60)
    said = f"twistd smtpx: --backend maildir:mail: cannot write to {here}: Permission denied\n"
    assert (ended.returncode, ended.stderr) == (1, said)
    here.chmod(0o777)
    ended = subprocess.run(command, cwd=here, capture_output=True, text=True, env=environment(), timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be another user")
def test_a_port_of_root(here):
    """Whoever may not open it hears so, unless the system lets everybody have it."""
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 25:
        pytest.skip("every port is for everybody here")
    groups = os.getgroups()
    os.setgroups([])
    os.seteuid(65534)
    try:
        said = check("--port", "tcp:24:interface=127.0.0.1")
    finally:
        os.seteuid(0)
        os.setgroups(groups)
    assert said == [
        "--port tcp:24:interface=127.0.0.1: cannot listen on port 24 of 127.0.0.1: not permitted; ports below 1024 are "
        "for root, or for CAP_NET_BIND_SERVICE; start as root with twistd --uid, or choose a port from 1024 on"
    ]


DOMAINS = ["a b", "", ".", "a..b", "-a.example", "a-.example", "mx.example:25", "x" * 64 + ".example", "[1.2.3]", "a/b"]


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("option", ["--domain", "--relay-domain", "--web-host"])
def test_a_domain_that_is_none(here, option, domain):
    wanted = f"{option} must be a domain, such as mx.example.org, not {domain!r}"
    assert check("--port", ANY, option, domain)[0] == wanted


@pytest.mark.parametrize("domain", ["mx.example.org", "localhost", "mail_1", "[192.0.2.1]", "bücher.example"])
def test_a_domain(here, domain):
    assert check("--port", ANY, "--domain", domain) == []


ENDPOINTS = {
    "relay:tcp:mail.example": "(missing: port)",
    "relay:tcp:mail.example:smtp-x": "('smtp-x' is no number)",
    "relay:tcp:mail.example:0": "(0 is no port: a port is a number from 1 to 65535)",
    "relay:tcp:mail.example:65536": "(65536 is no port: a port is a number from 1 to 65535)",
    "relay:tls::465": "(missing: host)",
    "relay:tcp:mail example:25": "('mail example' is no host)",
    "relay:mail.example:25": "(no kind of endpoint is called 'mail.example'; write tcp:HOST:PORT or unix:PATH)",
    "relay:tcp:mail.example:25:colour=blue": "(it takes no colour)",
    "relay:tcp:a.example:25,tcp:b.example": "(missing: port)",
    "relay:mx:a b": "('a b' is no host)",
    "relay:mx:a.example:port=0": "(0 is no port: a port is a number from 1 to 65535)",
    "relay:haproxy:v3:tcp:a.example:25": "(haproxy:v3: has no version: write haproxy:v1: or haproxy:v2:)",
    "lmtp:unix:": "(missing: path)",
    "lmtp:": "relay needs an endpoint",
}


@pytest.mark.parametrize("backend", ENDPOINTS)
def test_an_endpoint_of_a_relay_that_is_none(here, backend):
    (line,) = check("--port", ANY, "--relay-domain", "example.org", "--backend", backend)
    assert line.startswith(f"--backend {backend}: ")
    assert ENDPOINTS[backend] in line


PORTS = {
    "tcp": "missing: port",
    "unix": "missing: address",
    "tcp:smtp-x": "'smtp-x' is no number",
    "tcp:25:1:2:3": "it has too many parts",
    "tcp:25:colour=blue": "it takes no colour",
    "unix:s:mode=888": "'888' is no octal number",
    "nonsense:25": "'nonsense' is no kind of endpoint",
    "systemd:domain=INET:index=0": "no such socket was handed over",
    "ssl:0:privateKey=/nowhere/key": "cannot read /nowhere/key: No such file or directory",
    "ssl:0:privateKey=garbage": "its files hold no certificate with its key",
    "txsni:/nowhere:tcp:0": "cannot read /nowhere: No such file or directory",
    "txsni:empty:tcp:0": "no certificates in empty",
}


@pytest.mark.parametrize("option", ["--port", "--web", "--metrics"])
@pytest.mark.parametrize("port", PORTS)
def test_an_endpoint_that_is_none(here, port, option):
    (here / "garbage").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (here / "empty").mkdir()
    others = [] if option == "--port" else ["--port", ANY]
    (line,) = check(*others, "--backend", "memory", option, port)
    assert line.startswith(f"{option} {port}: {PORTS[port]}; write ")


def test_words_and_no_objects(here, capsys):
    options = ["--extension", "DSN", "--extension", "RRVS", "--trusted-network", "10.0.0.0/8", "--auth", "memory:a:b"]
    options += ["--require-auth", "--read-timeout", "1.5", "--bare-newlines", "reject", "--max-recipients", "7"]
    assert check("--port", ANY, *options) == []
    said = capsys.readouterr().out
    words = {"extension": "DSN, RRVS", "require-auth": "true", "auth": "memory", "trusted-network": "10.0.0.0/8"}
    for name, shown in (words | {"read-timeout": "1.5s", "max-recipients": "7"}).items():
        assert f"  {name} = {shown} (--{name})\n" in said
    assert not re.search(r"[<>{}'\"]|\w\(|True|None|object", said)


def test_in_the_directory_of_the_server(here, port_in_use):
    """Sockets are relative to ``twistd --rundir``."""
    (here / "run").mkdir()
    twistd = [*COMMAND[:-1], "--rundir=run", COMMAND[-1]]
    options = ["--check", "--lmtp", "--port", "unix:s", "--port", "unix:../run/s"]
    ended = subprocess.run([*twistd, *options], capture_output=True, text=True, env=environment(), timeout=60)
    said = f"twistd smtpx: --port unix:../run/s: cannot listen on run/s: --port unix:s {HAD}\n"
    assert (ended.returncode, ended.stderr) == (1, said)


def test_a_backend_of_ones_own(here, monkeypatch):
    (here / "backend_with_check.py").write_text(
        "from txsmtpx import OpenBackend, Session\n"
        "class Theirs(OpenBackend):\n"
        "    def check(self):\n"
        "        raise ValueError('the database does not answer')\n"
        "def make():\n"
        "    return Theirs(lambda connection: Session())\n"
    )
    monkeypatch.syspath_prepend(str(here))
    backend = "backend_with_check.make"
    said = check("--port", ANY, "--backend", backend)
    assert said == [f"--backend {backend}: the database does not answer"]


@pytest.mark.parametrize("file", [False, True])
def test_a_self_signed_certificate(here, file, capsys):
    options = ["--port", ANY, "--tls-port", ANY, "--tls-self-signed", "--require-tls"]
    if file:
        text = f'[listener.a]\nport = "{ANY}"\ntls-port = "{ANY}"\ntls-self-signed = true\nrequire-tls = true\n'
        (here / "mail.toml").write_text(text)
        options = ["--config", "mail.toml"]
    assert check(*options) == []
    assert "STARTTLS" in capsys.readouterr().out
    assert [path.name for path in here.iterdir()] == ["mail.toml"] * file


def test_a_certificate_is_read(here, pem: Pem):
    assert check("--port", ANY, "--tls-certificate", str(pem.both)) == []
    pem.both.write_text("")
    (line,) = check("--port", ANY, "--tls-certificate", str(pem.both))
    assert str(pem.both) in line


@pytest.fixture
def pem(here: Path) -> Pem:
    """A certificate that a test may change."""
    return issue(here)


@pytest.mark.parametrize("options", [[], ["--check"]])
def test_a_directory_of_twistd_that_is_missing(here, options):
    ended = run(here, *options, "--port", ANY, twistd=["-n", "--pidfile=", "--rundir=nowhere"])
    said = "twistd smtpx: twistd --rundir nowhere: there is no such directory; create it\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", said)
