"""The lines with which the log begins."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import succeed
from twisted.logger import capturedLogs

from tests.sasl.certificates import issue_client
from txsmtpx.command.command_service import SMTPXService
from txsmtpx.command.startup import startup_lines
from txsmtpx.command.usage import Options
from txsmtpx.testing import issue

QUEUE = ("--backend", "queue:sqlite:queue.db", "--relay-domain", "x.example")


class Opened:
    """A port of Twisted that is open."""

    def __init__(self, address) -> None:
        self._address = address

    def getHost(self):
        return self._address


class Opening:
    """An endpoint that opens nothing, and is as open as the one that it replaces would be."""

    def __init__(self, description: str) -> None:
        self._description = description

    def listen(self, factory):
        words = self._description.removeprefix("haproxy:").split(":")
        if words[0] == "unix":
            return succeed(Opened(UNIXAddress(words[1].encode())))
        kind, wildcard = (IPv6Address, "::") if words[0] == "tcp6" else (IPv4Address, "0.0.0.0")
        hosts = [word.removeprefix("interface=") for word in words if word.startswith("interface=")]
        return succeed(Opened(kind("TCP", (hosts or [wildcard])[0], int(words[1]))))


def lines(*options: str) -> list[str]:
    """The lines of a server with these options, whose ports are open."""
    parsed = Options()
    parsed.parseOptions(options)
    process = parsed.process
    for port in process.ports:
        port.endpoint = Opening(port.description)
        port.listen(None)
    return list(startup_lines(process))


def test_the_defaults():
    assert lines() == [
        "ESMTP listening on 127.0.0.1, port 1025: this host only (for all interfaces: --port 1025)",
        "backend: log",
        "TLS: none (--tls-certificate or --tls-self-signed adds it)",
        "logins: none (--auth adds them)",
    ]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ["--port", "1025"],
            "ESMTP listening on all interfaces, port 1025: anyone who can reach it can send "
            "(for this host only: --port tcp:1025:interface=127.0.0.1)",
        ),
        (["--port", "tcp6:25"], "ESMTP listening on all interfaces, port 25: anyone who can reach it can send"),
        (
            ["--port", "tcp:25:interface=192.0.2.1"],
            "ESMTP listening on 192.0.2.1, port 25: anyone who can reach it can send",
        ),
        (["--lmtp", "--port", "unix:/run/lmtp"], "LMTP listening on UNIX socket /run/lmtp"),
        (
            ["--port", "haproxy:tcp:2526:interface=127.0.0.1"],
            "ESMTP with PROXY headers listening on 127.0.0.1, port 2526: this host only",
        ),
        (
            ["--port", "haproxy:tcp:2526"],
            "ESMTP with PROXY headers listening on all interfaces, port 2526: anyone who can reach it can send",
        ),
        (
            ["--tls-port", "465", "--tls-self-signed"],
            "ESMTP in TLS listening on all interfaces, port 465: anyone who can reach it can send "
            "(for this host only: --tls-port tcp:465:interface=127.0.0.1)",
        ),
        (
            ["--port", "587", "--auth", "memory:a:b", "--require-auth"],
            "ESMTP submission listening on all interfaces, port 587: anyone who can reach it and log in can send "
            "(for this host only: --port tcp:587:interface=127.0.0.1)",
        ),
        (
            ["--port", "587", "--auth", "memory:a:b", "--backend", "relay:tcp:mail.example:25"],
            "ESMTP listening on all interfaces, port 587: anyone who can reach it and log in can send "
            "(for this host only: --port tcp:587:interface=127.0.0.1)",
        ),
        (
            ["-p", "tcp6:25", *(f"--relay-domain={each}.example" for each in "cab"), "-b", "relay:tcp:a.example:25"],
            "ESMTP listening on all interfaces, port 25: anyone who can reach it can send to "
            "a.example, b.example, c.example",
        ),
        (
            ["--port", "tcp6:25", *(f"--relay-domain={each}.example" for each in "dcab"), "-b", "lmtp:unix:x"],
            "ESMTP listening on all interfaces, port 25: anyone who can reach it can send to "
            "a.example, b.example, c.example, ...",
        ),
    ],
)
def test_a_line_about_a_port(options, line):
    assert lines(*options)[0] == line


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ["--web", "8025"],
            "web inbox: http://127.0.0.1:8025/: this host only (for all interfaces: --web tcp:8025)",
        ),
        (
            ["--web", "tcp:8025"],
            "web inbox: http://localhost:8025/, on all interfaces: "
            "anyone who can reach it can read and delete the mail (for this host only: --web 8025)",
        ),
        (
            ["--web", "8025", "--web-path", "/mail"],
            "web inbox: http://127.0.0.1:8025/mail/: this host only (for all interfaces: --web tcp:8025)",
        ),
        (["--web", "unix:/run/web"], "web inbox: HTTP on UNIX socket /run/web"),
        (
            ["--queue-web", "8026", *QUEUE],
            "queue: http://127.0.0.1:8026/: this host only (for all interfaces: --queue-web tcp:8026)",
        ),
        (
            ["--queue-web", "tcp:8026", "--queue-web-path", "/queue", *QUEUE],
            "queue: http://localhost:8026/queue/, on all interfaces: "
            "anyone who can reach it can read and delete the mail of the queue (for this host only: --queue-web 8026)",
        ),
        (
            ["--queue-web", "tcp:8026", "--queue-web-auth", "memory:me:secret", *QUEUE],
            "queue: http://localhost:8026/, on all interfaces: anyone who can reach it and log in can read and delete "
            "the mail of the queue (for this host only: --queue-web 8026)",
        ),
        (
            ["--web", "8025", "--web-pop3", "1110"],
            "POP3: pop3://127.0.0.1:1110: this host only (for all interfaces: --web-pop3 tcp:1110)",
        ),
        (
            ["--web", "8025", "--web-pop3", "tcp:1110"],
            "POP3: pop3://localhost:1110, on all interfaces: anyone on this host (add --web-auth for clients of other "
            "hosts) can read and delete the mail (for this host only: --web-pop3 1110)",
        ),
        (["--web", "8025", "--web-pop3", "unix:/run/pop3"], "POP3: on UNIX socket /run/pop3"),
        (
            ["--metrics", "9125"],
            "metrics: http://127.0.0.1:9125/metrics: this host only (for all interfaces: --metrics tcp:9125)",
        ),
        (
            ["--metrics", "tcp:9125"],
            "metrics: http://localhost:9125/metrics, on all interfaces: anyone who can reach it can read the metrics "
            "(for this host only: --metrics 9125)",
        ),
    ],
)
def test_a_line_about_a_site(options, line):
    backend = () if "--backend" in options else ("--backend", "memory")
    assert lines(*backend, *options)[-1] == line


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--auth", "memory:a:b"], "memory, by CRAM-MD5 PLAIN LOGIN, optional, not offered without TLS: "
         "add --tls-certificate, --tls-self-signed or --allow-insecure-auth"),
        (["--auth", "memory:a:b", "--tls-self-signed"], "memory, by CRAM-MD5 PLAIN LOGIN, optional, in TLS only"),
        (
            ["--auth", "dovecot:unix:/x", "--tls-self-signed"],
            "dovecot, by the mechanisms of Dovecot, optional, in TLS only",
        ),
        (
            ["--auth", "memory:a:b", "--auth", "anonymous", "--allow-insecure-auth", "--require-auth"],
            "memory, anonymous, by CRAM-MD5 PLAIN LOGIN, required, with and without TLS",
        ),
        (
            ["--auth", "memory:a:b", "--without-mechanism", "CRAM-MD5", "--without-mechanism", "LOGIN"],
            "memory, by PLAIN, optional, not offered without TLS: "
            "add --tls-certificate, --tls-self-signed or --allow-insecure-auth",
        ),
    ],
)  # fmt: skip
def test_the_line_about_logins(options, line):
    assert lines(*options)[-1] == f"logins: {line}"


def test_the_line_about_certificates_of_clients(tmp_path: Path):
    authority = str(issue_client(tmp_path / "pem", "me", "me@example.org").authority)
    certificates = ["--auth", "certificate", "--tls-self-signed", "--tls-client-ca", authority]
    assert lines("--auth", "dovecot:unix:/x", *certificates)[-1] == (
        "logins: dovecot, certificate, by the mechanisms of Dovecot and EXTERNAL, optional, in TLS only"
    )


@pytest.mark.parametrize(
    ("options", "modes"),
    [
        ([], "STARTTLS"),
        (["--require-tls"], "STARTTLS, required before mail"),
        (["--tls-port", "465"], "from the first octet"),
        (["--tls-port", "465", "--port", "25"], "STARTTLS and from the first octet"),
    ],
)
def test_the_line_about_tls(tmp_path: Path, options, modes):
    pem = issue(tmp_path, "mx.example.org", "mx.example.org", "*.example.net")
    given = lines("--tls-certificate", str(pem.both), *options)[-2]
    names = r"for mx\.example\.org, \*\.example\.net, valid until 20\d\d-\d\d-\d\d"
    assert re.fullmatch(rf"TLS: {re.escape(modes)}, with the certificate in {re.escape(str(pem.both))} {names}", given)
    given = lines("--tls-directory", str(tmp_path), *options)[-2]
    known = rf"the certificates in {re.escape(str(tmp_path))}, by default the one {names}"
    assert re.fullmatch(rf"TLS: {re.escape(modes)}, with {known}", given)
    given = lines("--tls-self-signed", "--domain", "mx.example.org", *options)[-2]
    known = r"a self-signed certificate for localhost, mx\.example\.org, 127\.0\.0\.1, ::1, SHA-256 fingerprint "
    assert re.fullmatch(rf"TLS: {re.escape(modes)}, with {known}([0-9A-F]{{2}}:){{31}}[0-9A-F]{{2}}", given)


def test_each_listener_has_its_name(tmp_path: Path):
    (tmp_path / "mail.toml").write_text(
        '[listener.in]\nport = "tcp6:25"\nbackend = "null"\n[listener.local]\nport = "unix:/run/lmtp"\nlmtp = true\n'
    )
    assert lines("--config", str(tmp_path / "mail.toml"), "--metrics", "9125") == [
        "listener in: ESMTP listening on all interfaces, port 25: anyone who can reach it can send",
        "listener in: backend: null",
        "listener in: TLS: none (--tls-certificate or --tls-self-signed adds it)",
        "listener in: logins: none (--auth adds them)",
        "listener local: LMTP listening on UNIX socket /run/lmtp",
        "listener local: backend: log",
        "listener local: TLS: none (--tls-certificate or --tls-self-signed adds it)",
        "listener local: logins: none (--auth adds them)",
        "metrics: http://127.0.0.1:9125/metrics: this host only (for all interfaces: --metrics tcp:9125)",
    ]


@pytest.mark.parametrize("describes", [True, False])
def test_a_worker_does_not_log_them(describes):
    options = Options()
    options.parseOptions([])
    service = SMTPXService(options.process, describes=describes)
    with capturedLogs() as events:
        service.describe()
    assert len(events) == (4 if describes else 0)
