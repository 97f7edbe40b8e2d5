"""docs/logs.md: the form on the page is the form, and its program runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

from twisted.logger import globalLogBeginner, globalLogPublisher

from tests.dialog.test_fields import read
from tests.docs.block import texts
from tests.observers.test_transaction_log import FORM
from txsmtpx import SMTPError
from txsmtpx.observers.text_format import TextFormat
from txsmtpx.testing import Conversation, RecordingBackend

PAGE = Path(__file__).parents[2] / "docs" / "logs.md"


def test_the_table_is_the_form():
    table = PAGE.read_text().partition("| field | meaning |")[2].partition("\n\n")[0]
    assert re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in table.splitlines() if "|" in row)) == FORM


def test_the_lines_are_such():
    (text,) = [text for text in texts(PAGE, "text") if "octets=" in text]
    line = text.replace("\n", " ").partition("] ")[2].strip()
    assert list(read(line)) == [*FORM, "stored"]
    (found,) = map(json.loads, texts(PAGE, "json"))
    assert list(found) == ["time", "level", "logger", "message", *FORM, "stored"]
    same = ("peer", "tls", "octets", "backend", "end")
    assert [str(found[name]) for name in same] == [read(line)[name] for name in same]


def test_the_line_of_a_refusal():
    events: list[dict[str, object]] = []
    globalLogPublisher.addObserver(events.append)
    try:
        client = Conversation(RecordingBackend(rcpt=SMTPError(550, (5, 7, 1), "Relaying denied")))
        client.ask("EHLO printer.example", "MAIL FROM:<me@example.com>", "RCPT TO:<you@example.net>")
        client.hang_up()
    finally:
        globalLogPublisher.removeObserver(events.append)
    (event,) = events
    (text,) = [text for text in texts(PAGE, "text") if "refused:" in text]
    found = TextFormat()(event).partition(" [")[2].replace("192.168.1.1", "192.0.2.7").strip()
    words = r"\b(session|queue)=\w+"
    assert re.sub(words, "", found) == re.sub(words, "", text.partition(" [")[2].replace("\n", " ").strip())


def test_the_program(monkeypatch):
    begun = []
    monkeypatch.setattr(globalLogBeginner, "beginLoggingTo", begun.append)
    (program,) = texts(PAGE, "python")
    names: dict[str, object] = {}
    exec(program, names)
    assert len(begun) == 1
    assert names["factory"].settings.observers.concluded is not None
