"""Every extension with parameters: its fields, how they are written, and what is no value of theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from txsmtpx import Extension
from txsmtpx.extensions.auth import AUTH
from txsmtpx.extensions.deliverby import DELIVERBY
from txsmtpx.extensions.dsn import DSN
from txsmtpx.extensions.eightbitmime import EIGHTBITMIME
from txsmtpx.extensions.futurerelease import FUTURERELEASE
from txsmtpx.extensions.mtpriority import MT_PRIORITY
from txsmtpx.extensions.prdr import PRDR
from txsmtpx.extensions.requiretls import REQUIRETLS
from txsmtpx.extensions.rrvs import RRVS
from txsmtpx.extensions.size import SIZE
from txsmtpx.extensions.smtputf8 import SMTPUTF8
from txsmtpx.grammar.option_value import DeliverBy, OriginalRecipient, ValidSince

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@dataclass
class Row:
    """
    One parameter.

    Attributes:
        good: Texts behind the keyword, and the value of each; the first is how we write that value.
        bad: Texts that are no value.
        earnest: Whether a client whose server does not offer it must not send.
    """

    extension: Extension
    verb: str
    keyword: str
    field: str
    good: dict[str, Any]
    bad: list[str] = field(default_factory=list)
    earnest: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.keyword


IN_THE_CLEAR = {"allow_insecure_auth": True}

ROWS = [
    Row(SIZE, "MAIL", "SIZE", "size", {"=17": 17, "=0": 0}, ["", "=-1", "=1.5", "=123456789012345678901"]),
    Row(EIGHTBITMIME, "MAIL", "BODY", "body", {"=8BITMIME": "8BITMIME", "=7bit": "7BIT"}, ["", "=9BIT"]),
    Row(SMTPUTF8, "MAIL", "SMTPUTF8", "smtputf8", {"": True}, ["=1"], earnest=True),
    Row(PRDR, "MAIL", "PRDR", "prdr", {"": True}, ["=1"]),
    Row(AUTH, "MAIL", "AUTH", "auth",
        {"=me+2Bx@example.com": "me+x@example.com", "=<>": ""}, ["", "=nobody", "=+zz@example.com"],
        settings=IN_THE_CLEAR),
    Row(DSN, "MAIL", "RET", "ret", {"=FULL": "FULL", "=hdrs": "HDRS"}, ["", "=HALF", "=FULL,HDRS"]),
    Row(DSN, "MAIL", "ENVID", "envid",
        {"=a+2Bb+3Dc": "a+b=c", "=+20x": " x", "=" + "x" * 100: "x" * 100},
        ["", "=+2b", "=+0D+0A", "=+C3+A9", "=" + "x" * 101]),
    Row(DSN, "RCPT", "NOTIFY", "notify",
        {"=SUCCESS,DELAY": frozenset({"SUCCESS", "DELAY"}), "=never": frozenset(),
         "=delay,failure,success": frozenset({"SUCCESS", "DELAY", "FAILURE"})},
        ["", "=ALWAYS", "=NEVER,SUCCESS", "=SUCCESS,SUCCESS", "=SUCCESS,"]),
    Row(DSN, "RCPT", "ORCPT", "orcpt",
        {"=rfc822;a+2Bb@example.com": OriginalRecipient("rfc822", "a+b@example.com"),
         "=RFC822;+22a+20b+22@x": OriginalRecipient("RFC822", '"a b"@x'),
         r"=utf-8;j\x{FC}rgen\x{5C}\x{2B}\x{3D}@\x{1F4E7}.example": OriginalRecipient("utf-8", "jürgen\\+=@📧.example"),
         "=UTF-8;jürgen@example.com": OriginalRecipient("UTF-8", "jürgen@example.com"),
         "=x400;/c+3Dde": OriginalRecipient("x400", "/c=de")},
        ["", "=me@example.com", "=;me", "=rfc822;", "=rfc822;j+C3+BC", r"=utf-8;\x{0A}", r"=utf-8;\x{D800}",
         r"=utf-8;\x{110000}", r"=utf-8;a\b", "=utf-8;a+b", "=rf_c;x", "=rfc822;" + "x" * 494]),
    Row(REQUIRETLS, "MAIL", "REQUIRETLS", "requiretls", {"": True}, ["=1"], earnest=True),
    Row(DELIVERBY, "MAIL", "BY", "deliver_by",
        {"=60;R": DeliverBy(60, "R"), "=-60;NT": DeliverBy(-60, "N", True), "=0;n": DeliverBy(0, "N"),
         "=+999999999;rt": DeliverBy(999999999, "R", True)},
        ["", "=60", "=60;X", "=0;R", "=-1;R", "=1234567890;N", "=6e1;N", "=60;TR"], earnest=True),
    Row(MT_PRIORITY, "MAIL", "MT-PRIORITY", "priority",
        {"=-9": -9, "=0": 0, "=9": 9}, ["", "=10", "=+1", "=-0", "=1.0", "=01"]),
    Row(RRVS, "RCPT", "RRVS", "valid_since",
        {"=2026-11-23T12:00:00Z;R": ValidSince(NOON, "R"), "=2026-11-23T13:00:00+01:00;c": ValidSince(NOON, "C"),
         "=2026-11-23t12:00:00z": ValidSince(NOON, "R")},
        ["", "=yesterday", "=2026-11-23", "=2026-11-23T12:00:00", "=2026-11-23T12:00:00Z;X", "=2026-11-23T12:00:00Z;",
         "=2026-13-23T12:00:00Z", "=2026-11-23T12:00:00+24:00", "=2026-11-23T12:00:00.5Z;C"], earnest=True),
    Row(FUTURERELEASE, "MAIL", "HOLDFOR", "hold_for",
        {"=60": 60, "=999999999": 999999999}, ["", "=0", "=-1", "=060", "=1234567890"], earnest=True,
        settings={"max_hold": 999999999}),
    Row(FUTURERELEASE, "MAIL", "HOLDUNTIL", "hold_until",
        {"=2026-11-23T12:00:00Z": NOON}, ["", "=tomorrow", "=2026-11-23", "=2026-11-23T25:00:00Z"], earnest=True,
        settings={"now": lambda: NOON.timestamp() - 60}),
]  # fmt: skip
