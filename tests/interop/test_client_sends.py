"""Our client sends to the servers of others: by each kind of connection they have, in each way they know."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from tests.interop.clients import PASSWORD, SENDER, USER, Security
from tests.interop.messages import message
from tests.interop.receivers import DOMAIN, MANY, MANY_BOX, Receiver
from txsmtpx import MessageTooBig, RecipientsRefused, SMTPClient, SMTPError, connect
from txsmtpx.testing import Pem

RECEIVERS = ("postfix", "exim", "opensmtpd", "aiosmtpd")
WITH_TLS = ("postfix", "exim", "aiosmtpd")

# What is struck from what the server offers.
WAYS = {"as offered": (), "by DATA": ("CHUNKING",), "step by step": ("CHUNKING", "PIPELINING")}

MODE = {Security.PLAIN: "none", Security.STARTTLS: "required", Security.IMPLICIT: "implicit"}

Line = tuple[str, str]


def small(label: str) -> bytes:
    """A message like no other."""
    return message(f"{label.replace(' ', '-')}@client.test")


@pytest.fixture
def receiver(request: pytest.FixtureRequest, name: str) -> Receiver:
    """The server of this name."""
    found: Receiver = request.getfixturevalue(f"{name}_receiver")
    return found


@pytest.fixture
def lines() -> list[Line]:
    """What is said: who, and what."""
    return []


@pytest.fixture
def transcript(lines: list[Line]) -> Callable[[str, str, str], None]:
    """Writes it down."""
    return lambda session, who, line: lines.append((who, line))


async def connected(receiver: Receiver, security: Security, certificate: Pem, **more: Any) -> SMTPClient:
    """A connection; a login where it is protected."""
    port = receiver.tls_port if security is Security.IMPLICIT else receiver.port
    auth = None if security is Security.PLAIN else (USER, PASSWORD)
    trust = str(certificate.certificate)
    return await connect(f"tcp:localhost:{port}", tls=MODE[security], auth=auth, trust_roots=trust, **more)


def large(label: str, octets: int = 3_000_000) -> bytes:
    """One that does not leave at once."""
    beginning = small(label)
    line = b".with a dot, and \xc3\xa9 " + b"x" * 60 + b"\r\n"
    return beginning + line * (octets // len(line))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "security"),
    [(name, security) for name in RECEIVERS for security in Security if name in WITH_TLS or security is Security.PLAIN],
)
async def test_arrives_octet_for_octet(
    name: str,
    security: Security,
    way: str,
    receiver: Receiver,
    certificate: Pem,
    lines: list[Line],
    transcript: Any,
) -> None:
    client = await connected(receiver, security, certificate, transcript=transcript, without=WAYS[way])
    label = f"{security.value}-{way}"
    one, two, three = small(f"small-{label}"), large(f"large-{label}"), large(f"file-{label}")
    for body in (one, two, io.BytesIO(three)):
        result = await client.send(SENDER, [f"{USER}@{DOMAIN}"], body)
        assert [(recipient, reply.code) for recipient, reply in result.accepted] == [(f"{USER}@{DOMAIN}", 250)]
        assert not result.refused
    await client.quit()
    assert (client.tls is not None) is (security is not Security.PLAIN)
    for sent in (one, two, three):
        receiver.stored(USER, sent)
    verbs = [line.split()[0] for who, line in lines if who == "C" and line[0] != "["]
    assert ("DATA" in verbs) is ("CHUNKING" not in client.extensions)
    written = [who for who, _ in lines[next(at for at, line in enumerate(lines) if line[1].startswith("MAIL")) :]]
    ahead = written[:2] == ["C", "C"]
    assert ahead is ("PIPELINING" in client.extensions)


@pytest.mark.parametrize(("name", "offered"), [
    ("postfix", {"PIPELINING", "CHUNKING", "SMTPUTF8", "8BITMIME"}),
    ("exim", {"PIPELINING", "CHUNKING", "SMTPUTF8", "8BITMIME"}),
    ("opensmtpd", {"8BITMIME"}),
    ("aiosmtpd", {"SMTPUTF8", "8BITMIME"}),
])  # fmt: skip
async def test_they_offer_what_is_tried(
    name: str, offered: set[str], receiver: Receiver, certificate: Pem
) -> None:
    """Else the test above would show less than it says."""
    client = await connected(receiver, Security.PLAIN, certificate)
    assert offered <= client.extensions.keys()
    assert ("STARTTLS" in client.extensions) is (name in WITH_TLS)
    await client.quit()


@pytest.mark.parametrize("name", RECEIVERS)
async def test_some_are_refused(name: str, receiver: Receiver, certificate: Pem) -> None:
    """Each where it stands, the same address twice is two."""
    client = await connected(receiver, Security.PLAIN, certificate)
    sent = small(f"some-{name}")
    good, bad = [f"{user}@{DOMAIN}" for user in ("bob", "carol", "bob")], [f"nobody{n}@{DOMAIN}" for n in (1, 2)]
    result = await client.send(SENDER, [bad[0], good[0], good[1], bad[1], good[2]], sent)
    await client.quit()
    assert [recipient for recipient, _ in result.accepted] == good
    assert [recipient for recipient, _ in result.refused] == bad
    assert not any(error.temporary for _, error in result.refused)
    receiver.stored("carol", sent)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", RECEIVERS)
async def test_all_are_refused(name: str, way: str, receiver: Receiver, certificate: Pem) -> None:
    """And the connection is as good as before."""
    client = await connected(receiver, Security.PLAIN, certificate)
    for extension in WAYS[way]:
        client.extensions.pop(extension, None)
    for body in (small("nobody"), large("nobody")):
        with pytest.raises(RecipientsRefused, match=r"^<nobody1@[^>]*>: RCPT: 5.*; <nobody2@[^>]*>: RCPT: 5") as caught:
            await client.send(SENDER, [f"nobody1@{DOMAIN}", f"nobody2@{DOMAIN}"], body)
        assert len(caught.value.refused) == 2
    sent = small(f"after-a-refusal-{name}-{way}")
    await client.send(SENDER, [f"carol@{DOMAIN}"], sent)
    await client.quit()
    receiver.stored("carol", sent)


@pytest.mark.parametrize("name", RECEIVERS)
async def test_too_big(name: str, receiver: Receiver, certificate: Pem) -> None:
    """Not sent where the server says how much it takes; where it does not say, it says so at last."""
    client = await connected(receiver, Security.PLAIN, certificate)
    limit = client.max_message_size
    assert limit is not None
    with pytest.raises(MessageTooBig, match=rf"^the server accepts {limit} octets .*, the message has {limit + 3}$"):
        await client.send(SENDER, [f"{USER}@{DOMAIN}"], bytes(limit + 1))  # and CRLF
    assert (await client.noop()).code == 250
    await client.quit()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["postfix", "exim", "opensmtpd"])
async def test_too_big_found_out_late(name: str, way: str, receiver: Receiver, certificate: Pem) -> None:
    client = await connected(receiver, Security.PLAIN, certificate)
    limit = client.max_message_size
    assert limit is not None
    await client.quit()
    client = await connected(receiver, Security.PLAIN, certificate, without={"SIZE", *WAYS[way]})
    with pytest.raises(SMTPError, match=r"^(DATA|BDAT): 5") as caught:
        await client.send(SENDER, [f"{USER}@{DOMAIN}"], large("too-big", limit * 5 // 4))
    assert not caught.value.temporary
    await client.quit()


@pytest.mark.parametrize("count", [1, 100, MANY])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["postfix", "exim"])
async def test_many_recipients(name: str, way: str, count: int, receiver: Receiver, certificate: Pem) -> None:
    client = await connected(receiver, Security.PLAIN, certificate)
    for extension in WAYS[way]:
        client.extensions.pop(extension, None)
    recipients = [f"user{number}@{DOMAIN}" for number in range(count)]
    # What happens to it then is the server's affair, and takes longer.
    sent = small(f"many-{count}-{way}")
    result = await client.send(SENDER, recipients, sent)
    await client.quit()
    assert [recipient for recipient, _ in result.accepted] == recipients
    assert not result.refused
    if count == 1:
        receiver.stored(MANY_BOX, sent)
