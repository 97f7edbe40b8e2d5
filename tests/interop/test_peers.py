"""The other servers by themselves: when something fails between us and them, it is good to know that they work."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from pathlib import Path

from tests.interop import servers
from tests.interop.conftest import need
from tests.interop.messages import message
from tests.maildir import stored
from tests.waiting import eventually
from txsmtpx.testing import Pem

SENDER = "sender@client.test"
Room = Callable[[str], Path]


def test_postfix_delivers(postfix: servers.Postfix) -> None:
    with smtplib.SMTP("127.0.0.1", postfix.port) as client:
        client.sendmail(SENDER, f"alice@{servers.DOMAIN}", message("alice"))
    eventually(lambda: list(postfix.maildir.glob("*/new/*")), lambda: postfix.end)


def test_exim_delivers(exim: servers.Server) -> None:
    with smtplib.SMTP("127.0.0.1", exim.port) as client:
        client.sendmail(SENDER, f"alice@{servers.DOMAIN}", message("alice"))
    eventually(lambda: stored(exim.maildir), lambda: exim.end)


def test_dovecot_answers_for_each_recipient(room: Room, certificate: Pem) -> None:
    need("dovecot")
    with servers.dovecot(room("dovecot"), certificate) as dovecot:
        for address in (("127.0.0.1", dovecot.port), (str(dovecot.socket), 0)):
            with smtplib.LMTP(*address) as client:
                client.ehlo()
                client.mail(SENDER)
                users = ("alice", "unknown", "full")
                assert [client.rcpt(f"{user}@{servers.DOMAIN}")[0] for user in users] == [250, 550, 250]
                client.docmd("DATA")
                client.send(b"Subject: Hello\r\n\r\nHello\r\n.\r\n")
                assert [client.getreply()[0] for _ in range(2)] == [250, 552]
        assert len(stored(dovecot.maildir)) == 2


def test_smtp_sink_misbehaves(room: Room) -> None:
    need("smtp-sink")
    with servers.smtp_sink(room("smtp-sink"), "-f", "rcpt") as (_, port), smtplib.SMTP("127.0.0.1", port) as client:
        client.mail(SENDER)
        assert client.rcpt("alice@example.test")[0] // 100 in {4, 5}
