"""What is said of mutants: which of them may live, and that each of those is of something that there is."""

from __future__ import annotations

import json
import pkgutil
from pathlib import Path

import pytest

from tests.hunt import mutants

LISTED = sorted(mutants.accounted_for(mutants.SURVIVORS.read_text(encoding="utf-8")))


@pytest.mark.parametrize("function", sorted({line.partition(" | ")[0] for line in LISTED}))
def test_each_that_may_live_is_of_a_function_that_there_is(function: str) -> None:
    assert callable(pkgutil.resolve_name(f"txsmtpx.{function}"))


def test_who_may_live_and_who_may_not(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(mutants, "described", lambda name: f"{name} | x")
    ran = {"a": 1, "b": 37, "c": 0, "d": 33, "e": -24}
    assert mutants.judge({"c | x", "d | x", "gone | x"}, ran) == 0
    said = capsys.readouterr().out
    assert "2 accounted for, 1 killed, 1 killed by types, 1 timed out" in said
    assert "is listed and does not live: gone | x" in said
    assert mutants.judge({"d | x"}, {**ran, "f": None}) == 1
    said = capsys.readouterr().out
    assert "lives: c\n    c | x" in said
    assert "1 not run" in said
    assert "is listed" not in said  # it may be among those that did not run


def test_a_file_that_is_being_written_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    room = tmp_path / "txsmtpx" / "grammar"
    room.mkdir(parents=True)
    whole = json.dumps({"exit_code_by_key": {"txsmtpx.grammar.path.x_split__mutmut_1": 1}})
    (room / "path.py.meta").write_text(whole)
    (room / "reply.py.meta").write_text(whole[:-9])
    (room / "xtext.py.meta").write_text("")
    monkeypatch.setattr(mutants, "RESULTS", tmp_path)
    assert mutants.judge(["grammar.reply.listed | x"], dict(mutants.results())) == 0
    said = capsys.readouterr().out
    assert f"is half written, so left out: {room / 'reply.py.meta'}" in said
    assert f"is half written, so left out: {room / 'xtext.py.meta'}" in said
    assert "1 killed, 2 not run" in said
    assert "is listed" not in said


def test_a_line_that_stands_twice_in_a_function_is_accounted_for_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mutants, "described", lambda name: "f | x")
    assert mutants.judge(["f | x", "f | x"], {"f_1": 0, "f_2": 0}) == 0
    assert mutants.judge(["f | x"], {"f_1": 0, "f_2": 0}) == 1
    assert "1 accounted for, 1 lives" in capsys.readouterr().out
