"""The how-to page on an MX: its ten lines with the real programs, what they reject and add, and how long it takes."""

from __future__ import annotations

import contextlib
import email
import re
import shutil
import smtplib
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

import dkim
import pytest
from twisted.internet.threads import deferToThread
from twisted.names import dns

from tests.docs.page import Page
from tests.docs.telnet import alike
from tests.interop import clamd, milter_programs, policy_servers, servers
from tests.interop.conftest import certificate, need, room  # noqa: F401  # fixtures
from tests.interop.filtered import letter
from tests.interop.milter_page import OPENDKIM_KEY, OPENDKIM_VERIFIES
from tests.interop.milter_programs import EICAR, GTUBE
from tests.interop.process import Running
from tests.interop.smtpx import smtpx
from tests.maildir import stored
from tests.name_server import NameServer
from tests.ports import free_port
from tests.waiting import PATIENCE, eventually
from tests.wire.twistd import run
from txsmtpx.testing import Pem, issue

pytestmark = pytest.mark.system

PAGE = Page("docs/howto/mx.md")
CONFIGURATION = PAGE.take("toml").text
RSPAMD_HEADERS = PAGE.take("ini").text
CHECK = PAGE.take("text").text
COMMAND = PAGE.take("shell", "--uid").text

NAME_SERVER = "127.53.19.8"
"""An address of the loopback interface, since resolv.conf has no ports."""

CLIENT = "192.0.2.7"
"""The address of the client, by XCLIENT."""

SPF = {"example.org": f"v=spf1 ip4:{CLIENT} -all", "forged.example": "v=spf1 -all", "strict.example": "v=spf1 ?all"}
DMARC = "_dmarc.example.org v=DMARC1; p=reject\n_dmarc.strict.example v=DMARC1; p=reject\n"

NEEDED = ("policyd-spf", "opendkim", "opendmarc", "rspamd", "clamd", "dovecot")

Room = Callable[[str], Path]


@dataclass
class MX:
    """The server of the page, and the programs that it asks."""

    port: int
    maildir: Path
    server: Running
    checked: str
    stop_clamd: Callable[[], object]

    def send(self, message: bytes, sender: str = "me@example.org", recipient: str = "alice@example.org") -> None:
        """Send a message, as a client of another network does."""
        with self.client() as client:
            client.sendmail(sender, [recipient], message)

    def client(self) -> smtplib.SMTP:
        client = smtplib.SMTP("127.0.0.1", self.port, timeout=PATIENCE)
        client.ehlo()
        assert client.docmd("XCLIENT", f"ADDR={CLIENT}")[0] == 220
        client.ehlo("client.example")
        return client

    def refusal(self, message: bytes, sender: str = "me@example.org", recipient: str = "alice@example.org") -> str:
        """The reply to a message that is rejected."""
        with self.client() as client:
            for step, argument in ((client.mail, sender), (client.rcpt, recipient), (client.data, message)):
                code, text = step(argument)
                if code >= 400:
                    return f"{code} {text.decode()}"
        raise AssertionError("the message was accepted")

    def delivered(self) -> Message:
        """The newest message of the recipient."""
        return email.message_from_bytes(eventually(lambda: stored(self.maildir), lambda: self.server.end)[-1])


@contextlib.contextmanager
def mx(room: Room, certificate: Pem, text_record: str) -> Iterator[MX]:  # noqa: F811
    """Start the programs, then the server of the page, with the sockets of the test in its configuration."""
    with contextlib.ExitStack() as stack:
        directory, port = room("mx"), free_port()
        (directory / "certificates").mkdir()
        shutil.copy(issue(directory, "mx.example.org", "mx.example.org").both, directory / "certificates")
        spf = stack.enter_context(policy_servers.policyd_spf(room("mx-spf"), NAME_SERVER))
        key = f"2026._domainkey.example.org {text_record}\n"
        signed = stack.enter_context(milter_programs.opendkim(room("mx-dkim"), OPENDKIM_VERIFIES, key))
        aligned = stack.enter_context(milter_programs.opendmarc(room("mx-dmarc"), DMARC))
        rspamd_directory = room("mx-rspamd")
        files = {
            "milter_headers.conf": RSPAMD_HEADERS,
            "greylist.conf": "enabled = false;\n",
            "options.inc": f'disable_monitoring = true;\nurl_tld = "{rspamd_directory}/domains";\n'
            f'dns {{ nameserver = ["{NAME_SERVER}"]; }}\n',  # which answers at once
        }
        rspamd = stack.enter_context(milter_programs.rspamd(rspamd_directory, files))
        clamd_alone = stack.enter_context(contextlib.ExitStack())
        scanner = clamd_alone.enter_context(clamd.clamd(room("mx-clamd")))
        dovecot = stack.enter_context(servers.dovecot(room("mx-dovecot"), certificate))
        text = CONFIGURATION
        for printed, here in {
            "/etc/txsmtpx/certificates": directory / "certificates",
            "/run/dovecot/lmtp": dovecot.socket,
            "/run/policyd-spf.sock": spf,
            "/run/opendkim/opendkim.sock": signed,
            "/run/opendmarc/opendmarc.sock": aligned,
            "/run/rspamd/milter.sock": rspamd,
            '"clamd name': f'"clamd:unix:{scanner.socket} name',
            "port = 25": f'port = "tcp:{port}:interface=127.0.0.1"',
        }.items():
            assert text.count(printed) == 1, printed
            text = text.replace(printed, str(here))
        (directory / "mx.toml").write_text(text)
        checked = run(directory, "--config", "mx.toml", "--check")
        assert checked.returncode == 0, checked.stderr
        options = ["--config", "mx.toml", "--trusted-network", "127.0.0.1"]
        server = stack.enter_context(smtpx(directory, port, *options))
        yield MX(port, dovecot.maildir, server, checked.stdout, clamd_alone.close)


