"""The figures in the form that Prometheus reads, by its own client library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from math import inf
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString

from txsmtpx.observers.metric_families import FAMILIES, MetricFamily
from txsmtpx.observers.metrics_observer import MetricsSnapshot


class PrometheusCollector(Collector):
    """Gives a registry what an `MetricsSnapshot` has."""

    def __init__(self, export: MetricsSnapshot) -> None:
        self._export = export

    def collect(self) -> Iterator[Metric]:
        """Each family, be it empty."""
        for family in FAMILIES:
            yield _metric(family, self._export.get(family.name, ()))


def prometheus_registry(export: MetricsSnapshot) -> CollectorRegistry:
    """A registry with ``export`` in it."""
    registry = CollectorRegistry()
    registry.register(PrometheusCollector(export))
    return registry


def _metric(family: MetricFamily, values: Iterable[list[Any]]) -> Metric:
    labels = ["listener", *family.labels]
    if family.kind == "histogram":
        return _histogram(family, labels, values)
    kind = GaugeMetricFamily if family.kind == "gauge" else CounterMetricFamily
    metric = kind(family.prefixed, family.meaning, labels=labels)
    for given, value in values:
        metric.add_metric(given, value)
    return metric


def _histogram(family: MetricFamily, labels: list[str], values: Iterable[list[Any]]) -> Metric:
    metric = HistogramMetricFamily(family.prefixed, family.meaning, labels=labels)
    bounds = [_written(bound) for bound in (*family.buckets, inf)]
    for given, value in values:
        counts, total = value[:-1], value[-1]
        metric.add_metric(given, list(zip(bounds, accumulate(counts), strict=True)), total)
    return metric


def _written(bound: float) -> str:
    text: str = floatToGoString(bound)  # type: ignore[no-untyped-call]  # it has no annotations
    return text
