"""One policy server behind Postfix and behind ours: it is asked the same, and its answers come to the same replies."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.interop import servers
from tests.interop.conftest import need
from txsmtpx import FilterBackend, MemoryBackend
from txsmtpx.filters.policy_server import PolicyServer
from txsmtpx.testing import MailServer, Pem

RESTRICTIONS = {
    "CONNECT": "smtpd_client_restrictions",
    "EHLO": "smtpd_helo_restrictions",
    "MAIL": "smtpd_sender_restrictions",
    "RCPT": "smtpd_recipient_restrictions",
    "DATA": "smtpd_data_restrictions",
    "END-OF-MESSAGE": "smtpd_end_of_data_restrictions",
}
OWN = {"compatibility_level", "mail_version"}
"""Attributes that only Postfix has to fill."""
DIFFERENT = {"instance", "queue_id", "client_port", "server_port", *OWN}
"""Attributes whose values differ."""


@dataclass
class Policy:
    """
    A policy server.

    Attributes:
        answers: Its action at a stage; DUNNO at the others.
        asked: The requests.
    """

    path: Path
    answers: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def serve(self, listener: socket.socket) -> None:
        """Take connections until there are no more."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection: socket.socket) -> None:
        """Answer on one connection."""
        with connection, connection.makefile("rwb") as stream:
            while lines := list(iter(lambda: stream.readline().decode().rstrip("\n"), "")):
                request = dict(line.split("=", 1) for line in lines)  # type: ignore[misc]
                self.asked.append(request)
                stream.write(f"action={self.answers.get(request['protocol_state'], 'DUNNO')}\n\n".encode())
                stream.flush()


@pytest.fixture(scope="module")
def policy(room: Callable[[str], Path]) -> Iterator[Policy]:
    path = room("policy") / "policy.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen()
        policy = Policy(path)
        thread = threading.Thread(target=policy.serve, args=(listener,), daemon=True)
        thread.start()
        yield policy
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.fixture(scope="module")
def ports(room: Callable[[str], Path], certificate: Pem, policy: Policy) -> Iterator[dict[str, int]]:
    """Of Postfix, and of ours."""
    need("postfix")
    settings = dict.fromkeys(RESTRICTIONS.values(), f"check_policy_service unix:{policy.path}")
    settings |= {"smtpd_delay_reject": "no", "smtpd_tls_security_level": "none"}

    def backend(reactor: object) -> FilterBackend:
        asking = PolicyServer(f"unix:{policy.path}", stages=list(RESTRICTIONS), reactor=reactor)
        return FilterBackend(MemoryBackend(), asking, reactor=reactor)

    with (
        servers.postfix(room("postfix-policy"), certificate, {}, **settings) as postfix,
        MailServer(backend) as ours,
    ):
        yield {"postfix": postfix.port, "ours": ours.port}


def replies(port: int) -> list[str]:
    """The replies of each stage, until one refuses; without that to DATA, which ours gives before it asks."""
    found = []
    with socket.create_connection(("127.0.0.1", port), 30) as connection, connection.makefile("rwb") as stream:
        for command in (
            b"",
            b"EHLO client.test\r\n",
            b"MAIL FROM:<a@client.test> SIZE=100\r\n",
            b"RCPT TO:<b@example.test>\r\n",
            b"DATA\r\n",
            b"Subject: x\r\n\r\nHello\r\n.\r\n",
        ):
            stream.write(command)
            stream.flush()
            while (line := stream.readline().decode())[3:4] == "-":
                pass
            if not line.startswith("3"):
                found.append(line.rstrip("\r\n"))
            if not line.startswith(("2", "3")):
                break
    return found


def compare(ports: dict[str, int], of_client: bool = False) -> None:
    """The replies are the same: those that accept by their number, the one that refuses by its words."""
    theirs, ours = (replies(ports[which]) for which in ("postfix", "ours"))
    assert len(theirs) == len(ours), (theirs, ours)
    if not ours[-1].startswith("2"):
        text = slice(4 if of_client else 0, None)  # instead of a greeting, 554 or 421 are sent (RFC 5321 §3.1)
        assert theirs[-1][text] == ours[-1][text]


ANSWERS = [
    "REJECT", "REJECT No", "REJECT 5.1.7 No", "REJECT 4.1.7 No", "550", "550 No", "521 5.3.2 No", "DEFER",
    "DEFER Later", "450 4.2.0 Later", "421 4.3.2 Bye", "DEFER_IF_PERMIT", "DEFER_IF_PERMIT Later",
    "DEFER_IF_PERMIT 4.2.0 Later",
    "defer_if_permit later", "reject", "OK", "DUNNO text", "12345", "DEFER_IF_REJECT Later", "WARN x", "INFO x",
]  # fmt: skip


@pytest.mark.parametrize("stage", RESTRICTIONS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_the_same_answer_comes_to_the_same_reply(
    policy: Policy, ports: dict[str, int], stage: str, answer: str
) -> None:
    policy.answers = {stage: answer}
    compare(ports, of_client=stage == "CONNECT")


@pytest.mark.parametrize("stage", ["CONNECT", "MAIL", "RCPT", "DATA"])
def test_enhanced_codes(policy: Policy, ports: dict[str, int], stage: str) -> None:
    for each in [*(f"5.1.{detail}" for detail in range(12)), "5.1.100", "5.2.1", "4.7.23", "2.7.23", "5.7", "5.7.1234"]:
        policy.answers = {stage: f"REJECT {each} No"}
        compare(ports)


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "RCPT"])
@pytest.mark.parametrize("answer", ["DEFER_IF_PERMIT Later", "DEFER_IF_REJECT Later"])
@pytest.mark.parametrize("then", ["DUNNO", "REJECT No"])
def test_an_answer_with_an_effect_later(
    policy: Policy, ports: dict[str, int], stage: str, answer: str, then: str
) -> None:
    policy.answers = {"DATA" if stage == "RCPT" else "RCPT": then, stage: answer}
    compare(ports)


def test_the_same_is_asked(policy: Policy, ports: dict[str, int]) -> None:
    policy.answers = {}
    found = {}
    for which, port in ports.items():
        policy.asked = []
        replies(port)
        found[which] = policy.asked
    for theirs, ours in zip(found["postfix"], found["ours"], strict=True):
        assert set(theirs) - OWN == set(ours)
        stage = theirs["protocol_state"]
        assert {key: theirs[key] for key in theirs if key not in DIFFERENT} == {
            key: ours[key] for key in ours if key not in DIFFERENT
        }, stage
