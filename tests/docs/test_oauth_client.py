"""The how-to page on logins by OAuth 2.0: its programs and its relay, with an issuer and a mail server on loopback."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import RSAKey
from pytest_twisted import blockon
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.threads import deferToThread

from tests.authority import Authority
from tests.docs.page import Page
from tests.interop.smtpx import smtpx
from tests.issuer import Issuer
from tests.loops import runners
from tests.ports import free_port
from tests.wire.test_assertion_key import certificate as certificate_of
from txsmtpx import (
    BackendRealm,
    Certificate,
    MemoryBackend,
    OAuth2,
    PortalBackend,
    RecipientsRefused,
    SMTPError,
    SMTPPool,
    SMTPServerFactory,
    TokenFailed,
    aio,
    send_mail,
)
from txsmtpx.sasl.oauth_bearer import IBearerToken

pytestmark = pytest.mark.system

PAGE = Page("docs/howto/oauth-client.md")
PROGRAMS = {block.name: block.text for block in PAGE.take_all("python")}
SENT = PAGE.take("console").text
RELAY = PAGE.take("toml").text
COMMAND = PAGE.take("shell").text

MESSAGE = b"Subject: Hello\r\n\r\nHello.\r\n"


class Tokens:
    """A checker that accepts the tokens of an issuer, each for the user of the page."""

    credentialInterfaces = (IBearerToken,)

    def __init__(self) -> None:
        self.rejected: list[str] = []
        self.used: list[str] = []

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes]:
        self.used.append(credentials.token)
        if credentials.token in self.rejected or not credentials.token.startswith("token-"):
            return fail(UnauthorizedLogin())
        return succeed(credentials.username)


class Provider:
    """
    An issuer and a mail server, both within TLS, by an authority that programs trust.

    Attributes:
        issuer: The issuer.
        tokens: What the mail server accepts.
        backend: It has the mail.
        port: The port of the mail server.
    """

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.issuer = Issuer()
        self.tokens = Tokens()
        self.backend = MemoryBackend()

    async def start(self) -> None:
        await self.issuer.listen(reactor, self.authority.server("localhost"))
        portal = PortalBackend(Portal(BackendRealm(self.backend), [self.tokens]))
        tls = Certificate(str(self.authority.issue("localhost")))
        self.factory = SMTPServerFactory(portal, tls=tls, require_auth=True, require_tls=True)
        self._listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(self.factory)
        self.port = self._listening.getHost().port

    async def stop(self) -> None:
        await self._listening.stopListening()
        await self.issuer.stop()

    def here(self, text: str) -> str:
        """The text of the page, with the places of this machine."""
        for endpoint in ("https://login.example.org/token", "https://oauth2.googleapis.com/token",
                         "https://login.microsoftonline.com/TENANT/oauth2/v2.0/token"):  # fmt: skip
            text = text.replace(endpoint, self.issuer.url)
        for server in ("mail.example.org", "smtp.gmail.com", "smtp.office365.com"):
            text = text.replace(f"tcp:{server}:587", f"tcp:localhost:{self.port}")
        # As anywhere else, STARTTLS is required; without the next line it is not on the loopback interface.
        return text.replace("auth=auth)", 'auth=auth, tls="required")')

    def auth(self, **how: Any) -> OAuth2:
        usual = {"token_endpoint": self.issuer.url, "client_id": "c", "client_secret": "s"}
        return OAuth2("me@example.org", trust_roots=str(self.authority.path), **usual | how)

    def settings(self) -> dict[str, Any]:
        return {"tls": "required", "trust_roots": str(self.authority.path)}

    @property
    def endpoint(self) -> str:
        return f"tcp:localhost:{self.port}"


@pytest.fixture
def provider(authority: Authority) -> Iterator[Provider]:
    made = Provider(authority)
    blockon(ensureDeferred(made.start()))
    yield made
    blockon(ensureDeferred(made.stop()))


def ran(directory: Path, name: str, trusted: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "always::ResourceWarning", name],
        cwd=directory,
        env=os.environ | {"SSL_CERT_FILE": str(trusted)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


@pytest.fixture
def recipe(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Deferred[dict[str, Any]]]:
    """Runs a program of the page in a thread, since that costs less than a process."""
    monkeypatch.setenv("SSL_CERT_FILE", str(provider.authority.path))
    monkeypatch.chdir(tmp_path)

    def run(name: str) -> Deferred[dict[str, Any]]:
        (tmp_path / name).write_text(provider.here(PROGRAMS[name]))
        return deferToThread(runpy.run_path, str(tmp_path / name))

    return run


async def test_a_refresh_token(provider, tmp_path):
    provider.issuer.answers = [provider.issuer.new(refresh_token="rotated")]
    commands = SENT.splitlines()
    assert commands == ["$ python send.py", "1 accepted"] * 2
    (tmp_path / "send.py").write_text(provider.here(PROGRAMS["send.py"]))
    for _ in range(2):
        assert await deferToThread(ran, tmp_path, "send.py", provider.authority.path) == "1 accepted\n"
    assert provider.issuer.asked == [
        {"grant_type": "refresh_token", "refresh_token": "the refresh token", "client_id": "the client"}
    ]
    assert provider.tokens.used == ["token-1"] * 2
    assert json.loads((tmp_path / "tokens.json").read_text())["refresh_token"] == "rotated"
    assert len(provider.backend.messages) == 2


async def test_gmail(provider, recipe):
    await recipe("gmail.py")
    (asked,) = provider.issuer.asked
    assert (asked["grant_type"], asked["client_secret"]) == ("refresh_token", "the client secret")
    assert len(provider.backend.messages) == 1


@functools.cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pem() -> str:
    return rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


async def test_a_service_account(provider, recipe, tmp_path):
    account = {
        "token_uri": provider.issuer.url, "client_email": "robot@project.iam.gserviceaccount.com", "private_key": pem(),
        "private_key_id": "key 1",
    }  # fmt: skip
    (tmp_path / "service-account.json").write_text(json.dumps(account))
    await recipe("service_account.py")
    (asked,) = provider.issuer.asked
    signed = jwt.decode(asked["assertion"], RSAKey.import_key(pem()), algorithms=["RS256"])
    assert signed.header["kid"] == "key 1"
    assert (signed.claims["iss"], signed.claims["sub"]) == (account["client_email"], "me@example.org")
    assert signed.claims["scope"] == "https://mail.google.com/"
    assert len(provider.backend.messages) == 1


async def test_exchange_online(provider, recipe):
    await recipe("exchange.py")
    assert provider.issuer.asked == [
        {"grant_type": "client_credentials", "client_id": "the application ID", "client_secret": "the client secret",
         "scope": "https://outlook.office365.com/.default"}
    ]  # fmt: skip
    assert len(provider.backend.messages) == 1


async def test_exchange_online_with_a_certificate(provider, recipe, tmp_path):
    (tmp_path / "key.pem").write_text(pem())
    (tmp_path / "certificate.pem").write_bytes(certificate_of(rsa_key()))
    await recipe("exchange_certificate.py")
    (asked,) = provider.issuer.asked
    signed = jwt.decode(asked["client_assertion"], RSAKey.import_key(pem()), algorithms=["PS256"])
    assert signed.claims["aud"] == provider.issuer.url
    assert len(provider.backend.messages) == 1


@pytest.fixture
def relaying(provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[str, str]]:
    """Sends a message by the relay of the page, in a thread; returns what went wrong, and the log."""
    (tmp_path / "oauth.toml").write_text(provider.here(RELAY))
    monkeypatch.setenv("SSL_CERT_FILE", str(provider.authority.path))
    command = provider.here(COMMAND).replace("relay:tcp:smtp.office365.com:587", f"relay:{provider.endpoint}")
    words = command.replace("\\\n", " ").split()
    assert words[:6] == ["twistd", "-n", "--pidfile=", "smtpx", "--port", "2525"]

    def send() -> tuple[str, str]:
        port = free_port()
        where = ["--port", f"tcp:{port}:interface=127.0.0.1", "--relay-tls", "required"]
        sent = aio.send_mail(("127.0.0.1", port), "me@example.org", ["you@example.net"], MESSAGE, tls="none")
        with smtpx(tmp_path, port, *where, *words[6:]) as server:
            try:
                asyncio.run(sent)
            except RecipientsRefused as error:
                return str(error), server.text
            return "", server.text

    return send


async def test_a_relay(provider, relaying, tmp_path):
    provider.issuer.answers = [provider.issuer.new(refresh_token="rotated")]
    for _ in range(2):
        error, log = await deferToThread(relaying)
        assert error == ""
        assert not {word for word in ("rotated", "token-1", "the refresh token") if word in log}
    assert len(provider.issuer.asked) == 1
    assert json.loads((tmp_path / "tokens.json").read_text())["refresh_token"] == "rotated"
    assert len(provider.backend.messages) == 2


async def test_a_relay_without_a_token(provider, relaying):
    provider.issuer.answers = [(400, {"error": "invalid_grant", "error_description": "the refresh token is old"})] * 5
    error, log = await deferToThread(relaying)
    assert "451 4.4.1" in error
    assert "invalid_grant" not in error
    assert "no access token: the issuer localhost refuses a token: invalid_grant: [credentials]; the refresh" in log


# ---- what the page says of renewal


@runners
async def test_one_token_for_a_pool_of_asyncio(provider, run):
    """The door to asyncio has its own loop and reactor, in a thread here."""

    async def main() -> int:
        pool = SMTPPool(provider.endpoint, auth=provider.auth(), size=4, **provider.settings())
        async with aio.Pool(pool) as sending, asyncio.TaskGroup() as group:
            for number in range(8):
                group.create_task(sending.send("me@example.org", [f"{number}@example.net"], MESSAGE))
        return len(provider.backend.messages)

    assert await deferToThread(run, main()) == 8
    assert len(provider.issuer.asked) == 1


@runners
async def test_a_login_of_asyncio_that_is_cancelled(provider, run):
    provider.issuer.answers = [None]
    auth = provider.auth()

    async def main() -> None:
        first = asyncio.create_task(send())
        while not provider.issuer.asked:  # it does not answer
            await asyncio.sleep(0.01)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await send()

    async def send() -> None:
        where = provider.endpoint
        await aio.send_mail(where, "me@example.org", ["you@example.net"], MESSAGE, auth=auth, **provider.settings())

    await deferToThread(run, main())
    assert len(provider.backend.messages) == 1
    assert len(provider.issuer.asked) == 2


async def test_the_next_loop_has_the_token_of_the_first(provider):
    auth = provider.auth()

    async def main() -> None:
        where = provider.endpoint
        await aio.send_mail(where, "me@example.org", ["you@example.net"], MESSAGE, auth=auth, **provider.settings())

    for _ in range(2):
        await deferToThread(lambda: asyncio.run(main()))
    assert provider.tokens.used == ["token-1"] * 2


def sending(provider: Provider, auth: OAuth2) -> Deferred[Any]:
    where = provider.endpoint
    return send_mail(where, "me@example.org", ["you@example.net"], MESSAGE, auth=auth, **provider.settings())


async def test_a_token_that_the_server_rejects(provider):
    provider.tokens.rejected = ["token-1"]
    await sending(provider, provider.auth())
    assert provider.tokens.used == ["token-1", "token-2"]


async def test_a_server_that_rejects_every_token(provider):
    provider.tokens.rejected = ["token-1", "token-2"]
    with pytest.raises(SMTPError, match="AUTH: 535"):
        await sending(provider, provider.auth())
    assert len(provider.issuer.asked) == 2


async def test_the_issuer_refuses(provider):
    provider.issuer.answers = [(400, {"error": "invalid_grant"}), (503, b"")]
    auth = provider.auth(refresh_token="revoked")
    with pytest.raises(TokenFailed, match="invalid_grant; the refresh token is revoked") as refused:
        await sending(provider, auth)
    with pytest.raises(TokenFailed, match="answers 503") as failed:
        await sending(provider, auth)
    assert (refused.value.temporary, failed.value.temporary) == (False, True)
    await sending(provider, auth)
    assert provider.tokens.used == ["token-1"]
