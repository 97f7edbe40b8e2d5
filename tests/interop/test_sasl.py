"""Clients of every kind log in to ``twistd smtpx`` by every mechanism that they have."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.clients import PASSWORD, SENDER, USER
from tests.interop.conftest import need
from tests.interop.peers import program
from tests.interop.process import Running
from tests.interop.smtpx import smtpx
from tests.ports import free_port
from tests.sasl.certificates import ClientPem, issue_client
from tests.waiting import PATIENCE
from txsmtpx.passwd import hashes, store
from txsmtpx.testing import Pem


@dataclass
class Server:
    program: Running
    port: int
    trust: Path


@pytest.fixture(scope="module")
def client_pem(room: Callable[[str], Path]) -> ClientPem:
    return issue_client(room("sasl-client") / "pem", USER, f"{USER}@client.test")


def _server(directory: Path, pem: Pem, *options: str) -> Iterator[Server]:
    port = free_port()
    common = [f"--port=tcp:{port}:interface=127.0.0.1", f"--tls-certificate={pem.both}", "--require-auth"]
    with smtpx(directory, port, *common, *options) as program:
        yield Server(program, port, pem.certificate)


@pytest.fixture(scope="module")
def by_scram(room: Callable[[str], Path], certificate: Pem, client_pem: ClientPem) -> Iterator[Server]:
    directory = room("sasl-scram")
    store(str(directory / "users"), USER, hashes("scram", PASSWORD.encode()))
    auth = [f"--auth=scram:{directory / 'users'}", "--auth=certificate", f"--tls-client-ca={client_pem.authority}"]
    # gsasl does not see STARTTLS in the last line of an answer; with this, AUTH comes behind it.
    yield from _server(directory, certificate, *auth, "--allow-insecure-auth")


@pytest.fixture(scope="module")
def by_memory(room: Callable[[str], Path], certificate: Pem) -> Iterator[Server]:
    yield from _server(room("sasl-memory"), certificate, f"--auth=memory:{USER}:{PASSWORD}")


@pytest.fixture(scope="module")
def by_argon2(room: Callable[[str], Path], certificate: Pem) -> Iterator[Server]:
    directory = room("sasl-argon2")
    store(str(directory / "users"), USER, hashes("argon2", PASSWORD.encode()))
    yield from _server(directory, certificate, f"--auth=argon2:{directory / 'users'}")


@pytest.fixture(scope="module")
def by_token(room: Callable[[str], Path], certificate: Pem) -> Iterator[Server]:
    directory, port = room("sasl-tokens"), free_port()
    options = [f"--port=tcp:{port}:interface=127.0.0.1", f"--tls-certificate={certificate.both}"]
    with smtpx(directory, port, *options, "--backend=tests.interop.tokens.backend") as program:
        yield Server(program, port, certificate.certificate)


def msmtp(server: Server, mechanism: str, password: str, *more: str) -> list[str]:
    command = [program("msmtp"), "--host=localhost", f"--port={server.port}", f"--from={SENDER}"]
    command += ["--tls=on", "--tls-starttls=on", f"--tls-trust-file={server.trust}", f"--auth={mechanism}"]
    return [*command, f"--user={USER}", f"--passwordeval=echo {password}", *more, "--", "to@server.test"]


def swaks(server: Server, mechanism: str, password: str) -> list[str]:
    command = [program("swaks"), "--server", f"localhost:{server.port}", "--from", SENDER, "--to", "to@server.test"]
    return [*command, "--tls", "--auth", mechanism, "--auth-user", USER, "--auth-password", password]


def curl(server: Server, mechanism: str, password: str) -> list[str]:
    options = [] if mechanism == "any" else ["--login-options", f"AUTH={mechanism}"]
    command = [program("curl"), "--silent", "--show-error", "--url", f"smtp://localhost:{server.port}", "--ssl-reqd"]
    command += ["--cacert", str(server.trust), "--mail-from", SENDER, "--mail-rcpt", "to@server.test"]
    if mechanism in ("XOAUTH2", "OAUTHBEARER"):
        return [*command, *options, "--user", USER, "--oauth2-bearer", password, "--upload-file", "-"]
    return [*command, *options, "--user", f"{USER}:{password}", "--upload-file", "-"]


def gsasl(server: Server, mechanism: str, password: str) -> list[str]:
    command = [program("gsasl"), "--smtp", f"--connect=localhost:{server.port}", f"--x509-ca-file={server.trust}"]
    return [*command, f"--mechanism={mechanism}", f"--authentication-id={USER}", f"--password={password}"]


CLIENTS = {"msmtp": msmtp, "swaks": swaks, "curl": curl, "gsasl": gsasl}


def run(command: list[str]) -> tuple[bool, str]:
    """Whether it has sent its message, and what it says."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"HOME": home, "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            command, input=b"Subject: hello\r\n\r\nhello\r\n", capture_output=True, timeout=PATIENCE, env=environment
        )
    return done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")


