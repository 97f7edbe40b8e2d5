"""Reports can be read by people and programs, whatever the message and the replies contain."""

from __future__ import annotations

import email
import email.policy
import io
from email.message import EmailMessage, Message
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.queue.mails import NOW, envelope
from tests.queue.queues import ME, Queues
from txsmtpx import MailOptions
from txsmtpx.backends.envelope_recipient import EnvelopeRecipient
from txsmtpx.grammar.option_value import OriginalRecipient
from txsmtpx.grammar.reply import Reply
from txsmtpx.queue.delivery_report import MOST_HEADER, MOST_REPLY, MOST_RETURNED, delivery_report
from txsmtpx.queue.queued_mail import QueuedMail, QueuedRecipient
from txsmtpx.queue.report_request import Action, Report, ReportedRecipient, ReportRequest
from txsmtpx.testing import ScriptedServer

MESSAGE = b"From: ann@example.org\r\nSubject: Lunch\r\n\r\nHow about noon?\r\n"
NO_MAILBOX = Reply(550, (5, 1, 1), "No such mailbox")


def written(
    *recipients: ReportedRecipient | str,
    action: Action = "failed",
    content: bytes = MESSAGE,
    reply: Reply = NO_MAILBOX,
    remote: bool = True,
    server: str = "mx.example.net",
    **more: Any,
) -> Report:
    told = [
        each if isinstance(each, ReportedRecipient)
        else ReportedRecipient(EnvelopeRecipient(each), action, reply, remote, server)
        for each in (recipients or ("bob@example.net",))
    ]  # fmt: skip
    found = envelope(*(each.recipient for each in told), **more)
    queued = [QueuedRecipient(at, each.recipient, "example.net") for at, each in enumerate(told)]
    mail = QueuedMail(found, queued, len(content), NOW + 432_000)
    return delivery_report(ReportRequest(mail, told, NOW + 300), io.BytesIO(content))


