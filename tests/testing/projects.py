"""Test suites as users write them, for pytest to be run on."""

BLOCKING = '''
import smtplib
import sys
import threading
import unittest
from email.message import EmailMessage

import pytest

from txsmtpx import Certificate, MemoryBackend, OpenBackend, RecipientsRefused, Session, SMTPError
from txsmtpx.testing import ScriptedBackend


def letter(subject="Hello"):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "me@example.org", "you@example.net", subject
    message.set_content("Hey <3\\n")
    return message


def send(server, **how):
    with smtplib.SMTP(server.host, server.port, timeout=10, **how) as client:
        client.send_message(letter())


def test_one_line(smtp_server):
    send(smtp_server)
    (received,) = smtp_server.messages
    assert (received.sender, received.recipients) == ("me@example.org", ("you@example.net",))
    assert received.message["Subject"] == "Hello"
    assert received.message.get_content() == "Hey <3\\r\\n"


def test_each_test_has_its_own(smtp_server):
    assert smtp_server.messages == []
    send(smtp_server)
    smtp_server.clear()
    assert smtp_server.messages == []


def test_in_the_background(smtp_server):
    threads = [threading.Thread(target=send, args=[smtp_server]) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert len(smtp_server.wait_for(3)) == 3
    for thread in threads:
        thread.join()


def test_nothing_comes(smtp_server):
    with pytest.raises(TimeoutError, match="0 of 1 messages in 0.01 seconds"):
        smtp_server.wait_for(patience=0.01)


@pytest.mark.smtp_server(tls="starttls", require_tls=True)
def test_starttls(smtp_server):
    with pytest.raises(smtplib.SMTPSenderRefused):
        send(smtp_server)
    with smtplib.SMTP(smtp_server.host, smtp_server.port, timeout=10) as client:
        client.starttls(context=smtp_server.certificate.client_context())
        client.send_message(letter("x" * 100000))
    (received,) = smtp_server.messages
    assert received.protocol == "ESMTPS"


@pytest.mark.smtp_server(tls="implicit")
def test_implicit_tls(smtp_server, smtp_certificate):
    context = smtp_certificate.client_context()
    with smtplib.SMTP_SSL(smtp_server.host, smtp_server.port, timeout=10, context=context) as client:
        client.send_message(letter())
    assert [each.protocol for each in smtp_server.messages] == ["ESMTPS"]


@pytest.mark.smtp_server(users={"me": "secret"})
class TestLogins:
    def test_right(self, smtp_server):
        with smtplib.SMTP(smtp_server.host, smtp_server.port, timeout=10) as client:
            client.login("me", "secret")
            client.send_message(letter())
        assert [each.username for each in smtp_server.messages] == ["me"]

    def test_none(self, smtp_server):
        with pytest.raises(smtplib.SMTPSenderRefused):
            send(smtp_server)

    @pytest.mark.smtp_server(require_auth=False)
    def test_not_required(self, smtp_server):
        send(smtp_server)
        with smtplib.SMTP(smtp_server.host, smtp_server.port, timeout=10) as client:
            client.login("me", "secret")
            client.send_message(letter())
        assert [each.username for each in smtp_server.messages] == [None, "me"]


def test_lmtp(lmtp_server):
    with smtplib.LMTP(lmtp_server.host, lmtp_server.port) as client:
        client.send_message(letter())
    assert [each.protocol for each in lmtp_server.messages] == ["LMTP"]


@pytest.mark.lmtp_server(max_message_bytes=10)
def test_lmtp_marked(lmtp_server):
    with smtplib.LMTP(lmtp_server.host, lmtp_server.port) as client, pytest.raises(smtplib.SMTPSenderRefused):
        client.sendmail("a@b", ["c@d"], b"x" * 11)


def test_a_backend_of_mine(make_smtp_server, smtp_client):
    class FussySession(Session):
        def rcpt(self, recipient, options):
            if recipient != "you@example.net":
                raise SMTPError(550, (5, 1, 1), "Nobody here")

    server = make_smtp_server(OpenBackend(lambda connection: FussySession()))
    client = smtp_client(server)
    result = client.send("me@example.org", ["you@example.net", "them@example.net"], b"Hey")
    assert [recipient for recipient, _ in result.refused] == ["them@example.net"]
    with pytest.raises(RecipientsRefused, match="Nobody here"):
        client.send("me@example.org", ["them@example.net"], b"Hey")
    assert client.extensions["PIPELINING"] == ""
    client.quit()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_client_knows_how(make_smtp_server, smtp_client, tls):
    server = make_smtp_server(tls=tls, users={"me": "secret"}, lmtp=True)
    client = smtp_client(server, auth=("me", "secret"))
    client.send("me@example.org", ["you@example.net"] * 2, [b"x" * 1000] * 200)
    assert [each.protocol for each in server.messages] == ["LMTPSA"]
    assert client.tls.verified


def test_a_backend_made_for_the_reactor(make_smtp_server):
    seen = []
    server = make_smtp_server(lambda reactor: seen.append(reactor) or MemoryBackend(1))
    send(server)
    send(server)
    assert len(server.messages) == 1
    assert seen[0] is server.place.reactor


def test_a_server_that_fails(scripted_server):
    server = scripted_server(RCPT=["250 2.1.5 Ok", "450 4.2.1 Later"], END=b"")
    with smtplib.SMTP(server.host, server.port, timeout=10) as client:
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.sendmail("a@b", ["c@d", "e@f"], b"Hey")
    assert server.servers[0].messages == [b"Hey\\r\\n"]
    assert server.servers[0].verbs == ["EHLO", "MAIL", "RCPT", "RCPT", "DATA"]


def test_addresses_that_fail(scripted_server, smtp_server_factory):
    recipients = ["one@example.net", "reject-550@example.net", "slow-1ms@example.net", "defer@example.net"]
    with smtp_server_factory(ScriptedBackend) as kept:
        for server in (scripted_server(), kept):
            with smtplib.SMTP(server.host, server.port, timeout=10) as client:
                refused = client.sendmail("me@example.org", recipients, b"Hey")
                assert {each: reply[0] for each, reply in refused.items()} == {recipients[1]: 550, recipients[3]: 451}
                with pytest.raises(smtplib.SMTPServerDisconnected):
                    client.sendmail("me@example.org", ["drop@example.net"], b"Hey")
        assert [each.recipients for each in kept.messages] == [(recipients[0], recipients[2])]


def test_a_server_with_tls_that_fails(scripted_server, smtp_certificate):
    certificate = Certificate(str(smtp_certificate.both))
    server = scripted_server(offers=["STARTTLS"], tls=certificate, MAIL="550 5.7.1 Not you")
    with smtplib.SMTP(server.host, server.port, timeout=10) as client:
        client.starttls(context=smtp_certificate.client_context())
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.send_message(letter())


class OldTest(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _mail(self, smtp_server):
        self.server = smtp_server

    def test_it(self):
        send(self.server)
        self.assertEqual(len(self.server.messages), 1)


def test_the_global_reactor_is_left_alone(request, smtp_server):
    send(smtp_server)
    in_use = request.config.pluginmanager.hasplugin("twisted")
    assert ("twisted.internet.reactor" in sys.modules) is in_use
    if in_use:
        from twisted.internet import reactor

        assert smtp_server.place.reactor is not reactor
'''

