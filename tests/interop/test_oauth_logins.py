"""Clients of other make log in to ``twistd smtpx`` with access tokens of an issuer on the loopback interface."""

from __future__ import annotations

import base64
import contextlib
import json
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.interop.clients import USER
from tests.interop.conftest import need
from tests.interop.smtpx import ROOT, smtpx
from tests.interop.test_sasl import CLIENTS, Server, run
from tests.ports import free_port
from tests.waiting import PATIENCE, eventually
from txsmtpx.testing import Pem

ISSUER = "https://login.example.org"
KEY = ECKey.generate_key("P-256", {"kid": "one"})
ERROR = {
    "status": "invalid_token", "schemes": "bearer",
    "openid-configuration": f"{ISSUER}/.well-known/openid-configuration",
}  # fmt: skip


@dataclass
class Issuer:
    """The issuer that runs, and its files."""

    process: subprocess.Popen[bytes]
    directory: Path
    port: int

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)


def token(lifetime: int = 600) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": "mail", "sub": USER, "iat": now, "exp": now + lifetime}
    return jwt.encode({"alg": "ES256", "kid": "one"}, claims, KEY)


@contextlib.contextmanager
def issuer(directory: Path) -> Iterator[Issuer]:
    port = free_port()
    (directory / "keys").write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    command = [sys.executable, "-m", "tests.interop.issuer", str(port), str(directory)]
    found = Issuer(subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL), directory, port)
    try:
        eventually(lambda: listens(port))
        yield found
    finally:
        found.stop()


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), PATIENCE):
        return True
    return False


@contextlib.contextmanager
def served(directory: Path, pem: Pem, auth: str) -> Iterator[Server]:
    port = free_port()
    options = [f"--port=tcp:{port}:interface=127.0.0.1", f"--tls-certificate={pem.both}", "--require-auth"]
    with smtpx(directory, port, *options, f"--auth={auth}") as program:
        yield Server(program, port, pem.certificate)


@pytest.fixture(scope="module")
def by_keys(room: Callable[[str], Path], certificate: Pem) -> Iterator[tuple[Server, Issuer]]:
    with issuer(room("issuer")) as found:
        auth = f"jwt:http://127.0.0.1:{found.port}/keys issuer={ISSUER} audience=mail"
        with served(room("smtpx-jwt"), certificate, auth) as server:
            yield server, found


def bearer(server: Server, given: str) -> list[tuple[int, bytes]]:
    """The replies to AUTH, and to the response after a 334."""
    with smtplib.SMTP("127.0.0.1", server.port, timeout=PATIENCE) as client:
        client.starttls()
        client.ehlo()
        response = base64.b64encode(f"n,a={USER},\x01auth=Bearer {given}\x01\x01".encode()).decode()
        replies = [client.docmd("AUTH", f"OAUTHBEARER {response}")]
        if replies[0][0] == 334:
            replies.append(client.docmd("AQ=="))
        return replies


@pytest.mark.parametrize("client", ["msmtp", "curl"])
@pytest.mark.parametrize("mechanism", ["oauthbearer", "xoauth2"])
def test_a_client_with_a_token(by_keys: tuple[Server, Issuer], client: str, mechanism: str) -> None:
    need(client)
    server, _ = by_keys
    name = mechanism.upper() if client == "curl" else mechanism
    for given, right in [(token(), True), (token(-600), False), ("guesswork", False)]:
        sent, said = run(CLIENTS[client](server, name, given))
        assert sent is right, said
        assert given not in server.program.text
    assert f"'{USER}' logged in" in server.program.text
    assert "is refused: it has expired" in server.program.text


def test_the_error_names_the_issuer(by_keys: tuple[Server, Issuer]) -> None:
    """RFC 7628 §3.2.2."""
    (code, challenge), refused = bearer(by_keys[0], token(-600))
    assert code == 334
    assert json.loads(base64.b64decode(challenge)) == ERROR
    assert refused == (535, b"5.7.8 Authentication credentials invalid")


def test_the_issuer_is_asked(room: Callable[[str], Path], certificate: Pem) -> None:
    """And is killed: then it is not known whether a token is good."""
    directory = room("issuer-asked")
    (directory / "right").write_text(json.dumps({"active": True, "username": USER}))
    secret = room("issuer-secret") / "secret"
    secret.write_text("its-secret\n")
    with issuer(directory) as found:
        auth = f"introspection:http://127.0.0.1:{found.port}/introspect client-id=mail secret-file={secret}"
        with served(room("smtpx-asking"), certificate, auth) as server:
            assert bearer(server, "right") == [(235, b"2.7.0 Authentication succeeded")]
            assert [code for code, _ in bearer(server, "wrong")] == [334, 535]
            found.stop()
            assert bearer(server, "right") == [(454, b"4.7.0 Temporary authentication failure")]
            assert "its-secret" not in server.program.text


def test_known_keys_count_while_the_issuer_is_down(by_keys: tuple[Server, Issuer]) -> None:
    server, found = by_keys
    assert bearer(server, token())[0][0] == 235
    found.stop()
    assert bearer(server, token())[0][0] == 235