def parts_of(report: Report) -> tuple[EmailMessage, list[Message]]:
    """A report and its three parts, as Python reads them."""
    found = email.message_from_bytes(report.content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    assert found.get_content_type() == "multipart/report"
    assert found.get_param("report-type") == "delivery-status"
    assert found.defects == []
    parts = found.get_payload()
    assert isinstance(parts, list)
    assert len(parts) == 3
    assert all(len(line) <= 998 and b"\r" not in line for line in report.content.split(b"\r\n"))
    return found, parts


def test_a_message_that_was_not_delivered() -> None:
    orcpt = OriginalRecipient("rfc822", "bob@old.example")
    bob = EnvelopeRecipient("bob@example.net", orcpt=orcpt)
    report = written(ReportedRecipient(bob, "failed", NO_MAILBOX, True, "mx.example.net"), envid="QQ 314159")
    assert (report.recipient, report.smtputf8) == ("ann@example.org", False)
    found, (text, status, original) = parts_of(report)
    assert found["From"] == "Mail Delivery System <MAILER-DAEMON@mail.example.org>"
    assert found["To"] == "ann@example.org"
    assert found["Subject"] == "Your message was not delivered"
    assert found["Auto-Submitted"] == "auto-replied"
    assert found["Date"] == "Thu, 31 Jan 2030 12:05:00 +0000"
    assert text.get_payload().splitlines() == [
        "This is the mail server mail.example.org.",
        "",
        "Your message was not delivered to these recipients. The server does not try",
        "again.",
        "",
        "<bob@example.net>",
        "    The server mx.example.net replied: 550 5.1.1 No such mailbox",
        "",
        "The message follows behind the details for programs.",
    ]
    assert status.get_content_type() == "message/delivery-status"
    of_message, of_recipient = status.get_payload()
    assert dict(of_message.items()) == {
        "Reporting-MTA": "dns; mail.example.org",
        "Original-Envelope-Id": "QQ 314159",
        "Arrival-Date": "Thu, 31 Jan 2030 12:00:00 +0000",
    }
    assert dict(of_recipient.items()) == {
        "Original-Recipient": "rfc822; bob@old.example",
        "Final-Recipient": "rfc822; bob@example.net",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx.example.net",
        "Diagnostic-Code": "smtp; 550 5.1.1 No such mailbox",
        "Last-Attempt-Date": "Thu, 31 Jan 2030 12:05:00 +0000",
    }
    assert original.get_content_type() == "message/rfc822"
    assert MESSAGE in report.content


@pytest.mark.parametrize(
    ("action", "options", "type"),
    [
        ("failed", {}, "message/rfc822"),
        ("failed", {"ret": "FULL"}, "message/rfc822"),
        ("failed", {"ret": "HDRS"}, "text/rfc822-headers"),
        ("failed", {"requiretls": True}, "text/rfc822-headers"),
        ("failed", {"requiretls": True, "ret": "FULL"}, "text/rfc822-headers"),
        ("delayed", {"ret": "FULL"}, "text/rfc822-headers"),
        ("delivered", {}, "text/rfc822-headers"),
        ("relayed", {}, "text/rfc822-headers"),
        ("failed", {"smtputf8": True}, "message/global"),
        ("delayed", {"smtputf8": True}, "message/global-headers"),
    ],
)
def test_what_is_returned(action: Action, options: dict[str, Any], type: str) -> None:
    _, (_, status, original) = parts_of(written(action=action, **options))
    assert original.get_content_type() == type
    assert status.get_content_type() == f"message/{'global-' if 'smtputf8' in options else ''}delivery-status"


def test_a_delay_says_until_when() -> None:
    _, (text, status, _) = parts_of(written(action="delayed", reply=Reply(451, (4, 2, 0), "Later")))
    assert "You need not send it again" in " ".join(str(text.get_payload()).split())
    assert status.get_payload()[1]["Will-Retry-Until"] == "Tue, 05 Feb 2030 12:00:00 +0000"


def test_an_error_without_a_server() -> None:
    reply = Reply(550, (5, 1, 2), "example.net accepts no mail (null MX)")
    _, (text, status, _) = parts_of(written(reply=reply, remote=False, server=""))
    assert status.get_payload()[1]["Diagnostic-Code"] == f"x-txsmtpx; {reply.one_line}"
    assert "Remote-MTA" not in status.get_payload()[1]
    assert "replied" not in str(text.get_payload())


def test_a_reply_without_an_enhanced_code() -> None:
    _, (_, status, _) = parts_of(written(reply=Reply(554, None, "No")))
    assert status.get_payload()[1]["Status"] == "5.0.0"


def test_replies_are_bounded() -> None:
    """Whatever 100 recipients were told."""
    reply = Reply(550, (5, 0, 0), *["x" * 400] * 30)
    report = written(*(f"b{number}@example.net" for number in range(100)), reply=reply)
    _, (text, status, _) = parts_of(report)
    assert len(report.content) < 100 * 3 * MOST_REPLY
    assert str(text.get_payload()).count("x...") == 100
    assert len(status.get_payload()) == 101


@pytest.mark.parametrize(("content", "coding"), [(MESSAGE, None), (MESSAGE + b"\xff\r\n", "8bit")])
def test_the_coding_is_that_of_the_parts(content: bytes, coding: str | None) -> None:
    """RFC 2045 §6.4: a message that has 8-bit parts is one itself; only an internationalized one has some."""
    found, parts = parts_of(written(content=content, smtputf8=True))
    assert found["Content-Transfer-Encoding"] == coding
    assert parts[2]["Content-Transfer-Encoding"] == (coding or "7bit")


@pytest.mark.parametrize("options", [{"ret": "HDRS"}, {"action": "delayed"}])
def test_texts_are_encoded(options: dict[str, Any]) -> None:
    """So a server without 8BITMIME accepts the report of a reply, and of a header, that are not ASCII."""
    content = b"Subject: \xc3\xbc=\r\nX: " + b"\xff" * 900 + b"\r\n\r\nx\r\n"
    report = written(content=content, reply=Reply(550, (5, 1, 1), "Kein Postfach für Bob"), **options)
    assert report.content.isascii()
    _, (text, _, original) = parts_of(report)
    assert "Kein Postfach für Bob\r\n" in text.get_payload(decode=True).decode()
    assert original.get_payload(decode=True).rstrip() == content.partition(b"\r\n\r\n")[0]


def test_addresses_beyond_ascii() -> None:
    """RFC 6533: the type of such an address is utf-8, and that of the part is another one."""
    report = written("bøb@example.net", sender="ånn@example.org")
    assert report.smtputf8
    found, (_, status, _) = parts_of(report)
    assert status.get_content_type() == "message/global-delivery-status"
    assert "Final-Recipient: utf-8; bøb@example.net\r\n".encode() in report.content
    assert "To: <ånn@example.org>\r\n".encode() in report.content
    assert found["Subject"] == "Your message was not delivered"


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: x\r\n\r\na\nb\r\n", b"Subject: x\r\n\r\na\rb\r\n", b"Subject: x\r\n\r\n\0\r\n",
        b"Subject: x\r\n\r\n\xfc\r\n", b"Subject: x\r\n\r\n" + b"y" * 999 + b"\r\n",
        b"Subject: x\r\n\r\n" + b"y\r\n" * MOST_RETURNED,
    ],
)  # fmt: skip
def test_a_message_that_cannot_stand_within_another(content: bytes) -> None:
    _, (_, _, original) = parts_of(written(content=content))
    assert original.get_content_type() == "text/rfc822-headers"
    assert str(original.get_payload()).strip() == "Subject: x"