def logs_in(server: Server, client: str, mechanism: str) -> None:
    """With the right password, and not with another, which is nowhere in the log."""
    need(client)
    for password, right in [(PASSWORD, True), ("guesswork", False)]:
        sent, said = run(CLIENTS[client](server, mechanism, password))
        assert sent is right, said
    assert f"'{USER}' logged in" in server.program.text
    assert PASSWORD not in server.program.text
    assert "guesswork" not in server.program.text


@pytest.mark.parametrize("mechanism", ["scram-sha-256", "scram-sha-1", "plain", "login", "on"])
def test_msmtp_by_verifiers(by_scram: Server, mechanism: str) -> None:
    logs_in(by_scram, "msmtp", mechanism)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"])
def test_gsasl_binds_the_channel(by_scram: Server, mechanism: str) -> None:
    """In TLS 1.3, by tls-exporter."""
    logs_in(by_scram, "gsasl", mechanism)


def test_gsasl_by_a_binding_that_is_broken(by_scram: Server) -> None:
    """In TLS 1.2 it has only tls-unique, which RFC 7677 §4 warns of and which we do not take."""
    need("gsasl")
    sent, said = run([*gsasl(by_scram, "SCRAM-SHA-256-PLUS", PASSWORD), "--priority=NORMAL:-VERS-TLS1.3"])
    assert not sent
    assert "535 5.7.8 Authentication credentials invalid" in said


@pytest.mark.parametrize("mechanism", ["any", "PLAIN"])  # Debian's curl is without GNU SASL, and so without SCRAM
def test_curl_by_verifiers(by_scram: Server, mechanism: str) -> None:
    need("curl")
    logs_in(by_scram, "curl", mechanism)


@pytest.mark.parametrize(
    ("client", "mechanism"),
    [("msmtp", "cram-md5"), ("msmtp", "on"), ("swaks", "CRAM-MD5"), ("curl", "CRAM-MD5"), ("curl", "any")],
)
def test_cram_md5(by_memory: Server, client: str, mechanism: str) -> None:
    logs_in(by_memory, client, mechanism)


@pytest.mark.parametrize(
    ("client", "mechanism"), [("msmtp", "plain"), ("msmtp", "on"), ("swaks", "LOGIN"), ("curl", "any")]
)
def test_argon2(by_argon2: Server, client: str, mechanism: str) -> None:
    logs_in(by_argon2, client, mechanism)


@pytest.mark.parametrize(
    ("client", "mechanism"),
    [("msmtp", "xoauth2"), ("msmtp", "oauthbearer"), ("curl", "XOAUTH2"), ("curl", "OAUTHBEARER")],
)
def test_tokens(by_token: Server, client: str, mechanism: str) -> None:
    logs_in(by_token, client, mechanism)


def test_msmtp_with_a_certificate(by_scram: Server, client_pem: ClientPem) -> None:
    need("msmtp")
    shown = [f"--tls-cert-file={client_pem.certificate}", f"--tls-key-file={client_pem.key}"]
    sent, said = run(msmtp(by_scram, "external", "", *shown))
    assert sent, said
    sent, said = run(msmtp(by_scram, "external", ""))
    assert not sent, said
