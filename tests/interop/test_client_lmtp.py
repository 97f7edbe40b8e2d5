"""Our client delivers to Dovecot by LMTP, over TCP and a UNIX socket: an outcome for each recipient."""

from __future__ import annotations

import pytest

from tests.interop.clients import SENDER
from tests.interop.messages import message
from tests.interop.receivers import DOMAIN, OVER_QUOTA, LMTPReceiver
from txsmtpx import MailOptions, NotOffered, RecipientsRefused, SMTPClient, connect, send_mail
from txsmtpx.testing import Pem

ALICE, BOB, UNKNOWN, FULL = (f"{user}@{DOMAIN}" for user in ("alice", "bob", "nobody", OVER_QUOTA))

SOCKETS = ("tcp", "unix")

# What is struck from what the server offers.
WAYS = {"as offered": (), "by DATA": ("CHUNKING",), "step by step": ("CHUNKING", "PIPELINING")}


def endpoint(receiver: LMTPReceiver, socket: str) -> str:
    return f"unix:{receiver.socket}" if socket == "unix" else f"tcp:localhost:{receiver.port}"


async def connected(receiver: LMTPReceiver, socket: str, way: str) -> SMTPClient:
    client = await connect(endpoint(receiver, socket), lmtp=True)
    for extension in WAYS[way]:
        client.extensions.pop(extension, None)
    return client


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("socket", SOCKETS)
async def test_each_has_an_outcome(socket: str, way: str, dovecot_receiver: LMTPReceiver) -> None:
    """Accepted, refused at RCPT, refused after the data; one of them twice."""
    client = await connected(dovecot_receiver, socket, way)
    sent = message(f"lmtp-{socket}-{way}@client.test".replace(" ", "-"))
    result = await client.send(SENDER, [UNKNOWN, ALICE, FULL, BOB], sent)
    await client.quit()
    assert [(recipient, reply.code) for recipient, reply in result.accepted] == [(ALICE, 250), (BOB, 250)]
    assert all(recipient in reply.text for recipient, reply in result.accepted)
    assert [recipient for recipient, _ in result.refused] == [UNKNOWN, FULL]
    unknown, full = (error for _, error in result.refused)
    assert (unknown.code, unknown.enhanced_code) == (550, (5, 1, 1))
    assert (full.code, full.enhanced_code) == (552, (5, 2, 2))
    assert FULL in full.message
    for box in ("alice", "bob"):
        dovecot_receiver.stored(box, sent)


@pytest.mark.parametrize("way", WAYS)
async def test_the_same_recipient_twice(way: str, dovecot_receiver: LMTPReceiver) -> None:
    client = await connected(dovecot_receiver, "unix", way)
    sent = message(f"lmtp-twice-{way}@client.test".replace(" ", "-"))
    result = await client.send(SENDER, [ALICE, FULL, ALICE, FULL, UNKNOWN], sent)
    assert [recipient for recipient, _ in result.accepted] == [ALICE, ALICE]
    assert [recipient for recipient, _ in result.refused] == [FULL, FULL, UNKNOWN]
    again = await client.send(SENDER, [BOB], sent)
    assert [recipient for recipient, _ in again.accepted] == [BOB]
    await client.quit()
    dovecot_receiver.stored("bob", sent)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("recipients", [[UNKNOWN], [FULL], [UNKNOWN, FULL, UNKNOWN]], ids=["rcpt", "data", "both"])
async def test_all_are_refused(recipients: list[str], way: str, dovecot_receiver: LMTPReceiver) -> None:
    """At RCPT, after the data, or both; and the connection is as good as before."""
    client = await connected(dovecot_receiver, "tcp", way)
    with pytest.raises(RecipientsRefused) as caught:
        await client.send(SENDER, recipients, message("lmtp-refused@client.test"))
    code = {UNKNOWN: 550, FULL: 552}
    assert [(recipient, reply.code) for recipient, reply in caught.value.refused] == [
        (recipient, code[recipient]) for recipient in recipients
    ]
    sent = message(f"lmtp-after-{len(recipients)}-{recipients[0]}-{way}".replace(" ", "-"))
    await client.send(SENDER, [BOB], sent)
    await client.quit()
    dovecot_receiver.stored("bob", sent)


async def test_by_starttls(dovecot_receiver: LMTPReceiver, certificate: Pem) -> None:
    sent = message("lmtp-starttls@client.test")
    client = await connect(
        endpoint(dovecot_receiver, "tcp"), lmtp=True, tls="required", trust_roots=str(certificate.certificate)
    )
    assert client.tls is not None
    result = await client.send(SENDER, [ALICE, FULL], sent)
    await client.quit()
    assert len(result.accepted) == len(result.refused) == 1
    dovecot_receiver.stored("alice", sent)


async def test_in_one_call(dovecot_receiver: LMTPReceiver) -> None:
    sent = message("lmtp-one-call@client.test") + b"x" * 900 + b"\r\n" * 100_000
    result = await send_mail(endpoint(dovecot_receiver, "unix"), SENDER, [ALICE, UNKNOWN], sent, lmtp=True)
    assert [recipient for recipient, _ in result.accepted] == [ALICE]
    assert [recipient for recipient, _ in result.refused] == [UNKNOWN]
    dovecot_receiver.stored("alice", sent)


async def test_smtputf8_that_nothing_needs(dovecot_receiver: LMTPReceiver) -> None:
    """Dovecot does not offer it."""
    to, options = endpoint(dovecot_receiver, "unix"), MailOptions(smtputf8=True)
    sent = message("lmtp-smtputf8@client.test")
    await send_mail(to, SENDER, [BOB], sent, options=options, lmtp=True)
    dovecot_receiver.stored("bob", sent)
    with pytest.raises(NotOffered, match="SMTPUTF8"):
        await send_mail(to, SENDER, [BOB], "Subject: Grüße\r\n\r\n".encode(), options=options, lmtp=True)
