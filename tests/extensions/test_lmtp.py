"""RFC 2033: LHLO in the place of EHLO and HELO; the replies after the data are those of ``lmtp*.txt``."""

from __future__ import annotations

import pytest

from tests.dialog.core import Core
from txsmtpx.extensions.lmtp import LHLO, LMTP
from txsmtpx.extensions.smtp import COMMON, SMTP


def test_it_has_the_commands_of_smtp_but_the_hello():
    """§4.1."""
    assert {verb.name for verb in SMTP.verbs} - {verb.name for verb in LMTP.verbs} == {"EHLO", "HELO"}
    assert LMTP.verbs == (LHLO, *COMMON)


@pytest.mark.parametrize("hello", ["HELO", "EHLO"])
def test_the_hello_of_smtp_is_refused(hello):
    """§4.1: it must not be returned a 2xx."""
    client = Core(lmtp=True)
    assert client.ask(f"{hello} client.example")[-1] == "500 5.5.1 This is an LMTP server, send LHLO"
    assert client.ask("MAIL FROM:<>") == ["503 5.5.1 Send LHLO first"]
    client.hang_up()


def test_lhlo_is_not_of_smtp():
    client = Core()
    assert client.ask("LHLO client.example")[-1][:3] == "500"
    client.hang_up()


def test_lhlo_offers_the_extensions_and_resets():
    client = Core(lmtp=True)
    offered = client.ask("LHLO client.example")
    assert offered[1] == "250-localhost"
    assert "250-PIPELINING" in offered
    assert client.dialog.connection.extended
    assert client.ask("MAIL FROM:<me@example.com>", "LHLO other.example", "RCPT TO:<you@example.com>")[-1] == (
        "503 5.5.1 MAIL comes first"
    )
    assert client.dialog.connection.helo == "other.example"
    assert client.ask("LHLO") == ["501 5.5.2 Syntax: EHLO or HELO, and your domain"]
    client.hang_up()


def test_each_accepted_recipient_has_a_reply():
    client = Core(lmtp=True)
    client.ask("LHLO client.example", "MAIL FROM:<>", "RCPT TO:<a@b.example>", "RCPT TO:<>", "RCPT TO:<a@b.example>")
    assert [line[:3] for line in client.ask("DATA", "x", ".", "NOOP")] == ["354", "250", "250", "250"]
    client.hang_up()
