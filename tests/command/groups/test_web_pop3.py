"""The option of the POP3 port.  ``errors.txt`` has the errors."""

from __future__ import annotations

from tests.command.parsing import parsed
from txsmtpx.inbox.pop3_factory import Pop3Factory


def test_a_port():
    process = parsed("--web", "8025", "--web-pop3", "1110", "--web-auth", "memory:me:secret").process
    (service,) = process.services
    (web, _), (port, listening) = process.sites
    assert (web.option, port.option, port.description) == ("web", "web-pop3", "tcp:1110:interface=127.0.0.1")
    assert isinstance(listening.factory, Pop3Factory)
    assert listening.factory.inbox is service.inbox
    assert listening.endpoint is port
    assert listening.factory.logins.refusal("192.0.2.1", True) == ""


def test_there_is_none_by_default():
    process = parsed("--web", "8025").process
    assert [port.option for port, _ in process.sites] == ["web"]


def test_the_certificate_of_the_mail_server():
    process = parsed("--web", "8025", "--web-pop3", "1110", "--tls-self-signed").process
    assert process.sites[1][1].factory.certificate is process.listeners[0].certificate is not None
