"""Reports to senders, of our queue and of Postfix for the same mail: the same fields, with the same meaning."""

from __future__ import annotations

import email
import smtplib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.utils import parseaddr
from pathlib import Path

import pytest

from tests.interop import servers
from tests.interop.conftest import need
from tests.interop.smtpx import smtpx
from tests.ports import free_port
from txsmtpx.testing import MailServer, Pem, ScriptedBackend

Room = Callable[[str], Path]

MESSAGE = b"From: me@back.test\r\nSubject: Lunch\r\nMessage-ID: <1@back.test>\r\n\r\nAt noon?\r\n"


@dataclass
class Programs:
    """
    The port of each program, by its name, and what their next server has received.

    Attributes:
        ports: The ports.
        next: The next server, which gets the reports too.
    """

    ports: dict[str, int]
    next: MailServer


@pytest.fixture(scope="module")
def programs(room: Room, certificate: Pem) -> Iterator[Programs]:
    """Postfix and our queue, which send all mail to one server without DSN."""
    need("postfix")
    own = free_port()
    with MailServer(ScriptedBackend) as there:
        to_next = f"smtp:[127.0.0.1]:{there.port}"
        routes = {"example.net": to_next, "back.test": to_next}
        options = ["--port", f"tcp:{own}:interface=127.0.0.1", "--backend", "queue:sqlite:queue.db"]
        options += ["--relay-domain", "example.net", "--relay-domain", "back.test"]
        options += ["--route", f"* endpoint=tcp:127.0.0.1:{there.port}"]
        with (
            servers.postfix(room("postfix-reports"), certificate, routes) as postfix,
            smtpx(room("smtpx-reports"), own, *options),
        ):
            yield Programs({"postfix": postfix.port, "ours": own}, there)


def report_of(programs: Programs, name: str, recipient: str, mail: list[str], rcpt: list[str]) -> Message:
    """Send a message to a program, and return the report that comes back."""
    programs.next.clear()
    with smtplib.SMTP("127.0.0.1", programs.ports[name]) as client:
        client.sendmail("me@back.test", [recipient], MESSAGE, mail, rcpt)
    while True:
        for each in programs.next.messages:
            if each.sender == "":
                assert list(each.recipients) == ["me@back.test"]
                return email.message_from_bytes(each.content)
        programs.next.wait_for(len(programs.next.messages) + 1)


def fields(report: Message) -> tuple[dict[str, str], dict[str, str]]:
    """Return the fields of the message and of its only recipient."""
    status = next(each for each in report.walk() if each.get_content_type() == "message/delivery-status")
    of_message, of_recipient = (dict(part.items()) for part in status.get_payload() if isinstance(part, Message))
    return of_message, of_recipient


REJECTED, ACCEPTED = "reject-550-5.1.1@example.net", "you@example.net"
FAILURE = ["ENVID=abc123", "RET=HDRS"], ["NOTIFY=FAILURE", "ORCPT=rfc822;old@example.net"]


@pytest.mark.parametrize(
    ("recipient", "mail", "rcpt", "action"),
    [
        (REJECTED, [], [], "failed"),
        (REJECTED, *FAILURE, "failed"),
        (REJECTED, ["RET=FULL"], ["NOTIFY=SUCCESS,FAILURE"], "failed"),
        (ACCEPTED, ["ENVID=abc+2B123"], ["NOTIFY=SUCCESS"], "relayed"),
    ],
    ids=["plain", "headers", "whole", "relayed"],
)
def test_the_same_report(recipient: str, mail: list[str], rcpt: list[str], action: str, programs: Programs) -> None:
    theirs, ours = (report_of(programs, name, recipient, mail, rcpt) for name in ("postfix", "ours"))
    assert ours.get_content_type() == theirs.get_content_type() == "multipart/report"
    assert ours.get_param("report-type") == theirs.get_param("report-type") == "delivery-status"
    assert [each.get_content_type() for each in ours.get_payload()] == [
        each.get_content_type() for each in theirs.get_payload()
    ]
    assert parseaddr(ours["To"]) == parseaddr(theirs["To"])
    assert ours["Auto-Submitted"] == theirs["Auto-Submitted"]
    (of_message, of_recipient), (their_message, their_recipient) = fields(ours), fields(theirs)
    assert of_recipient["Action"] == their_recipient["Action"] == action
    assert of_message.get("Original-Envelope-Id") == their_message.get("Original-Envelope-Id")
    for name in ("Final-Recipient", "Status", "Remote-MTA"):
        assert of_recipient[name] == their_recipient[name]
    diagnostics = [each["Diagnostic-Code"].partition(": queued as")[0] for each in (of_recipient, their_recipient)]
    assert diagnostics[0] == diagnostics[1]
    if any("ORCPT" in each for each in rcpt):  # Postfix adds one if there is none
        original = [each["Original-Recipient"].replace("; ", ";") for each in (of_recipient, their_recipient)]
        assert original == ["rfc822;old@example.net"] * 2
    assert {"Reporting-MTA", "Arrival-Date"} <= set(of_message) & set(their_message)
    returned = [each.get_payload()[-1].as_string() for each in (ours, theirs)]
    assert ["At noon?" in each for each in returned] in ([True, True], [False, False])
