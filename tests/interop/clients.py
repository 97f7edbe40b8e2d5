"""The mail clients: for each, the command that sends one message from its standard input."""

from __future__ import annotations

import enum
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.interop.peers import NODE_MODULES, program
from tests.waiting import PATIENCE

USER, PASSWORD = "alice", "wonderland"
SENDER = "sender@client.test"


class Security(enum.Enum):
    """How a client protects the connection; on a protected one it logs in."""

    PLAIN = "plain"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


@dataclass(frozen=True)
class Submission:
    """
    Where one message goes, and how.

    Attributes:
        trust: PEM file of the certificate to trust.
    """

    port: int
    security: Security
    trust: Path
    recipient: str

    @property
    def login(self) -> bool:
        """Whether the client is to use AUTH."""
        return self.security is not Security.PLAIN

    def arguments(self) -> list[str]:
        """For the scripts below."""
        return [str(self.port), self.security.value, str(self.trust), SENDER, self.recipient, USER, PASSWORD]


def swaks(to: Submission) -> list[str]:
    """Swaks, a Perl program for testing mail servers; here with AUTH LOGIN."""
    tls = {Security.PLAIN: [], Security.STARTTLS: ["--tls"], Security.IMPLICIT: ["--tls-on-connect"]}[to.security]
    command = [program("swaks"), "--server", f"localhost:{to.port}", "--from", SENDER, "--to", to.recipient, *tls]
    if to.login:
        command += ["--tls-verify", "--tls-ca-path", str(to.trust)]
        command += ["--auth", "LOGIN", "--auth-user", USER, "--auth-password", PASSWORD]
    return [*command, "--data", "-"]


def curl(to: Submission) -> list[str]:
    """curl."""
    scheme = "smtps" if to.security is Security.IMPLICIT else "smtp"
    command = [program("curl"), "--silent", "--show-error", "--url", f"{scheme}://localhost:{to.port}"]
    command += ["--mail-from", SENDER, "--mail-rcpt", to.recipient, "--upload-file", "-"]
    if to.login:
        command += ["--ssl-reqd", "--cacert", str(to.trust), "--user", f"{USER}:{PASSWORD}", "--mail-auth", SENDER]
    return command


def msmtp(to: Submission) -> list[str]:
    """msmtp, a sendmail for machines without a mail server."""
    command = [program("msmtp"), "--host=localhost", f"--port={to.port}", f"--from={SENDER}"]
    if to.login:
        starttls = "on" if to.security is Security.STARTTLS else "off"
        command += ["--tls=on", f"--tls-starttls={starttls}", f"--tls-trust-file={to.trust}"]
        command += ["--auth=plain", f"--user={USER}", f"--passwordeval=echo {PASSWORD}"]
    return [*command, "--", to.recipient]


_SMTPLIB = """\
import smtplib, ssl, sys
port, security, trust, sender, recipient, user, password = sys.argv[1:]
context = ssl.create_default_context(cafile=trust)
if security == "implicit":
    client = smtplib.SMTP_SSL("localhost", int(port), context=context)
else:
    client = smtplib.SMTP("localhost", int(port))
with client:
    if security == "starttls":
        client.starttls(context=context)
    if security != "plain":
        client.login(user, password)
    client.sendmail(sender, [recipient], sys.stdin.buffer.read(), mail_options=["BODY=8BITMIME"])
"""


def smtplib(to: Submission) -> list[str]:
    """Python's own."""
    return [sys.executable, "-c", _SMTPLIB, *to.arguments()]


_AIOSMTPLIB = """\
import aiosmtplib, asyncio, ssl, sys
port, security, trust, sender, recipient, user, password = sys.argv[1:]
login = {} if security == "plain" else {"username": user, "password": password}
asyncio.run(aiosmtplib.send(
    sys.stdin.buffer.read(), sender=sender, recipients=[recipient], hostname="localhost", port=int(port),
    use_tls=security == "implicit", start_tls=security == "starttls",
    tls_context=ssl.create_default_context(cafile=trust), **login,
))
"""


def aiosmtplib(to: Submission) -> list[str]:
    """Python's most used client for asyncio."""
    return [sys.executable, "-c", _AIOSMTPLIB, *to.arguments()]


_TWISTED = """\
import io, os, sys
from twisted.internet.task import react
from twisted.mail.smtp import sendmail
port, _, trust, sender, recipient, user, password = sys.argv[1:]
os.environ["SSL_CERT_FILE"] = trust
message = io.BytesIO(sys.stdin.buffer.read())
react(lambda reactor: sendmail("localhost", sender, [recipient], message, port=int(port), username=user,
                               password=password))
"""


def twisted(to: Submission) -> list[str]:
    """twisted.mail, which logs in within STARTTLS; it writes CR CR LF where the message has CRLF already."""
    return [sys.executable, "-c", _TWISTED, *to.arguments()]


_NODEMAILER = """\
const [port, security, trust, from, to, user, pass] = process.argv.slice(1);
const fs = require("fs");
require("nodemailer").createTransport({
  host: "localhost", port: Number(port), secure: security === "implicit", ignoreTLS: security === "plain",
  requireTLS: security === "starttls", tls: {ca: fs.readFileSync(trust)},
  auth: security === "plain" ? undefined : {user, pass},
}).sendMail({envelope: {from, to}, raw: fs.readFileSync(0)});
"""


def nodemailer(to: Submission) -> list[str]:
    """Node's most used client."""
    return [program("node"), "-e", _NODEMAILER, *to.arguments()]


CLIENTS: dict[str, Callable[[Submission], list[str]]] = {
    client.__name__: client for client in (swaks, curl, msmtp, smtplib, aiosmtplib, nodemailer)
}

LAX: dict[str, Callable[[Submission], list[str]]] = {twisted.__name__: twisted}
"""Clients that break a rule of RFC 5321, and do not choose their security."""


def submit(client: str, to: Submission, message: bytes) -> None:
    """
    Send ``message`` with ``client``.

    Raises:
        AssertionError: It says that this has failed.
    """
    with tempfile.TemporaryDirectory() as home:  # without anybody's .msmtprc, .swaksrc, .netrc
        done = subprocess.run(
            (CLIENTS | LAX)[client](to),
            # Swaks puts a line end of its own after what it is given.
            input=message.removesuffix(b"\r\n") if client == "swaks" else message,
            capture_output=True,
            timeout=PATIENCE,
            env={"HOME": home, "PATH": os.environ["PATH"], "NODE_PATH": str(NODE_MODULES), "LC_ALL": "C.UTF-8"},
        )
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, f"{client} has failed:\n{said}"