def test_a_header_is_bounded() -> None:
    content = b"X: " + b"y" * 2000 + b"\r\n" + b"A: b\r\n" * 20_000 + b"\r\n"
    report = written(content=content, ret="HDRS")
    _, (_, _, original) = parts_of(report)
    assert len(original.get_payload()) <= MOST_HEADER
    assert str(original.get_payload()).startswith("A: b")


def test_a_boundary_within_the_message() -> None:
    first = written()
    report = written(content=b"Subject: x\r\n\r\n" + first.content)
    assert first.content in report.content
    parts_of(report)


TEXT = st.text(max_size=200) | st.sampled_from(["\r\nEvil: 1", "x" * 2000, "ü" * 600, "\0\x1b[2J", ""])


ACTIONS = st.sampled_from(["failed", "delayed", "delivered", "relayed"])


@given(st.binary(max_size=300), TEXT, TEXT, ACTIONS, st.booleans())
def test_anything(content: bytes, words: str, server: str, action: Action, remote: bool) -> None:
    reply = Reply(550, (5, 0, 0), *(words.splitlines() or [""]))
    report = written(action=action, content=content, reply=reply, server=server, remote=remote)
    found, (_, status, _) = parts_of(report)
    assert "Evil" not in found
    assert len(status.get_payload()) == 2
    assert "Evil" not in status.get_payload()[1]
    assert len(report.content) < 20_000


def test_a_queue_returns_what_cannot_be_delivered() -> None:
    """From end to end; and a report that cannot be delivered causes no other one."""
    one = Queues({"*": lambda: ScriptedServer(RCPT="550 5.1.1 No such mailbox")}, reporter=delivery_report)
    one.submit("bob@example.net", options=MailOptions(envid="QQ314159"))
    assert [(address, state) for address, state, _ in one.store.final] == [
        ("bob@example.net", "failed"), (ME, "failed"),
    ]  # fmt: skip
    assert [line for line in one.server().lines if line.startswith("MAIL")][-1].startswith("MAIL FROM:<>")
    one.stop(60)


def test_a_queue_sends_a_report() -> None:
    one = Queues({"*": lambda: ScriptedServer(RCPT=["550 5.1.1 No such mailbox", "250 Ok"])}, reporter=delivery_report)
    one.submit("bob@example.net")
    (report,) = one.server().messages
    assert b"Subject: Your message was not delivered\r\n" in report
    assert b"Diagnostic-Code: smtp; 550 5.1.1 No such mailbox\r\n" in report
    one.stop(60)


@given(st.binary(max_size=300))
def test_a_report_is_ascii_unless_it_is_internationalized(content: bytes) -> None:
    assert written(content=content, reply=Reply(550, None, "f\xfcr")).content.isascii()
