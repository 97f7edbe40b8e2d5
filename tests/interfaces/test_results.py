"""What filters have found, by class."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from txsmtpx import Connection, Quarantine, Results


@dataclass(frozen=True)
class Score:
    score: float

    def facts(self):
        return {"score": self.score}


def test_what_was_found():
    results = Results([Score(1.0)])
    results.add([Quarantine("odd"), "a text", Score(2.0)])
    assert results.get(Score) == Score(2.0)
    assert results.all(Score) == [Score(1.0), Score(2.0)]
    assert results.get(Quarantine).reason == "odd"
    assert results.get(int) is None
    assert results.all(int) == []
    assert list(results) == [Score(1.0), Quarantine("odd"), "a text", Score(2.0)]
    assert len(results) == 4
    assert repr(results) == "Results([Score(score=1.0), Quarantine(reason='odd'), 'a text', Score(score=2.0)])"


def test_its_facts():
    results = Results([Score(1.0), "has none", Quarantine("odd"), Score(2.0)])
    assert results.facts() == {"score": 2.0, "quarantine": "odd"}


@pytest.mark.parametrize("facts", [{"score": None}, {"score": b"1"}, {1: 2}, None, ZeroDivisionError()])
def test_facts_that_fail_are_logged_once(facts, logged_failures):
    def fail():
        if isinstance(facts, Exception):
            raise facts
        return facts

    results = Results([Score(1.0), SimpleNamespace(facts=fail), Quarantine("odd")])
    assert results.facts() == results.facts() == {"score": 1.0, "quarantine": "odd"}
    assert len(logged_failures.flush()) == 1


def test_later_results_are_not_those_of_the_connection():
    earlier = Results([Score(1.0)])
    later = Results(earlier)
    later.add(["more"])
    assert list(earlier) == [Score(1.0)]


@pytest.mark.parametrize("lmtp", [True, False])
def test_a_connection_has_its_own(lmtp):
    one, other = Connection("1", "localhost", lmtp), Connection("2", "localhost", lmtp)
    one.results.add(["x"])
    assert list(one.results) == ["x"]
    assert len(other.results) == 0
    one.results = Results()
    assert len(one.results) == 0