def test_there_are_ten_lines() -> None:
    assert CONFIGURATION.count("\n") == 10
    assert "smtpx --config mx.toml" in COMMAND


@pytest.fixture(scope="module")
def key(room: Room) -> Path:  # noqa: F811
    """The directory with the key of example.org."""
    need("opendkim")
    directory = room("mx-key")
    subprocess.run(OPENDKIM_KEY.split(), cwd=directory, check=True)
    return directory


@pytest.mark.time_limit(180)
async def test_the_page(room: Room, certificate: Pem, key: Path) -> None:  # noqa: F811
    for program in NEEDED:
        need(program)
    names = NameServer(NAME_SERVER, 53, TXT={name: [dns.Record_TXT(text.encode())] for name, text in SPF.items()})
    try:
        await deferToThread(follow, room, certificate, key)
    finally:
        await names.stop()


def follow(room: Room, certificate: Pem, key: Path) -> None:  # noqa: F811
    with mx(room, certificate, record(key)) as server:
        check_what_is_printed(server)
        check_what_is_accepted(server, key)
        check_what_is_rejected(server)
        measure(server, key)
        check_a_program_that_is_down(server)


def record(key: Path) -> str:
    """The TXT record of the key."""
    return "".join(re.findall(r'"([^"]*)"', (key / "2026.txt").read_text()))


def signed(message: bytes, key: Path) -> bytes:
    return bytes(dkim.sign(message, b"2026", b"example.org", (key / "2026.private").read_bytes())) + message


def check_what_is_printed(server: MX) -> None:
    """The lines of the page, between dots; the port and the sockets are others."""
    command, *lines = CHECK.replace("tcp:25 ", f"tcp:{server.port}:interface=127.0.0.1 ").splitlines()
    assert command == "$ twistd smtpx --config mx.toml --check"
    shown = "\n".join("..." if line.strip() == "..." else line for line in lines) + "\n"
    assert alike(shown, server.checked), server.checked


def check_what_is_accepted(server: MX, key: Path) -> None:
    server.send(signed(letter(), key))
    found = server.delivered()
    assert re.match(r"pass ", str(found["Received-SPF"]), re.IGNORECASE)
    results = re.sub(r"\s+", " ", " ".join(found.get_all("Authentication-Results")))
    assert "mx.example.org; dkim=pass " in results
    assert "mx.example.org; dmarc=pass " in results
    assert found["X-Spamd-Result"] is not None
    octets = stored(server.maildir)[-1].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert dkim.verify(octets, dnsfunc=lambda name, timeout=5: record(key).encode())  # what was signed is unchanged
    (line,) = server.server.logged(r"(?m)^.* from=<me@example\.org> .*$")[0].splitlines()
    assert "policy=PREPEND" in line
    assert "virus=none" in line


def check_what_is_rejected(server: MX) -> None:
    assert server.refusal(letter(sender=b"me@forged.example"), "me@forged.example").startswith("550 5.7.23 ")
    strict = "550 5.7.1 rejected by DMARC policy for strict.example"
    assert server.refusal(letter(sender=b"me@strict.example"), "me@strict.example") == strict
    assert server.refusal(letter(body=GTUBE + b"\r\n")) == "554 5.7.1 Gtube pattern"
    assert server.refusal(letter(body=EICAR + b"\r\n")).startswith("550 5.7.1 Message rejected, since it has a virus: ")
    assert server.refusal(letter(), recipient="bob@elsewhere.example").startswith("550 5.7.1 ")
    assert server.refusal(letter(), recipient="nobody@example.org").startswith("550 ")
    assert len(stored(server.maildir)) == 1


def measure(server: MX, key: Path) -> None:
    """How long a message takes, and how many pass in a second; the page has the figures."""
    message = signed(letter(body=b"At noon?\r\n" * 100), key)
    began = time.monotonic()
    for _ in range(10):
        server.send(message)
    one = (time.monotonic() - began) / 10
    began = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        [*pool.map(lambda _: server.send(message), range(100))]
    rate = 100 / (time.monotonic() - began)
    print(f"a message takes {one * 1000:.0f} ms, and {rate:.0f} messages pass in a second with ten clients")
    assert one < PATIENCE / 10
    assert len(stored(server.maildir)) == 111


def check_a_program_that_is_down(server: MX) -> None:
    server.stop_clamd()
    assert server.refusal(letter()).startswith("451 4.7.1 ")
    server.server.logged(r"filter viruses failed at ")
