"""How many processes a selection of tests has, which files start first, and what is reported."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import scheduling
from tests.scheduling import (
    MOST,
    SLOW,
    TOGETHER,
    WAITING,
    Files,
    Indexed,
    is_brief,
    run_briefly,
    slowest_first,
    workers,
)

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("selection", "cores", "processes"),
    [
        (["tests"], 2, 2 + WAITING),
        (["tests"], 64, MOST),
        (["tests/errors"], 64, len(list((ROOT / "tests/errors").glob("test_*.py")))),
        (["tests/test_ci.py", "tests/test_tap.py::test_help"], 2, 2),
        (["tests/test_ci.py"], 2, 0),
        (["tests/test_tap.py::test_help", "tests/test_tap.py::test_settings"], 2, 0),
    ],
)
def test_processes(selection: list[str], cores: int, processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(cores), raising=False)
    assert workers(ROOT, selection) == processes


def test_what_is_slow_is_there() -> None:
    assert [name for name in (*SLOW, *TOGETHER) if not (ROOT / "tests" / name).exists()] == []


def test_slow_files_start_first_and_keep_their_order() -> None:
    paths = ["tests/sasl/test_b.py", "tests/sasl/test_a.py", "tests/test_tap.py", "tests/siege/test_y.py"]
    items = [SimpleNamespace(nodeid=f"{path}::test[a/b]") for path in paths]
    slowest_first(items)  # type: ignore[arg-type]
    assert [item.nodeid.partition("::")[0] for item in items] == [paths[3], paths[2], *paths[:2]]


def test_a_process_has_whole_files_and_files_that_share_something() -> None:
    scope = Files.__new__(Files)._split_scope
    assert scope("tests/sasl/test_plain.py::test[a/b]") == "tests/sasl/test_plain.py"
    assert {scope(f"tests/distribution/test_{name}.py::test[a/b]") for name in "xy"} == {"distribution"}


def test_each_text_is_found_at_its_place() -> None:
    texts = [f"tests/test_{number}.py::test" for number in range(100)]
    assert [Indexed(texts).index(text) for text in texts] == list(range(100))
    with pytest.raises(KeyError):
        Indexed(texts).index("tests/test_100.py::test")


ALL_PASSED = {"setup": True, "call": True, "teardown": True}


@pytest.mark.parametrize(
    ("passed", "reported"),
    [
        (ALL_PASSED, ["call"]),
        (ALL_PASSED | {"call": False}, ["call"]),
        (ALL_PASSED | {"teardown": False}, ["call", "teardown"]),
        ({"setup": False, "teardown": True}, ["setup"]),
        ({"setup": False, "teardown": False}, ["setup", "teardown"]),
    ],
)
@pytest.mark.parametrize("is_last", [False, True])
def test_what_passed_is_reported_once(
    passed: dict[str, bool], reported: list[str], is_last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = [SimpleNamespace(when=when, passed=each) for when, each in passed.items()]
    monkeypatch.setattr(scheduling, "runtestprotocol", lambda item, log, nextitem: reports)
    said: list[str] = []
    hook = SimpleNamespace(
        pytest_runtest_logreport=lambda report: said.append(report.when),
        pytest_runtest_logfinish=lambda nodeid, location: said.append("finish"),
    )
    item = SimpleNamespace(ihook=hook, nodeid="test", location=("test.py", 1, "test"))
    run_briefly(item, None if is_last else item)  # type: ignore[arg-type]
    assert said == reported + ["finish"] * is_last


@pytest.mark.parametrize("changed", [{}, {"verbose": 1}, {"durations": 10}, {"xmlpath": "report.xml"}])
def test_reports_are_brief_unless_more_is_wanted(changed: dict[str, object]) -> None:
    option = SimpleNamespace(**{"verbose": 0, "durations": None, "xmlpath": None} | changed)
    assert is_brief(SimpleNamespace(option=option, workerinput={})) is not bool(changed)  # type: ignore[arg-type]
    assert not is_brief(SimpleNamespace(option=option))  # type: ignore[arg-type]
