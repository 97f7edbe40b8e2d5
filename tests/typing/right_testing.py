"""
Tests of applications, annotated as far as strict type checkers require.  They are not run.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator

import pytest
from twisted.internet.task import Clock

from txsmtpx import MemoryBackend, Reply, SMTPClient, SMTPError
from txsmtpx.backends.received import Received
from txsmtpx.testing import (
    HANG_UP,
    SILENCE,
    Connect,
    ConnectDeferred,
    Conversation,
    Link,
    MailServer,
    MakeScript,
    MakeServer,
    Network,
    Outcome,
    Pem,
    RecordingBackend,
    Script,
    ScriptedBackend,
    ScriptedServer,
    Transcript,
    issue,
)


def test_customers_are_welcomed(smtp_server: MailServer) -> None:
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.sendmail("shop@example.org", ["customer@example.net"], "Subject: Hi\n\nHello!")
    (received,) = smtp_server.wait_for(1, patience=10)
    assert received.recipients == ("customer@example.net",)
    assert received.message["Subject"] == "Hi"
    assert received.content.startswith(b"Subject")
    smtp_server.clear()


@pytest.mark.smtp_server(tls="starttls", users={"shop": "secret"})
def test_a_submission(smtp_server: MailServer, smtp_certificate: Pem) -> None:
    assert smtp_server.certificate is not None
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.starttls(context=smtp_certificate.client_context())
    received: list[Received] = smtp_server.messages
    assert [(each.username, each.protocol) for each in received] == []


def test_several_servers(make_smtp_server: MakeServer, lmtp_server: MailServer) -> None:
    server = make_smtp_server(MemoryBackend(10), tls="implicit", max_message_bytes=1000, lmtp=False)
    assert server.port != lmtp_server.port


def test_a_recipient_is_refused(scripted_server: MakeScript) -> None:
    server: Script = scripted_server(RCPT=["250 2.1.5 Ok", "550 5.1.1 No such user"], DATA=HANG_UP, QUIT=SILENCE)
    assert [each.lines for each in server.servers] == []


def test_a_client(smtp_client: Connect, lmtp_server: MailServer) -> None:
    client = smtp_client(lmtp_server, timeouts=5)
    result = client.send("me@example.org", ["you@example.net"], b"Hi")
    assert [reply.code for _, reply in result.accepted] == [250]
    code: int = client.noop().code
    assert (code, client.authenticated) == (250, False)
    client.quit()


async def test_a_client_on_the_reactor(smtp_client: ConnectDeferred, smtp_server: MailServer) -> None:
    client: SMTPClient = await smtp_client(smtp_server)
    await client.quit()
    received: list[Received] = await smtp_server.when_received(2, patience=5)
    assert len(received) == 2


@pytest.fixture(scope="module")
def secured(smtp_server_factory: MakeServer) -> Iterator[MailServer]:
    with smtp_server_factory(ScriptedBackend, tls="starttls") as server:
        yield server


def test_shared_servers(smtp_server_module: MailServer, smtp_server_session: MailServer, secured: MailServer) -> None:
    ports: set[int] = {each.port for each in (smtp_server_module, smtp_server_session, secured)}
    assert len(ports) == 3
    host: str = secured.django_mailers()["default"]["OPTIONS"]["host"]
    port: int = secured.flask_settings()["MAIL_PORT"]
    assert (host, port) == (secured.host, secured.port)


def test_in_memory() -> None:
    clock = Clock()
    backend = RecordingBackend(rcpt=[None, SMTPError(550, (5, 1, 1), "No"), Reply(250, (2, 1, 5), "Ok")])
    conversation = Conversation(backend, clock=clock, lmtp=True)
    assert conversation.ask("LHLO client.example") != []
    link = Link.to(backend, domain="example.org")
    network = Network.to(backend, clock=clock)
    client: SMTPClient = network.greeted()
    outcome: Outcome[Reply] = Outcome(client.command("NOOP"))
    print(outcome, link, ScriptedServer(RCPT="550 5.1.1 No"))
    print(list(backend.messages), Transcript("c <- 220 localhost ESMTP txsmtpx").play())


def test_a_certificate(tmp_path_factory: pytest.TempPathFactory) -> None:
    files = issue(tmp_path_factory.mktemp("certificate"))
    assert files.certificate.exists()
