"""A real Dovecot checks the logins of ``twistd smtpx``, by every mechanism that it and the clients have."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import smtplib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.interop.clients import PASSWORD, USER
from tests.interop.conftest import need
from tests.interop.dovecot_logins import DovecotLogins, dovecot_logins
from tests.interop.smtpx import smtpx
from tests.interop.test_sasl import CLIENTS, Server, gsasl, logs_in, msmtp, run
from tests.ports import free_port
from tests.sasl.certificates import ClientPem, issue_client
from tests.waiting import eventually
from txsmtpx import Scram, connect
from txsmtpx.testing import Pem

USERS = f"{USER}:{{PLAIN}}{PASSWORD}\nbob:{{PLAIN}}bob::::::nologin reason=Come_tomorrow\n"


@dataclass
class Checked(Server):
    """
    Our server.

    Attributes:
        dovecot: The Dovecot that checks its logins.
    """

    dovecot: DovecotLogins

    @contextlib.contextmanager
    def client(self) -> Iterator[smtplib.SMTP]:
        """A client within TLS."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as client:
            client.starttls()
            client.ehlo()
            yield client

    def reply(self, password: str = PASSWORD, user: str = USER) -> tuple[int, bytes]:
        """The reply to AUTH PLAIN."""
        with self.client() as client:
            return client.docmd("AUTH", "PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode())


@pytest.fixture(scope="module")
def client_pem(room: Callable[[str], Path]) -> ClientPem:
    return issue_client(room("dovecot-client") / "pem", USER, f"{USER}@client.test")


@contextlib.contextmanager
def served(directory: Path, pem: Pem, dovecot: DovecotLogins, *options: str) -> Iterator[Checked]:
    port = free_port()
    common = [f"--port=tcp:{port}:interface=127.0.0.1", f"--tls-certificate={pem.both}", "--require-auth"]
    with smtpx(directory, port, *common, f"--auth=dovecot:unix:{dovecot.path}", *options) as program:
        yield Checked(program, port, pem.certificate, dovecot)


@pytest.fixture(scope="module")
def server(room: Callable[[str], Path], certificate: Pem, client_pem: ClientPem) -> Iterator[Checked]:
    need("dovecot")
    options = [f"--tls-client-ca={client_pem.authority}", "--allow-insecure-auth"]
    with (
        dovecot_logins(room("dovecot-logins"), USERS) as dovecot,
        served(room("smtpx-dovecot"), certificate, dovecot, *options) as server,
    ):
        yield server


@pytest.mark.parametrize(("client", "mechanism"), [
    ("msmtp", "plain"), ("msmtp", "login"), ("msmtp", "cram-md5"), ("msmtp", "digest-md5"), ("msmtp", "scram-sha-1"),
    ("msmtp", "scram-sha-256"), ("swaks", "PLAIN"), ("swaks", "LOGIN"), ("swaks", "CRAM-MD5"), ("curl", "any"),
])  # fmt: skip
def test_a_client_logs_in(server: Checked, client: str, mechanism: str) -> None:
    logs_in(server, client, mechanism)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
async def test_our_own_client(server: Checked, mechanism: str) -> None:
    login = Scram(mechanism, USER, PASSWORD)
    trust = str(server.trust)
    client = await connect(f"tcp:localhost:{server.port}", tls="required", trust_roots=trust, auth=login)
    await client.quit()


def test_what_dovecot_offers_is_advertised(server: Checked) -> None:
    """ANONYMOUS is not: it would let everybody relay."""
    with server.client() as client:
        assert client.esmtp_features["auth"].split() == [
            "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "DIGEST-MD5", "OAUTHBEARER", "XOAUTH2",
        ]  # fmt: skip


def test_a_client_with_a_certificate(server: Checked, client_pem: ClientPem) -> None:
    need("msmtp")
    shown = [f"--tls-cert-file={client_pem.certificate}", f"--tls-key-file={client_pem.key}"]
    sent, said = run(msmtp(server, "external", "", *shown))
    assert sent, said
    assert f"'{USER}' logged in" in server.program.text
    sent, said = run(msmtp(server, "external", ""))
    assert not sent, said


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
def test_gsasl(server: Checked, mechanism: str) -> None:
    """Within TLS it insists on -PLUS, unless it is told not to."""
    need("gsasl")
    for password, right in [(PASSWORD, True), ("guesswork", False)]:
        sent, said = run([*gsasl(server, mechanism, password), "--no-cb"])
        assert sent is right, said


@pytest.fixture(scope="module")
def token(server: Checked) -> str:
    key = RSAKey.generate_key(2048)
    public = server.dovecot.keys / "default/RS256/one"
    public.parent.mkdir(parents=True, exist_ok=True)
    public.write_bytes(key.as_pem(private=False))
    claims = {"sub": USER, "iat": int(time.time()), "exp": int(time.time()) + 600}
    return jwt.encode({"alg": "RS256", "kid": "one", "typ": "JWT"}, claims, key)


@pytest.mark.parametrize("client", ["msmtp", "curl"])
@pytest.mark.parametrize("mechanism", ["oauthbearer", "xoauth2"])
def test_tokens_that_dovecot_checks(server: Checked, token: str, client: str, mechanism: str) -> None:
    need(client)
    name = mechanism.upper() if client == "curl" else mechanism
    sent, said = run(CLIENTS[client](server, name, token))
    assert sent, said + server.dovecot.log.read_text()[-3000:]
    sent, said = run(CLIENTS[client](server, name, "guesswork"))
    assert not sent
    assert token not in server.program.text


def test_the_reason_of_a_refusal(server: Checked) -> None:
    assert server.reply("wrong") == (535, b"5.7.8 Authentication credentials invalid")
    assert server.reply("bob", "bob") == (525, b"5.7.13 Come_tomorrow")


@pytest.mark.parametrize("name", [b"\xff\xfe", b"\x01" * 8900, b"x" * 9000, b"a\tb\nc\r"])
def test_a_strange_name_is_refused_and_the_connection_stays(server: Checked, name: bytes) -> None:
    before = server.program.text.count("the connection has ended")
    with server.client() as client:
        assert client.docmd("AUTH", "LOGIN")[0] == 334
        code, _ = client.docmd(base64.b64encode(name).decode())
        assert (code if code != 334 else client.docmd("eA==")[0]) == 535
    assert server.program.text.count("the connection has ended") == before


def test_many_at_once(server: Checked) -> None:
    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(server.reply, [PASSWORD, "wrong"] * 10))
    assert [code for code, _ in replies] == [235, 535] * 10


def test_dovecot_is_killed_stopped_and_started(room: Callable[[str], Path], certificate: Pem) -> None:
    """Nothing of that is a refusal, and the client has its answer."""
    need("dovecot")
    directory = room("dovecot-killed")
    with contextlib.ExitStack() as stack:
        with dovecot_logins(directory, USERS) as dovecot:
            server = stack.enter_context(served(room("smtpx-dovecot-killed"), certificate, dovecot))
            assert server.reply()[0] == 235
            with server.client() as client:
                assert client.docmd("AUTH", "LOGIN")[0] == 334
                os.killpg(dovecot.process.pid, signal.SIGKILL)
                assert client.docmd(base64.b64encode(USER.encode()).decode())[0] == 454
        assert server.reply() == (454, b"4.7.0 Temporary authentication failure")
        dovecot.path.unlink(missing_ok=True)
        assert server.reply() == (454, b"4.7.0 Temporary authentication failure")
        with dovecot_logins(directory, USERS, delay="2"):
            eventually(lambda: server.reply()[0] == 235)
            begun = time.monotonic()
            assert server.reply("wrong")[0] == 535
            assert time.monotonic() - begun > 1  # Dovecot's own delay
