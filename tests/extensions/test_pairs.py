"""
Every parameter beside every other, with all extensions offered (guarantee 18): a legal one is not refused for what
another extension has no part in.  What two cannot have together is written down here, with its RFC.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from txsmtpx.dialog.table import Table
from txsmtpx.extensions.lmtp import LMTP
from txsmtpx.extensions.registry import EXTENSIONS
from txsmtpx.extensions.smtp import SMTP
from txsmtpx.testing import Conversation, RecordingBackend

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)

MAIL = {
    "SIZE": ["SIZE=0", "SIZE=33554432"],
    "BODY": ["BODY=7BIT", "BODY=8BITMIME", "BODY=BINARYMIME"],
    "SMTPUTF8": ["SMTPUTF8"],
    "AUTH": ["AUTH=<>", "AUTH=<me@example.com>", "AUTH=j+C3+BCrgen@example.com"],
    "RET": ["RET=FULL", "RET=HDRS"],
    "ENVID": ["ENVID=a+2Bb"],
    "PRDR": ["PRDR"],
    "REQUIRETLS": ["REQUIRETLS"],
    "BY": ["BY=-60;N", "BY=0;NT", "BY=+60;R", "BY=999999999;NT", "BY=-999999999;N"],
    "MT-PRIORITY": ["MT-PRIORITY=-9", "MT-PRIORITY=0"],
    "HOLDFOR": ["HOLDFOR=1", "HOLDFOR=3600"],
    "HOLDUNTIL": [
        "HOLDUNTIL=2026-11-23T13:00:00Z", "HOLDUNTIL=2026-11-23T12:00:00Z", "HOLDUNTIL=2020-01-01T00:00:00Z",
        "HOLDUNTIL=0001-01-01T00:00:00+23:59",
    ],
}  # fmt: skip

RCPT = {
    "NOTIFY": ["NOTIFY=NEVER", "NOTIFY=SUCCESS,DELAY"],
    "ORCPT": ["ORCPT=rfc822;a+2Bb@example.com", "ORCPT=utf-8;j\\x{FC}@example.com"],
    "RRVS": ["RRVS=2026-01-01T00:00:00Z", "RRVS=2026-01-01T00:00:00+23:59;C"],
}

HELD = {"HOLDFOR=1": 1, "HOLDFOR=3600": 3600, "HOLDUNTIL=2026-11-23T13:00:00Z": 3600}


def refused(one: str, other: str, lmtp: bool) -> str:
    """Why the two are refused, "" where they are not."""
    both = {word.partition("=")[0] for word in (one, other)}
    if lmtp and "PRDR" in both:
        return "555 5.5.4 Parameter not recognized: PRDR"  # LMTP has it anyway
    if both == {"HOLDFOR", "HOLDUNTIL"}:
        return "501 5.5.4 Bad parameter value: HOLDFOR or HOLDUNTIL, not both"  # RFC 4865 §4.2
    by = next((word for word in (one, other) if word.startswith("BY=")), "")
    held = HELD.get(one) or HELD.get(other)
    if by and held and held > int(by[3:].partition(";")[0]):
        return "501 5.5.4 Bad parameter value: BY: sooner than the message is released"  # RFC 4865 §5.2.2
    return ""


def conversation(lmtp: bool) -> Conversation:
    client = Conversation(
        RecordingBackend({"username": "password"}), extensions=EXTENSIONS, lmtp=lmtp, inside_tls=True, max_hold=3600,
        now=NOON.timestamp, tls=None,
    )  # fmt: skip
    client.ask("LHLO client.example" if lmtp else "EHLO client.example")
    return client


def test_all_of_them_are_here() -> None:
    for hello in (SMTP, LMTP):
        table = Table([hello, *EXTENSIONS])
        assert table.mail.keys() == MAIL.keys()
        assert table.rcpt.keys() == RCPT.keys()


@pytest.mark.parametrize("lmtp", [False, True])
def test_beside_each_other(lmtp: bool) -> None:
    client = conversation(lmtp)
    for keyword, other in itertools.combinations_with_replacement(MAIL, 2):
        for one, two in itertools.product(MAIL[keyword], MAIL[other]):
            words = one if keyword == other else f"{one} {two}"
            expected = refused(one, two, lmtp) or "250 2.1.0 Sender ok"
            assert client.ask(f"MAIL FROM:<me@example.com> {words}", "RSET") == [expected, "250 2.0.0 Ok"], words
    client.hang_up()


@pytest.mark.parametrize("lmtp", [False, True])
def test_those_of_rcpt_behind_each_of_mail(lmtp: bool) -> None:
    client = conversation(lmtp)
    for mail in itertools.chain.from_iterable(MAIL.values()):
        if refused(mail, mail, lmtp):
            continue
        client.ask(f"MAIL FROM:<me@example.com> {mail}")
        for keyword, other in itertools.combinations(RCPT, 2):
            for one, two in itertools.product(RCPT[keyword], RCPT[other]):
                assert client.ask(f"RCPT TO:<you@example.com> {one} {two}") == ["250 2.1.5 Recipient ok"], (mail, one)
        client.ask("RSET")
    client.hang_up()
