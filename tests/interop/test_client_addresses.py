"""Addresses that are not ASCII, sent to real servers: by SMTPUTF8, or without it where that can be done."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from tests.interop.clients import SENDER
from tests.interop.messages import message
from tests.interop.receivers import DOMAIN, UMLAUT_DOMAIN, UMLAUT_DOMAIN_ASCII, Receiver
from txsmtpx import NotOffered, SMTPClient, connect

UMLAUT = f"jürgen@{DOMAIN}"


async def connected(receiver: Receiver, said: list[str], *without: str) -> SMTPClient:
    def transcript(session: str, who: str, line: str) -> None:
        if who == "C":
            said.append(line)

    return await connect(f"tcp:127.0.0.1:{receiver.port}", transcript=transcript, without=without)


async def test_smtputf8(postfix_receiver: Receiver) -> None:
    said: list[str] = []
    client = await connected(postfix_receiver, said)
    sent = message(UMLAUT)
    result = await client.send("grüße@client.test", [UMLAUT], sent)
    await client.quit()
    assert [recipient for recipient, _ in result.accepted] == [UMLAUT]
    (mail,) = [line for line in said if line.startswith("MAIL")]
    assert "SMTPUTF8" in mail.split()
    assert f"Return-Path: <grüße@client.test>\nX-Original-To: {UMLAUT}\n".encode() in postfix_receiver.stored(
        "jürgen", sent
    )


async def test_smtputf8_for_a_header_alone(postfix_receiver: Receiver) -> None:
    """Nobody has to say so: the message needs it, so it is asked for."""
    said: list[str] = []
    client = await connected(postfix_receiver, said)
    letter = EmailMessage()
    letter["From"] = "grüße@client.test"
    letter["To"] = f"bob@{DOMAIN}"
    letter["Bcc"] = f"carol@{DOMAIN}"
    letter["Date"] = "Mon, 23 Nov 2026 12:00:00 +0000"
    letter["Message-ID"] = "<header-alone@client.test>"
    letter.set_content("Grüße\n")
    await client.send(SENDER, [f"bob@{DOMAIN}"], letter)
    await client.quit()
    assert any(line.startswith("MAIL") and "SMTPUTF8" in line.split() for line in said)
    postfix_receiver.program.logged("message-id=<header-alone@client.test>")
    end = b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 8bit\r\nMIME-Version: 1.0\r\n\r\n'
    before = postfix_receiver.stored("bob", end + "Grüße\r\n".encode())
    assert "From: grüße@client.test\n".encode() in before
    assert b"carol" not in before


async def test_domain_without_smtputf8(postfix_receiver: Receiver) -> None:
    """A domain has an ASCII form, which says the same."""
    said: list[str] = []
    client = await connected(postfix_receiver, said, "SMTPUTF8")
    sent = message("a-label@client.test")
    result = await client.send(SENDER, [f"alice@{UMLAUT_DOMAIN}"], sent)
    await client.quit()
    assert [recipient for recipient, _ in result.accepted] == [f"alice@{UMLAUT_DOMAIN}"]
    assert any(line.startswith(f"RCPT TO:<alice@{UMLAUT_DOMAIN_ASCII}>") for line in said)
    postfix_receiver.stored("alice", sent)


async def test_local_part_without_smtputf8(opensmtpd_receiver: Receiver) -> None:
    """A local part has none; a server that does not offer it is told nothing."""
    said: list[str] = []
    client = await connected(opensmtpd_receiver, said)
    assert "SMTPUTF8" not in client.extensions
    with pytest.raises(NotOffered, match="SMTPUTF8"):
        await client.send(SENDER, [UMLAUT], message(UMLAUT))
    await client.quit()
    assert not any(line.startswith(("MAIL", "RCPT")) for line in said)
