"""Relays, and a proxy, deliver to ``twistd smtpx``: over SMTP and LMTP, with BDAT, behind a PROXY header."""

from __future__ import annotations

import re
import smtplib
import ssl
from email.message import Message
from pathlib import Path

import pytest

from tests.interop.clients import SENDER
from tests.interop.conftest import OurLMTPServer, OurServer
from tests.interop.messages import message
from tests.interop.servers import Postfix, Server
from tests.interop.smtpx import delivered
from txsmtpx.testing import Pem

# An address of this machine that only the client behind the proxy has.
CLIENT_ADDRESS = "127.0.0.2"


def hand_over(relay: Server, *recipients: str, octets: bytes = b"Subject: Hello\r\n\r\nHello\r\n") -> None:
    with smtplib.SMTP("127.0.0.1", relay.port) as client:
        assert client.sendmail(SENDER, recipients, octets, mail_options=["BODY=8BITMIME"]) == {}


def protocol_of(trace: Message) -> str:
    """The word behind "with", in our own Received header, which is above that of the relay."""
    match = re.search(r"by mx\.example\.test .* with (\S+)", trace.get_all("Received", [])[0])
    assert match
    return match[1]


def test_postfix_by_smtp(postfix: Postfix, our_server: OurServer) -> None:
    sent = message("alice@smtp.test")
    hand_over(postfix, "alice@smtp.test", octets=sent)
    trace = delivered(our_server.maildirs / "smtp.test/alice", sent)
    assert protocol_of(trace) == "ESMTPS"


@pytest.mark.parametrize("domain", ["lmtp-tcp.test", "lmtp-unix.test"])
def test_postfix_by_lmtp(domain: str, postfix: Postfix, our_lmtp_server: OurLMTPServer) -> None:
    sent = message(f"alice@{domain}")
    hand_over(postfix, f"alice@{domain}", f"bob@{domain}", octets=sent)
    for user in ("alice", "bob"):
        trace = delivered(our_lmtp_server.maildirs / domain / user, sent)
        assert trace["Delivered-To"] == f"{user}@{domain}"
        assert protocol_of(trace) == "LMTP"


@pytest.mark.parametrize("domain", ["lmtp-tcp.refusing.test", "lmtp-unix.refusing.test"])
def test_postfix_sees_what_lmtp_says_of_each_recipient(domain: str, postfix: Postfix) -> None:
    hand_over(postfix, *(f"{user}@{domain}" for user in ("unknown", "alice", "full", "greylisted", "busy", "bob")))
    postfix.logged(rf"to=<alice@{domain}>.* status=sent \(250 2\.0\.0 ")
    postfix.logged(rf"to=<bob@{domain}>.* status=sent \(250 2\.0\.0 ")
    postfix.logged(rf"to=<unknown@{domain}>.* dsn=5\.1\.1, status=bounced .*550 5\.1\.1 No such mailbox here")
    postfix.logged(rf"to=<full@{domain}>.* dsn=5\.2\.2, status=bounced .*552 5\.2\.2 .*The mailbox is full")
    postfix.logged(rf"to=<greylisted@{domain}>.* status=deferred .*451 4\.7\.1 Come back later")
    postfix.logged(rf"to=<busy@{domain}>.* status=deferred .*451 4\.2\.1 .*The mailbox is locked")
    queued = {recipient: why for recipient, why in postfix.queue().items() if recipient.endswith(f"@{domain}")}
    assert queued.keys() == {f"greylisted@{domain}", f"busy@{domain}"}
    assert "The mailbox is locked" in queued[f"busy@{domain}"]


def test_postfix_sees_what_smtp_says_of_all(postfix: Postfix) -> None:
    """SMTP has one answer after the data: the first failure, by default."""
    domain = "smtp.refusing.test"
    hand_over(postfix, *(f"{user}@{domain}" for user in ("unknown", "alice", "busy", "full")))
    postfix.logged(rf"to=<unknown@{domain}>.* status=bounced .*550 5\.1\.1 No such mailbox here .*RCPT TO")
    for user in ("alice", "busy", "full"):
        postfix.logged(rf"to=<{user}@{domain}>.* status=deferred .*451 4\.2\.1 The mailbox is locked .*end of DATA")
        assert f"{user}@{domain}" in postfix.queue()


def test_exim_by_bdat(exim: Server, our_server: OurServer) -> None:
    sent = message("alice@exim.test")
    hand_over(exim, "alice@exim.test", octets=sent)
    trace = delivered(our_server.maildirs / "exim.test/alice", sent)
    assert protocol_of(trace) == "ESMTPS"
    queue_id = re.search(r"id (\S+)", trace["Received"])
    assert queue_id
    session = our_server.program.logged(rf"(\S+) S: 250 .*{queue_id[1]}")
    assert re.search(rf"{session[1]} C: BDAT \d+ LAST", our_server.program.text)


@pytest.mark.parametrize("header", ["v1", "v2", "v2_tls"])
def test_behind_haproxy(
    header: str, haproxy: dict[str, int], our_server: OurServer, certificate: Pem
) -> None:
    recipient = f"{header}@haproxy.test"
    sent = message(recipient)
    with _behind_proxy(haproxy[header], header, certificate.certificate) as client:
        client.sendmail(SENDER, recipient, sent, mail_options=["BODY=8BITMIME"])
    trace = delivered(our_server.maildirs / f"haproxy.test/{header}", sent)
    assert f"([{CLIENT_ADDRESS}])" in trace["Received"]


def _behind_proxy(port: int, header: str, trust: Path) -> smtplib.SMTP:
    source = (CLIENT_ADDRESS, 0)
    if header == "v2_tls":
        context = ssl.create_default_context(cafile=trust)
        return smtplib.SMTP_SSL("localhost", port, context=context, source_address=source)
    return smtplib.SMTP("localhost", port, source_address=source)