LAZY = '''
import sys


def pytest_sessionstart(session):
    found = [name for name in sys.modules if name.partition(".")[0] in ("twisted", "txsmtpx", "OpenSSL")]
    assert found == [], found
'''

TWISTED = '''
import pytest
import pytest_twisted
from hypothesis import HealthCheck, given, settings, strategies
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from txsmtpx import OpenBackend, Session, send_mail


@pytest_twisted.ensureDeferred
async def test_on_the_same_reactor(smtp_server):
    assert smtp_server.place.reactor is reactor
    await send_mail(smtp_server.endpoint, "me@example.org", ["you@example.net"], b"Hey")
    assert len(await smtp_server.when_received()) == 1
    with pytest.raises(RuntimeError, match="await when_received"):
        smtp_server.wait_for()


@pytest_twisted.inlineCallbacks
def test_with_yield(smtp_server):
    yield send_mail(smtp_server.endpoint, "me@example.org", ["you@example.net"], b"Hey")
    assert len(smtp_server.messages) == 1


@pytest_twisted.ensureDeferred
async def test_a_deferred_of_mine(make_smtp_server, smtp_client):
    waiting = Deferred()

    class Slow(Session):
        def data(self, message, context):
            return waiting

    client = await smtp_client(make_smtp_server(OpenBackend(lambda connection: Slow()), tls="starttls"))
    sending = client.send("me@example.org", ["you@example.net"], b"Hey")
    reactor.callLater(0, waiting.callback, "Thanks")
    result = await sending
    assert result.accepted[0][1].text == "Thanks"


@pytest_twisted.ensureDeferred
async def test_in_a_thread(smtp_server):
    import smtplib

    def send():
        with smtplib.SMTP(smtp_server.host, smtp_server.port, timeout=10) as client:
            client.sendmail("me@example.org", ["you@example.net"], b"Hey")

    await deferToThread(send)
    assert len(smtp_server.messages) == 1


@pytest_twisted.ensureDeferred
async def test_scripted(scripted_server, smtp_client):
    server = scripted_server(offers=["PIPELINING"])
    client = await smtp_client(f"tcp:{server.host}:{server.port}")
    await client.send("me@example.org", ["you@example.net"], b"Hey")
    assert server.servers[0].messages == [b"Hey\\r\\n"]


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(strategies.binary(max_size=10))
@pytest_twisted.ensureDeferred
async def test_with_hypothesis(smtp_server, octets):
    assert smtp_server.place.reactor is reactor
    await send_mail(smtp_server.endpoint, "me@example.org", ["you@example.net"], octets)


def test_blocking(smtp_server):
    import smtplib

    with smtplib.SMTP(smtp_server.host, smtp_server.port, timeout=10) as client:
        client.sendmail("me@example.org", ["you@example.net"], b"Hey")
    assert len(smtp_server.messages) == 1
'''

