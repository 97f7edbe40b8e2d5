"""
The relay between real programs: swaks, ``twistd smtpx --backend relay:...``, Postfix; Postfix, ``... lmtp:...``,
Dovecot.

What goes through it is neither kept in memory nor on disk, and whoever sends learns each recipient's fate from the
server that decides it.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import smtplib
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop import receivers, servers
from tests.interop.clients import PASSWORD, SENDER, USER
from tests.interop.conftest import need
from tests.interop.messages import message
from tests.interop.peers import program
from tests.interop.process import Running
from tests.interop.receivers import DOMAIN, OVER_QUOTA, LMTPReceiver, Receiver
from tests.interop.smtpx import smtpx
from tests.maildir import stored
from tests.ports import free_port
from tests.waiting import PATIENCE
from txsmtpx.testing import Pem

LMTP_DOMAIN = "lmtp.test"

MEGABYTE = 1024 * 1024
HUGE = 100 * MEGABYTE

MAY_GROW = 32 * MEGABYTE
"""Octets of memory: what the relay may need for a message of any size."""

MAY_WRITE = MEGABYTE
"""Octets of a file: its log is one."""

Room = Callable[[str], Path]


@dataclass
class Relay:
    """Ours, between two others."""

    program: Running
    port: int

    def forget_peak(self) -> None:
        """What `memory` is from now on the most of."""
        Path(f"/proc/{self.program.process.pid}/clear_refs").write_text("5")

    @property
    def memory(self) -> int:
        """The most octets of memory that it has had."""
        status = Path(f"/proc/{self.program.process.pid}/status").read_text()
        (peak,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        return int(peak) * 1024


@contextlib.contextmanager
def relay(directory: Path, backend: str, *options: str, domain: str = DOMAIN) -> Iterator[Relay]:
    """``twistd smtpx``, which can write no file that is larger than a little."""
    port = free_port()
    options = (f"--port=tcp:{port}:interface=127.0.0.1", "--max-message-bytes=0", f"--backend={backend}", *options)
    with smtpx(directory, port, f"--relay-domain={domain}", *options) as process:
        resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (MAY_WRITE, MAY_WRITE))
        yield Relay(process, port)


@contextlib.contextmanager
def only_streaming(relay: Relay) -> Iterator[None]:
    """Meanwhile it needs little memory, however much comes."""
    relay.forget_peak()
    before = relay.memory
    yield
    grown = relay.memory - before
    assert grown < MAY_GROW, f"it has grown by {grown / MEGABYTE:.1f} MiB"
    assert relay.program.process.poll() is None


def huge(label: str) -> bytes:
    """Almost no two lines of it are the same."""
    beginning = message(f"{label}@client.test")
    count = HUGE // 100
    return beginning + b"".join(b".%098d\r\n" % number for number in range(count))


def swaks(port: int, octets: bytes, *recipients: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
    """Send by swaks; its exit status, and what was said to it."""
    command = [program("swaks"), "--server", f"127.0.0.1:{port}", "--from", SENDER, "--to", ",".join(recipients)]
    command += ["--data", "-", "--suppress-data", *options]
    octets = octets.removesuffix(b"\r\n")  # for it puts one of its own there
    home = {"HOME": "/nonexistent"}  # without anybody's .swaksrc
    done = subprocess.run(command, input=octets, capture_output=True, timeout=60, env=os.environ | home)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


# SMTP: swaks, ours, Postfix


@pytest.fixture(scope="module")
def big_postfix(room: Room, certificate: Pem) -> Iterator[Receiver]:
    """It takes messages of any size."""
    need("postfix-sasl")
    with receivers.postfix(room("relay-postfix"), certificate, 0) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def to_postfix(room: Room, big_postfix: Receiver) -> Iterator[Relay]:
    need("swaks")
    with relay(room("relay-to-postfix"), f"relay:tcp:127.0.0.1:{big_postfix.port}") as running:
        yield running


def test_each_recipient_of_swaks_is_answered_by_postfix(to_postfix: Relay, big_postfix: Receiver) -> None:
    sent = message("relay-mixed@client.test")
    recipients = [f"alice@{DOMAIN}", f"nobody@{DOMAIN}", "somebody@elsewhere.test", f"bob@{DOMAIN}"]
    _, said = swaks(to_postfix.port, sent, *recipients)
    answers = re.findall(r"RCPT TO:<(\S+)>\n<(?:-|\*\*) +(\d+ \S+)", said)
    assert answers == [
        (f"alice@{DOMAIN}", "250 2.1.5"),
        (f"nobody@{DOMAIN}", "550 5.1.1"),  # by Postfix
        ("somebody@elsewhere.test", "550 5.7.1"),  # by us
        (f"bob@{DOMAIN}", "250 2.1.5"),
    ]
    assert f"nobody@{DOMAIN}>: Recipient address rejected: User unknown" in said
    queued = re.search(r"250 2\.0\.0 Ok: .*queued as (\w+)", said)
    assert queued
    big_postfix.program.logged(rf"{queued[1]}: .*nrcpt=2 ")
    for user in ("alice", "bob"):
        trace = big_postfix.stored(user, sent).decode()
        assert re.search(r"Received: from .*\n\s+by mx\.example\.test ", trace)


def test_a_huge_message_goes_through_to_postfix(to_postfix: Relay, big_postfix: Receiver) -> None:
    swaks(to_postfix.port, message("relay-before@client.test"), f"alice@{DOMAIN}")
    sent = huge("relay-huge")
    with only_streaming(to_postfix):
        status, said = swaks(to_postfix.port, sent, f"alice@{DOMAIN}")
        assert status == 0, said[-2000:]
    big_postfix.stored("alice", sent)


def test_what_postfix_says_after_the_data(room: Room, postfix_receiver: Receiver) -> None:
    """Here that it is too big, which this sender has not said before."""
    need("swaks")
    sent = huge("relay-too-big")[: receivers.MAX_MESSAGE_BYTES * 2]
    with relay(room("relay-to-small"), f"relay:tcp:127.0.0.1:{postfix_receiver.port}") as running:
        _, said = swaks(running.port, sent, f"carol@{DOMAIN}")
        assert re.search(r"<\*\* +552 5\.3\.4 ", said), said[-2000:]
        again, said = swaks(running.port, message("relay-small@client.test"), f"carol@{DOMAIN}")
        assert again == 0, said


@pytest.mark.parametrize("options", [(), ("--relay-allow-unverified-tls",)], ids=["verified", "unverified"])
def test_a_certificate_that_nobody_has_signed(room: Room, big_postfix: Receiver, options: tuple[str, ...]) -> None:
    """It is accepted only if an option says so; then the log has one warning."""
    need("swaks")
    directory = room(f"relay-unverified-{len(options)}")
    with relay(directory, f"relay:tls:localhost:{big_postfix.tls_port}", *options) as running:
        for number in range(2):
            sent = message(f"relay-{len(options)}-{number}@client.test")
            status, said = swaks(running.port, sent, f"alice@{DOMAIN}")
            assert (status == 0) is bool(options), said
            assert ("451 4.4.1" in said) is not bool(options)
            if options:
                big_postfix.stored("alice", sent)
    assert running.program.text.count("tls_verify=False") == len(options)


def test_half_a_message_is_none(to_postfix: Relay, big_postfix: Receiver) -> None:
    """A sender that goes away in the middle: nothing is delivered, and RSET comes before the next message."""
    with smtplib.SMTP("127.0.0.1", to_postfix.port, timeout=PATIENCE) as sender:
        sender.helo()
        sender.mail(SENDER)
        sender.rcpt(f"carol@{DOMAIN}")
        assert sender.docmd("DATA")[0] == 354
        sender.send(b"Subject: relay-half\r\n\r\n" + (b"x" * 900 + b"\r\n") * 2000)
        assert sender.sock is not None
        sender.sock.shutdown(socket.SHUT_RDWR)
    to_postfix.program.logged(r"connection lost within a message")
    sent = message("relay-whole@client.test")
    with smtplib.SMTP("127.0.0.1", to_postfix.port, timeout=PATIENCE) as sender:
        sender.sendmail(SENDER, [f"carol@{DOMAIN}"], sent, mail_options=["BODY=8BITMIME"])
    big_postfix.stored("carol", sent)
    assert not any(b"relay-half" in file.read_bytes() for file in (big_postfix.mail / "carol").glob("*/*"))


def test_steps_around_a_server_that_is_down(room: Room, big_postfix: Receiver) -> None:
    need("swaks")
    down = f"tcp:127.0.0.1:{free_port()}"
    with relay(room("relay-to-two"), f"relay:{down},tcp:127.0.0.1:{big_postfix.port}") as running:
        for number in range(3):
            sent = message(f"relay-around-{number}@client.test")
            status, said = swaks(running.port, sent, f"bob@{DOMAIN}")
            assert status == 0, said
            big_postfix.stored("bob", sent)


def test_no_server_is_there(room: Room) -> None:
    need("swaks")
    with relay(room("relay-to-none"), f"relay:tcp:127.0.0.1:{free_port()}") as running:
        _, said = swaks(running.port, message("relay-none@client.test"), f"bob@{DOMAIN}")
    assert re.search(r"<\*\* +451 4\.4\.1 ", said), said


def test_for_those_who_log_in_it_relays_everywhere(room: Room, big_postfix: Receiver) -> None:
    """To whatever the next server takes; the rest is its refusal, not ours."""
    need("swaks")
    login = ("--auth", "PLAIN", "--auth-user", USER, "--auth-password", PASSWORD)
    options = (f"--auth=memory:{USER}:{PASSWORD}", "--allow-insecure-auth")
    with relay(
        room("relay-login"), f"relay:tcp:127.0.0.1:{big_postfix.port}", *options, domain="other.test"
    ) as running:
        sent = message("relay-login@client.test")
        status, said = swaks(running.port, sent, f"bob@{DOMAIN}", options=login)
        assert status == 0, said
        _, said = swaks(running.port, sent, "bob@elsewhere.test", options=login)
        assert "554 5.7.1 <bob@elsewhere.test>: Relay access denied" in said
        _, said = swaks(running.port, sent, f"bob@{DOMAIN}")
        assert re.search(r"<\*\* +550 5\.7\.1 ", said), said
    big_postfix.stored("bob", sent)


# LMTP: Postfix, ours, Dovecot


@pytest.fixture(scope="module")
def to_dovecot(room: Room, dovecot_receiver: LMTPReceiver) -> Iterator[Relay]:
    """On a UNIX socket too."""
    directory = room("relay-to-dovecot")
    options = ("--lmtp", f"--port=unix:{directory}/socket:mode=666")
    with relay(directory, f"lmtp:unix:{dovecot_receiver.socket}", *options, domain=LMTP_DOMAIN) as running:
        yield running


@pytest.fixture(scope="module")
def from_postfix(room: Room, certificate: Pem, to_dovecot: Relay) -> Iterator[servers.Postfix]:
    need("postfix")
    routes = {LMTP_DOMAIN: f"lmtp:unix:{to_dovecot.program.log.parent}/socket"}
    with servers.postfix(room("relay-from-postfix"), certificate, routes, message_size_limit=0) as server:
        yield server


def hand_over(postfix: servers.Postfix, octets: bytes, *users: str) -> None:
    recipients = [f"{user}@{LMTP_DOMAIN}" for user in users]
    with smtplib.SMTP("127.0.0.1", postfix.port) as client:
        assert client.sendmail(SENDER, recipients, octets, mail_options=["BODY=8BITMIME"]) == {}


def test_each_recipient_of_postfix_is_answered_by_dovecot(
    from_postfix: servers.Postfix, dovecot_receiver: LMTPReceiver
) -> None:
    """Accepted, refused at RCPT, refused after the data."""
    sent = message("relay-lmtp@client.test")
    hand_over(from_postfix, sent, "alice", "nobody", OVER_QUOTA, "bob")
    from_postfix.logged(rf"to=<alice@{LMTP_DOMAIN}>.* status=sent \(250 2\.0\.0 <alice@.* Saved\)")
    from_postfix.logged(rf"to=<bob@{LMTP_DOMAIN}>.* status=sent \(250 2\.0\.0 <bob@.* Saved\)")
    from_postfix.logged(rf"to=<nobody@{LMTP_DOMAIN}>.* dsn=5\.1\.1, status=bounced .*550 5\.1\.1 .*RCPT TO")
    from_postfix.logged(rf"to=<{OVER_QUOTA}@{LMTP_DOMAIN}>.* dsn=5\.2\.2, status=bounced .*552 5\.2\.2 .*end of DATA")
    for box in ("alice", "bob"):
        dovecot_receiver.stored(box, sent)
    assert not stored(dovecot_receiver.mail / OVER_QUOTA)


def test_a_huge_message_goes_through_to_dovecot(
    from_postfix: servers.Postfix, to_dovecot: Relay, dovecot_receiver: LMTPReceiver
) -> None:
    sent = huge("relay-lmtp-huge")
    with only_streaming(to_dovecot):
        hand_over(from_postfix, sent, "carol", OVER_QUOTA)
        from_postfix.logged(rf"to=<carol@{LMTP_DOMAIN}>.* status=sent \(250 2\.0\.0 ")
        from_postfix.logged(r"size=1\d{8}, nrcpt=2")
    dovecot_receiver.stored("carol", sent)
    assert not stored(dovecot_receiver.mail / OVER_QUOTA)
