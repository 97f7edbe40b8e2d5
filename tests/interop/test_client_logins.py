"""Our client logs in to the servers of others, by each mechanism that they offer and it speaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.ssl import PrivateCertificate

from tests.interop.clients import PASSWORD, SENDER, USER
from tests.interop.messages import message
from tests.interop.receivers import DOMAIN, HASHED, Receiver
from txsmtpx import AuthLogin, CramMD5, External, ISASLClient, NotOffered, Plain, Scram, SMTPClient, SMTPError, connect
from txsmtpx.testing import Pem

Make = Callable[[str, str], ISASLClient]

MECHANISMS: dict[str, Make] = {
    "PLAIN": Plain,
    "LOGIN": AuthLogin,
    "CRAM-MD5": CramMD5,
    "SCRAM-SHA-1": lambda *who: Scram("SCRAM-SHA-1", *who),
    "SCRAM-SHA-256": lambda *who: Scram("SCRAM-SHA-256", *who),
}

OFFERED = {
    "postfix": ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"),
    "exim": ("PLAIN", "LOGIN", "CRAM-MD5"),
    "aiosmtpd": ("PLAIN", "LOGIN"),
}

EACH = [(name, mechanism) for name, mechanisms in OFFERED.items() for mechanism in mechanisms]

# To whom mail goes only after a login.
ELSEWHERE = "somebody@elsewhere.test"


@pytest.fixture
def receiver(request: pytest.FixtureRequest, name: str) -> Receiver:
    """The server of this name."""
    found: Receiver = request.getfixturevalue(f"{name}_receiver")
    return found


async def secured(receiver: Receiver, certificate: Pem, **more: Any) -> SMTPClient:
    """A connection with TLS."""
    trust = str(certificate.certificate)
    return await connect(f"tcp:localhost:{receiver.port}", tls="required", trust_roots=trust, **more)


@pytest.mark.parametrize(("name", "mechanism"), EACH)
async def test_logs_in(name: str, mechanism: str, receiver: Receiver, certificate: Pem) -> None:
    auth = MECHANISMS[mechanism](USER, PASSWORD)
    client = await secured(receiver, certificate, auth=auth)
    sent = message(f"{name}-{mechanism}@client.test")
    await client.send(SENDER, [f"{USER}@{DOMAIN}"], sent)
    if name != "aiosmtpd":
        assert (await client.mail(SENDER)).code == 250
        assert (await client.rcpt(ELSEWHERE)).code == 250
    await client.quit()
    trace = receiver.stored(USER, sent)
    match name:
        case "postfix":
            receiver.program.logged(rf"sasl_method={mechanism}, sasl_username={USER}(@{DOMAIN})?\n")
        case "exim":
            authenticator = {"PLAIN": "plain", "LOGIN": "login", "CRAM-MD5": "cram"}[mechanism]
            receiver.program.logged(rf"P=esmtpsa .* A={authenticator}:{USER} .*id=to-{name}-{mechanism}@")
        case _:
            assert f"X-Logged-In: {USER}".encode() in trace


@pytest.mark.parametrize(("name", "mechanism"), EACH)
async def test_wrong_password(name: str, mechanism: str, receiver: Receiver, certificate: Pem) -> None:
    said: list[str] = []
    auth = MECHANISMS[mechanism](USER, "wonderlamb")
    with pytest.raises(SMTPError, match=r"^AUTH: 535 ") as caught:
        await secured(receiver, certificate, auth=auth, transcript=lambda session, who, line: said.append(line))
    assert "lamb" not in f"{caught.value!r} {auth!r} {said}"
    assert any("AUTH" in line for line in said)


@pytest.mark.parametrize("name", OFFERED)
async def test_offers_are_those_tried(name: str, receiver: Receiver, certificate: Pem) -> None:
    client = await secured(receiver, certificate)
    assert set(client.extensions["AUTH"]) == set(OFFERED[name])
    assert client.supports_auth("plain")
    assert not client.supports_auth("EXTERNAL")
    with pytest.raises(NotOffered, match="AUTH EXTERNAL"):
        await client.authenticate(External())
    await client.quit()


@pytest.mark.parametrize(("name", "best"), [("postfix", "SCRAM-SHA-256"), ("exim", "CRAM-MD5"), ("aiosmtpd", "PLAIN")])
async def test_chooses_the_strongest(name: str, best: str, receiver: Receiver, certificate: Pem) -> None:
    said: list[str] = []
    client = await secured(
        receiver, certificate, auth=(USER, PASSWORD), transcript=lambda session, who, line: said.append(line)
    )
    await client.quit()
    assert any(line.startswith(f"AUTH {best}") for line in said)


async def test_auth_in_two_forms(postfix_receiver: Receiver, certificate: Pem) -> None:
    """Postfix announces each mechanism twice, for old clients."""
    said: list[str] = []
    client = await secured(
        postfix_receiver, certificate, transcript=lambda session, who, line: said.append(line), auth=(USER, PASSWORD)
    )
    await client.quit()
    offers = [line for line in said if line[4:8] == "AUTH"]
    assert [line[8] for line in offers] == [" ", "="]


@pytest.mark.parametrize("password", [PASSWORD, "wonderlamb"])
async def test_plain_after_cram_md5(exim_receiver: Receiver, certificate: Pem, password: str) -> None:
    """Exim offers both to everyone, and cannot check CRAM-MD5 for this user."""
    said: list[str] = []
    how: Any = {"auth": (HASHED, password), "transcript": lambda session, who, line: said.append(line)}
    if password == PASSWORD:
        client = await secured(exim_receiver, certificate, **how)
        assert (await client.mail(SENDER)).code == 250
        assert (await client.rcpt(ELSEWHERE)).code == 250
        await client.quit()
    else:
        with pytest.raises(SMTPError, match=r"^AUTH: 535 "):
            await secured(exim_receiver, certificate, **how)
    assert [line.split()[1] for line in said if line.startswith("AUTH ")] == ["CRAM-MD5", "PLAIN"]


async def test_by_client_certificate(exim_receiver: Receiver, certificate: Pem) -> None:
    """EXTERNAL: who we are is in the certificate."""
    ours = PrivateCertificate.loadPEM(certificate.both.read_bytes())
    client = await secured(exim_receiver, certificate, client_certificate=ours, auth=External())
    sent = message("external@client.test")
    await client.send(SENDER, [f"{USER}@{DOMAIN}"], sent)
    await client.quit()
    exim_receiver.stored(USER, sent)
    exim_receiver.program.logged(r"P=esmtpsa .* A=external:localhost .*id=to-external@")


async def test_not_in_the_clear(postfix_receiver: Receiver) -> None:
    with pytest.raises(NotOffered, match="in the clear"):
        await connect(f"tcp:localhost:{postfix_receiver.port}", tls="none", auth=(USER, PASSWORD))


@pytest.mark.parametrize("name", ["postfix", "exim"])
async def test_without_a_login(name: str, receiver: Receiver, certificate: Pem) -> None:
    """What the tests above were let do, is not for everybody."""
    client = await secured(receiver, certificate)
    await client.mail(SENDER)
    with pytest.raises(SMTPError, match=r"^RCPT: 5"):
        await client.rcpt(ELSEWHERE)
    await client.quit()