DJANGO = '''
import smtplib
import warnings

import django
import pytest
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives, send_mail
from django.test import override_settings

from txsmtpx import OpenBackend, Session, SMTPError

settings.configure(DEFAULT_FROM_EMAIL="shop@example.org")
django.setup()


def connection():
    """What send_mail() would take."""
    return mail.mailers.default if django.VERSION >= (6, 1) else mail.get_connection()


def test_one_line(smtp_server):
    with override_settings(**smtp_server.django_settings()):
        assert send_mail("Your order", "It is on its way.", None, ["customer@example.net"]) == 1
    (received,) = smtp_server.messages
    assert received.sender == "shop@example.org"
    assert received.message["Subject"] == "Your order"
    assert received.message.get_content() == "It is on its way.\\r\\n"


def test_alternatives(smtp_server):
    with override_settings(**smtp_server.django_settings()):
        message = EmailMultiAlternatives("Hi", "plain", "a@example.org", ["b@example.net"], bcc=["c@example.net"])
        message.attach_alternative("<p>rich</p>", "text/html")
        message.attach("order.txt", "1 hat", "text/plain")
        message.send()
    (received,) = smtp_server.messages
    assert received.recipients == ("b@example.net", "c@example.net")
    assert received.message.get_body(("html",)).get_content().strip() == "<p>rich</p>"
    assert [each.get_filename() for each in received.message.iter_attachments()] == ["order.txt"]
    assert "Bcc" not in received.message


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_over_tls_with_a_login(make_smtp_server, monkeypatch, tls):
    server = make_smtp_server(tls=tls, users={"shop": "secret"})
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate.certificate))
    with override_settings(**server.django_settings()):
        send_mail("Hi", "text", None, ["customer@example.net"])
    assert [(each.protocol, each.username) for each in server.messages] == [("ESMTPSA", "shop")]


def test_one_connection_for_many(smtp_server):
    letters = [EmailMessage(str(number), "text", None, ["customer@example.net"]) for number in range(3)]
    with override_settings(**smtp_server.django_settings()):
        assert connection().send_messages(letters) == 3
    assert [each.message["Subject"] for each in smtp_server.messages] == ["0", "1", "2"]


def test_each_mailer_of_the_project_leads_to_the_server(smtp_server):
    if django.VERSION < (6, 1):
        return
    project = {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    with override_settings(MAILERS={"default": project, "news": project}):
        with override_settings(**smtp_server.django_settings()):
            EmailMessage("Hi", "text", None, ["customer@example.net"]).send(using="news")
            EmailMessage("Hi", "text", None, ["customer@example.net"]).send()
    assert len(smtp_server.messages) == 2


def test_a_project_with_email_settings(smtp_server):
    """The project's own, from which Django 6.1 warns it to migrate, do not get in the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with override_settings(EMAIL_HOST="mail.example.org"), override_settings(**smtp_server.django_settings()):
            warnings.simplefilter("error")
            send_mail("Hi", "text", None, ["customer@example.net"])
            warnings.simplefilter("ignore")
    assert len(smtp_server.messages) == 1


def test_a_server_that_refuses(make_smtp_server):
    class NobodyHere(Session):
        def rcpt(self, recipient, options):
            raise SMTPError(550, (5, 1, 1), "Nobody here")

    server = make_smtp_server(OpenBackend(lambda connection: NobodyHere()))
    with override_settings(**server.django_settings()):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send_mail("Hi", "text", None, ["nobody@example.net"])
'''

