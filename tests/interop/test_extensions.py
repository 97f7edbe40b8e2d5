"""Extensions with those who speak them: DSN with Postfix and msmtp, PRDR with Exim, both ways."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.interop.clients import SENDER, USER
from tests.interop.conftest import OurDSNServer, need
from tests.interop.peers import NODE_MODULES, program
from tests.interop.receivers import DOMAIN, PICKY, Receiver
from tests.interop.servers import Postfix, Server
from tests.interop.test_relays import hand_over
from tests.maildir import stored
from tests.waiting import PATIENCE, eventually
from txsmtpx import MailOptions, RcptOptions, SMTPClient, SMTPError, connect
from txsmtpx.grammar.option_value import OriginalRecipient

BODIES = {"small": b"Subject: Hello\r\n\r\nHello\r\n", "large": b"Subject: Hello\r\n\r\n" + b"Hello\r\n" * 30000}


async def connected(port: int, *without: str) -> SMTPClient:
    client = await connect(f"tcp:127.0.0.1:{port}", tls="none")
    for keyword in without:
        client.extensions.pop(keyword)
    return client


# DSN


async def test_postfix_notifies(postfix_receiver: Receiver) -> None:
    """Its report names what we gave it, decoded and encoded again."""
    client = await connected(postfix_receiver.port)
    assert "DSN" in client.extensions
    options = MailOptions(envid="order+1=a", ret="HDRS")
    original = OriginalRecipient("rfc822", "first+choice=x@client.test")
    asked = RcptOptions(notify=frozenset({"SUCCESS"}), orcpt=original)
    body = b"Subject: Notify me\r\n\r\nNot in the report\r\n"
    await client.send(f"{USER}@{DOMAIN}", [(f"bob@{DOMAIN}", asked)], body, options)
    await client.quit()

    def reports() -> list[bytes]:
        return [each for each in stored(postfix_receiver.mail / USER) if b"Original-Envelope-Id: order+1=a" in each]

    (report,) = eventually(reports, lambda: postfix_receiver.program.end)
    report = report.replace(b"+2B", b"+").replace(b"+3D", b"=")  # in xtext, or not
    assert b"\nOriginal-Recipient: rfc822;first+choice=x@client.test" in report
    assert b"\nAction: delivered" in report
    assert b"Subject: Notify me" in report
    assert b"Not in the report" not in report


async def test_postfix_passes_it_on_to_us(postfix: Postfix, our_dsn_server: OurDSNServer) -> None:
    client = await connected(postfix.port)
    asked = RcptOptions(notify=frozenset({"FAILURE", "DELAY"}), orcpt=OriginalRecipient("rfc822", "a+b@client.test"))
    options = MailOptions(envid="e=1", ret="FULL")
    await client.send(SENDER, [("postfix@dsn.test", asked)], BODIES["small"], options)
    await client.quit()
    our_dsn_server.program.logged(rf"MAIL FROM:<{SENDER}> .*ENVID=e\+3D1 RET=FULL")
    our_dsn_server.program.logged(
        r"RCPT TO:<postfix@dsn.test> ORCPT=rfc822;a\+2Bb@client.test NOTIFY=FAILURE,DELAY"
    )
    postfix.logged(r"to=<postfix@dsn.test>.* status=sent ")


async def test_exim_passes_it_on_to_us(exim: Server, our_dsn_server: OurDSNServer) -> None:
    client = await connected(exim.port)
    asked = RcptOptions(notify=frozenset({"FAILURE", "DELAY"}), orcpt=OriginalRecipient("rfc822", "a+b@client.test"))
    options = MailOptions(envid="e=2", ret="HDRS")
    await client.send(SENDER, [("bob@exim.dsn.test", asked)], BODIES["small"], options)
    await client.quit()
    our_dsn_server.program.logged(rf"MAIL FROM:<{SENDER}> .*RET=HDRS ENVID=e\+3D2")
    our_dsn_server.program.logged(
        r"RCPT TO:<bob@exim.dsn.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a\+2Bb@client.test"
    )
    exim.logged(r"=> bob@exim\.dsn\.test .*250 2\.0\.0 ")


_NODEMAILER = """\
const [port, from] = process.argv.slice(1);
require("nodemailer").createTransport({host: "127.0.0.1", port: Number(port), ignoreTLS: true}).sendMail({
  envelope: {from, to: "nodemailer@dsn.test"}, raw: "Subject: Hello\\r\\n\\r\\nHello\\r\\n",
  dsn: {id: "n+1", return: "full", notify: ["failure", "delay"], recipient: "a+b@client.test"},
});
"""


def test_nodemailer_asks_us(our_dsn_server: OurDSNServer) -> None:
    need("nodemailer")
    environment = {"PATH": os.environ["PATH"], "NODE_PATH": str(NODE_MODULES)}
    command = [program("node"), "-e", _NODEMAILER, str(our_dsn_server.port), SENDER]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, env=environment)
    assert done.returncode == 0, done.stderr
    our_dsn_server.program.logged(rf"MAIL FROM:<{SENDER}> RET=FULL ENVID=n\+2B1")
    our_dsn_server.program.logged(
        r"RCPT TO:<nodemailer@dsn.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a\+2Bb@client.test"
    )


def test_msmtp_asks_us(our_dsn_server: OurDSNServer, tmp_path: Path) -> None:
    need("msmtp")
    command = [program("msmtp"), "--host=127.0.0.1", f"--port={our_dsn_server.port}", f"--from={SENDER}"]
    command += ["--dsn-notify=success,failure", "--dsn-return=hdrs", "--", "msmtp@dsn.test"]
    done = subprocess.run(
        command, input=BODIES["small"], capture_output=True, timeout=PATIENCE, env={"HOME": str(tmp_path)}
    )
    assert done.returncode == 0, done.stderr
    our_dsn_server.program.logged(rf"MAIL FROM:<{SENDER}> .*RET=HDRS")
    our_dsn_server.program.logged(r"(?i)RCPT TO:<msmtp@dsn.test> NOTIFY=SUCCESS,FAILURE")


# PRDR


@pytest.mark.parametrize("without", [(), ("CHUNKING",), ("CHUNKING", "PIPELINING")],
                         ids=["BDAT", "DATA", "step by step"])  # fmt: skip
@pytest.mark.parametrize("size", BODIES)
async def test_exim_refuses_for_one(size: str, without: tuple[str, ...], exim_receiver: Receiver) -> None:
    client = await connected(exim_receiver.port, *without)
    assert "PRDR" in client.extensions
    recipients = [f"{user}@{DOMAIN}" for user in ("bob", PICKY, "carol")]
    body = BODIES[size] + f"{size} {'-'.join(without)} for some\r\n".encode()
    result = await client.send(SENDER, recipients, body)
    assert [(recipient, reply.code) for recipient, reply in result.accepted] == [
        (recipients[0], 250), (recipients[2], 250),
    ]  # fmt: skip
    ((refused, error),) = result.refused
    assert (refused, error.code) == (recipients[1], 550)
    assert "Not to me" in str(error)
    exim_receiver.stored("carol", body)
    assert not stored(exim_receiver.mail / PICKY)
    with pytest.raises(SMTPError, match="550"):
        await client.send(SENDER, [recipients[1]] * 2, body)
    result = await client.send(SENDER, recipients[:1], body)
    assert result.accepted
    await client.quit()


def test_exim_hears_what_we_say_of_each_recipient(exim: Server) -> None:
    domain = "exim.refusing.test"
    hand_over(exim, *(f"{user}@{domain}" for user in ("alice", "full", "busy", "bob")))
    for user in ("alice", "bob"):
        exim.logged(rf"[=-]> {user}@{re.escape(domain)} .*PRDR.*250 2\.0\.0 ")
    exim.logged(rf"\*\* full@{re.escape(domain)} .*552 5\.2\.2 .*The mailbox is full")
    exim.logged(rf"== busy@{re.escape(domain)} .*451 4\.2\.1 .*The mailbox is locked")
