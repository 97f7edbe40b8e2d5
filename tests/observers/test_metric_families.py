"""The metrics: names as Prometheus wants them, and labels that no client chooses."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from txsmtpx.observers import metric_families
from txsmtpx.observers.metric_families import FAMILIES, MetricFamily

EACH = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def test_all_are_served_and_none_twice():
    defined = [each for each in vars(metric_families).values() if isinstance(each, MetricFamily)]
    assert set(defined) == set(FAMILIES)
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


@EACH
def test_a_name_has_its_prefix_and_its_unit(family):
    """Prometheus: base units, and the suffix _total is that of a counter, which its library adds."""
    assert family.prefixed == f"txsmtpx_{family.name}"
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", family.name)
    assert not family.name.endswith("_total")
    if family.kind == "histogram":
        assert family.name.endswith(("_seconds", "_octets"))


@EACH
def test_a_meaning_is_a_sentence(family):
    assert family.meaning[0].isupper()
    assert family.meaning.endswith(".")


@EACH
def test_only_a_histogram_has_buckets_and_they_ascend(family):
    assert bool(family.buckets) is (family.kind == "histogram")
    assert all(one < other for one, other in pairwise(family.buckets))


def test_the_labels_are_few():
    """A new one has to be looked at: no client may choose its values."""
    # The operator names filters and backends, and routes; for other destinations there is a limit.
    named, queue = ("filter_", "backend_call", "backend_outcomes"), "queue_"
    own = {label for family in FAMILIES for label in family.labels if not family.name.startswith((*named, queue))}
    assert own == {"tls", "verb", "code", "end", "outcome"}
    of_named = {label for family in FAMILIES for label in family.labels if family.name.startswith(named)}
    assert of_named == {"filter", "backend", "stage", "verdict", "outcome"}
    of_queue = {label for family in FAMILIES for label in family.labels if family.name.startswith(queue)}
    assert of_queue == {"state", "seconds", "destination", "outcome", "policy", "result"}
    assert all(len(family.labels) <= 1 or family.name.startswith((*named, queue)) for family in FAMILIES)


def test_a_family_cannot_be_changed():
    with pytest.raises(AttributeError):
        FAMILIES[0].name = "other"