SCOPES = '''
import smtplib

import pytest

pytestmark = pytest.mark.smtp_server(max_message_bytes=10)


def send(server, body="Hey"):
    with smtplib.SMTP(server.host, server.port, timeout=10) as client:
        client.sendmail("me@example.org", ["you@example.net"], body)


@pytest.fixture(scope="module")
def secured(smtp_server_factory):
    with smtp_server_factory(lmtp=True) as server:
        yield server


@pytest.fixture(scope="module")
def seen():
    return {}


@pytest.mark.parametrize(("scope", "number"), [("module", 1), ("module", 2), ("session", 1), ("session", 2)])
def test_one_server_and_no_messages_of_others(request, smtp_server_module, seen, scope, number):
    # not by its name as an argument, since the marker would have no effect on the one of the session
    server = smtp_server_module if scope == "module" else request.getfixturevalue("smtp_server_session")
    assert seen.setdefault(scope, server.port) == server.port
    assert server.messages == []
    send(server)
    assert len(server.wait_for()) == 1


def test_options_of_the_module(smtp_server_module):
    with pytest.raises(smtplib.SMTPDataError), smtplib.SMTP(smtp_server_module.host, smtp_server_module.port) as client:
        client.ehlo_or_helo_if_needed()
        client.esmtp_features.clear()
        client.sendmail("me@example.org", ["you@example.net"], "x" * 11)


@pytest.mark.parametrize("number", range(2))
def test_a_fixture_of_mine(secured, seen, number):
    assert len(secured.messages) == seen.setdefault("sent", 0)
    seen["sent"] += 1
    with smtplib.LMTP(secured.host, secured.port) as client:
        client.sendmail("me@example.org", ["you@example.net"], "Hey")
'''

MISTAKES = '''
import pytest


@pytest.mark.smtp_server(tls="startls")
def test_value(smtp_server): ...


@pytest.mark.smtp_server(tlss="starttls")
def test_name(smtp_server): ...


@pytest.mark.smtp_server(users=["me"])
def test_type(smtp_server): ...


@pytest.mark.smtp_server("starttls")
def test_position(smtp_server): ...


@pytest.mark.smtp_server(require_auth=True)
def test_no_users(smtp_server): ...


@pytest.mark.lmtp_server(max_mesage_bytes=10)
def test_setting(lmtp_server): ...


@pytest.mark.lmtp_server(max_message_bytes="10")
def test_type_of_setting(lmtp_server): ...


@pytest.mark.smtp_server(tls="starttls")
def test_marker_of_another_fixture(make_smtp_server): ...


@pytest.mark.smtp_server(tls="starttls")
class TestShared:
    def test_module(self, smtp_server_module): ...

    def test_session(self, smtp_server_session): ...


def test_make(make_smtp_server):
    make_smtp_server(tls="IMPLICT")


def test_certificate(make_smtp_server, smtp_certificate):
    make_smtp_server(certificate=smtp_certificate)


def test_factory(smtp_server_factory):
    smtp_server_factory(user={"me": "secret"})


def test_client(smtp_server, smtp_client):
    smtp_client(smtp_server, timeout=5)


def test_step(scripted_server):
    scripted_server(RCTP="550 5.1.1 No")


def test_reply(scripted_server):
    scripted_server(RCPT="55 5.1.1 No")


def test_verb(scripted_server):
    scripted_server(replies={"rcpt": "550 5.1.1 No"})


def test_scripted_tls(scripted_server):
    scripted_server(tls="starttls")
'''

ASYNCIO = '''
import asyncio

import pytest


async def send(server):
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"EHLO me\\r\\nMAIL FROM:<me@example.org>\\r\\nRCPT TO:<you@example.net>\\r\\nDATA\\r\\n")
    while not (await reader.readline()).startswith(b"354"):
        pass
    writer.write(b"Hey\\r\\n.\\r\\nQUIT\\r\\n")
    await reader.read()
    writer.close()


async def test_without_a_marker(smtp_server):
    await send(smtp_server)
    assert len(await asyncio.to_thread(smtp_server.wait_for)) == 1


@pytest.mark.asyncio
async def test_with_a_marker(smtp_server_session, scripted_server):
    await send(smtp_server_session)
    assert len(smtp_server_session.messages) == 1
    server = scripted_server()
    await send(server)
    assert server.servers[0].messages == [b"Hey\\r\\n"]
'''
