"""What is written of the numbers: ratios round by round, gaps with their reason, and what does not stay flat."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import drive
from benchmarks.cases import CASES
from benchmarks.cost import Cost, enough
from benchmarks.document import PAGE, significant, write
from benchmarks.goals import GOALS, outcomes
from benchmarks.growth import SERIES, Point, costs, uneven
from benchmarks.report import ratios, table
from benchmarks.results import Results, circumstances
from benchmarks.rounds import Sample

SMALL = next(each for each in CASES if each.name == "small")
RECIPIENTS = next(each for each in SERIES if each.name == "recipients")


def samples(program: str, *microseconds: float) -> list[Sample]:
    return [
        Sample("small", program, number, Cost(amount / 1e6, amount / 1e6, amount / 1e7))
        for number, amount in enumerate(microseconds)
    ]


def points(program: str, costs_of: dict[int, float]) -> list[Point]:
    return [Point("recipients", program, x, 0, cost) for x, cost in costs_of.items()]


@pytest.fixture
def results() -> Results:
    said = circumstances("python -m benchmarks")
    return Results(
        cases={
            "small": samples("bare", 100, 50, 100) + samples("txsmtpx", 200, 150, 130) + samples("go-smtp", 100, 100)
        },
        unable={"small": {"smtp-sink": "smtp-sink is not installed (Debian: postfix)"}},
        growth={"recipients": points("txsmtpx", {1: 1e-3, 10: 1e-3 + 9e-6, 100: 1e-3 + 99e-6, 1000: 1e-3 + 1998e-6})},
        instructions={"RCPT": 1234567.4},
        system_calls={"Postfix": {"fsync": 1.0, "read": 35.38, "getpid": 0.01}, "txsmtpx": {"fsync": 1.2, "futex": 18}},
        said=dict.fromkeys(("small", "growth-recipients", "instructions", "system-calls"), said),
    )


def test_ratios_are_of_the_same_round(results: Results) -> None:
    assert ratios(results.cases["small"], "txsmtpx", "bare") == pytest.approx([2, 3, 1.3])
    assert ratios(results.cases["small"], "bare", "go-smtp") == pytest.approx([1, 0.5])
    assert ratios(results.cases["small"], "nobody", "bare") == []


def test_a_table_has_median_minimum_and_maximum(results: Results) -> None:
    title, *rows = table(SMALL, results.cases["small"], "bare")
    assert title == f"{SMALL.title}: CPU of the server, a message; bare = 1"
    assert rows[1].split()[:8] == ["txsmtpx", "150.00", "(130.00", "to", "200.00)", "µs", "2.00", "(1.30"]


def test_goals_are_of_the_median(results: Results) -> None:
    (against_go,) = outcomes(results)
    assert against_go.goal.other == "go-smtp"
    assert against_go.shares == pytest.approx({"txsmtpx": 1.75})


def test_goals_are_of_cases_that_there_are() -> None:
    assert {case for goal in GOALS for case in goal.cases} <= {each.name for each in CASES}


def test_what_a_message_costs_by_itself_is_not_that_of_its_recipients(results: Results) -> None:
    found = costs(RECIPIENTS, results.growth["recipients"])
    assert found == pytest.approx({10: 1e-6, 100: 1e-6, 1000: 2e-6})
    assert uneven(found) == pytest.approx({1000: 2})


def test_the_page_is_written_between_its_marks(results: Results, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    write(results, page)
    once = page.read_text(encoding="utf-8")
    assert "| 4 KB messages, 4 open connections (100 µs) | 1 | 2.0 (1.3 to 3.0) | 1.5 (1.0 to 2.0) |" in once
    assert "* smtp-sink has no value for small: smtp-sink is not installed (Debian: postfix)." in once
    assert "| 4 KB messages, 4 open connections | go-smtp | ≤ 1.3 | **1.75** |  |  |" in once
    assert "| txsmtpx | 1.00 | 1.00 | 2.00* |" in once
    assert "| RCPT | 1,234,567 |" in once
    assert "|  | Postfix | txsmtpx |\n| --- | ---: | ---: |\n| all | 36.4 | 19.2 |\n| `read` | 35.4 | 0.0 |" in once
    assert "| `fsync` | 1.0 | 1.2 |" in once
    assert "`getpid`" not in once
    write(results, page)
    assert page.read_text(encoding="utf-8") == once


def test_results_are_kept(results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.results.KEPT", tmp_path / "results.json")
    from benchmarks.results import kept

    assert kept() == Results()
    results.save()
    assert kept() == results


@pytest.mark.parametrize(
    ("number", "text"), [(0.123, "0.12"), (0.996, "1.0"), (1.25, "1.2"), (9.96, "10"), (151.2, "151")]
)
def test_digits_that_count(number: float, text: str) -> None:
    assert significant(number) == text


def test_enough_work_is_at_least_one() -> None:
    assert enough(Cost(1e-4, 0, 0), 1) == 10_000
    assert enough(Cost(5, 0, 0), 1) == 1


def test_what_is_counted_has_a_mark_before_and_behind_it() -> None:
    marks: list[str] = []
    drive.serve(lambda: marks.append("server"))
    drive.send(lambda: marks.append("client"))
    assert (marks.count("server"), marks.count("client")) == (len(drive.names()), 2)
