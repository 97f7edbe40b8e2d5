"""docs/logs.md: the form on the page is the form, and its program runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

from twisted.logger import globalLogBeginner

from tests.docs.block import texts
from tests.logs.test_fields import read
from tests.logs.test_transaction import FORM

PAGE = Path(__file__).parents[2] / "docs" / "logs.md"


def test_the_table_is_the_form():
    table = PAGE.read_text().partition("| field | meaning |")[2].partition("\n\n")[0]
    assert re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in table.splitlines() if "|" in row)) == FORM


def test_the_lines_are_such():
    (text,) = [text for text in texts(PAGE, "text") if "queue=" in text]
    line = text.replace("\n", " ").partition("] ")[2].strip()
    assert list(read(line)) == [*FORM, "stored"]
    (found,) = map(json.loads, texts(PAGE, "json"))
    assert list(found) == ["time", "level", "logger", "message", *FORM, "stored"]
    same = ("peer", "tls", "octets", "backend", "end")
    assert [str(found[name]) for name in same] == [read(line)[name] for name in same]


def test_the_program(monkeypatch):
    begun = []
    monkeypatch.setattr(globalLogBeginner, "beginLoggingTo", begun.append)
    (program,) = texts(PAGE, "python")
    names: dict[str, object] = {}
    exec(program, names)
    assert len(begun) == 1
    assert names["factory"].settings.observers.concluded is not None
