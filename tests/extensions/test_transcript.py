"""One message with all that there is to ask for: what both ends say, word for word."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from tests.extensions.ends import Ends
from txsmtpx import MailOptions, RcptOptions
from txsmtpx.extensions import registry
from txsmtpx.grammar.option_value import DeliverBy, OriginalRecipient, ValidSince
from txsmtpx.testing import RecordingBackend

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
BODY = b"Subject: \xc3\xbc\r\n\r\n\0"

OFFERED = """\
250-localhost
250-PIPELINING
250-SIZE 33554432
250-8BITMIME
250-SMTPUTF8
250-CHUNKING
250-BINARYMIME
250-ENHANCEDSTATUSCODES
250-VRFY
250-EXPN
250-LIMITS RCPTMAX=1000
250-PRDR
250-DSN
250-REQUIRETLS
250-DELIVERBY 60
250-MT-PRIORITY MIXER
250-RRVS
250-FUTURERELEASE 3600 2026-11-23T13:00:00Z
250 AUTH PLAIN LOGIN""".splitlines()


@pytest.mark.parametrize("lmtp", [False, True], ids=["SMTP", "LMTP"])
def test_all_at_once(lmtp: bool) -> None:
    ends = Ends(
        RecordingBackend({"me": "secret"}), inside_tls=True, lmtp=lmtp, extensions=registry.EXTENSIONS, max_hold=3600,
        deliver_by_minimum=60, priority_profile="MIXER", now=NOON.timestamp,
    )  # fmt: skip
    options = MailOptions(
        body="BINARYMIME", smtputf8=True, auth="mé@example.com", ret="FULL", envid="a+b", requiretls=True,
        deliver_by=DeliverBy(120, "R", True), priority=3, hold_for=60,
    )  # fmt: skip
    asked = RcptOptions(
        notify=frozenset({"DELAY", "SUCCESS"}), orcpt=OriginalRecipient("utf-8", "yöu@example.com"),
        valid_since=ValidSince(NOON, "C"),
    )  # fmt: skip
    ends.send("mé@example.com", [("you@example.com", asked), "yöu@example.com"], BODY, options)
    prdr = "" if lmtp else " PRDR"
    assert ends.said == [
        f"{'LHLO' if lmtp else 'EHLO'} client.example",
        f"MAIL FROM:<m\\xe9@example.com> SIZE={len(BODY)} BODY=BINARYMIME SMTPUTF8{prdr} RET=FULL ENVID=a+2Bb"
        " REQUIRETLS BY=120;RT MT-PRIORITY=3 HOLDFOR=60 AUTH=m+C3+A9@example.com",
        r"RCPT TO:<you@example.com> NOTIFY=SUCCESS,DELAY ORCPT=utf-8;y\\x{F6}u@example.com RRVS=2026-11-23T12:00:00Z;C",
        r"RCPT TO:<y\xf6u@example.com>",
        f"BDAT {len(BODY)} LAST",
        f"[{len(BODY)} octets of a message]",
    ]
    offered = [line for line in OFFERED if not (lmtp and line == "250-PRDR")]
    answers = ["220 localhost " + ("LMTP" if lmtp else "ESMTP") + " txsmtpx", *offered, "250 2.1.0 Sender ok"]
    answers += ["250 2.1.5 Recipient ok"] * 2
    heard = [re.sub("queued as [0-9A-F]+", "queued as ID", line) for line in ends.heard]
    assert heard[: len(answers)] == answers
    queued = "250 2.0.0 Ok: queued as ID"
    each_queued = [f"250 2.0.0 <{each}> Ok: queued as ID" for each in ("you@example.com", r"y\\x{F6}u@example.com")]
    one_for_all = ["353 A reply for each recipient follows, then one for all", *each_queued, queued]
    assert heard[len(answers) :] == (each_queued if lmtp else one_for_all)
    (received,) = ends.backend.messages
    assert received.content == BODY
    assert vars(received.options) == vars(options) | {"size": len(BODY)} | ({} if lmtp else {"prdr": True})
    assert received.recipient_options == (asked, RcptOptions())
    ends.over()
