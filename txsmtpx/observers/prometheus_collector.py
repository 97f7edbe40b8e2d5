"""Convert a snapshot of the metrics to the objects of ``prometheus_client``, which can write them for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from math import inf

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString

from txsmtpx.observers.metric_families import FAMILIES, MetricFamily
from txsmtpx.observers.metrics_observer import MetricsSnapshot, Sample


class PrometheusCollector(Collector):
    """
    Provide one snapshot to a registry.  `prometheus_registry` creates it.

    Args:
        export: The snapshot.
    """

    def __init__(self, export: MetricsSnapshot) -> None:
        self._export = export

    def collect(self) -> Iterator[Metric]:
        """
        Convert the metrics.

        Yields:
            Each metric, also one without samples.
        """
        for family in FAMILIES:
            yield _metric(family, self._export.get(family.name, ()))


def prometheus_registry(export: MetricsSnapshot) -> CollectorRegistry:
    """
    Create a registry for a snapshot.

    Args:
        export: The snapshot, such as that of `MetricsObserver.export`.

    Returns:
        The registry.

    Example:
        >>> from txsmtpx.observers.metrics_observer import MetricsObserver
        >>> registry = prometheus_registry(MetricsObserver().export())
        >>> registry.get_sample_value("txsmtpx_connections_total", {"listener": ""})
        0
    """
    registry = CollectorRegistry()
    registry.register(PrometheusCollector(export))
    return registry


def _metric(family: MetricFamily, samples: Iterable[Sample]) -> Metric:
    labels = ["listener", *family.labels]
    if family.kind == "histogram":
        return _histogram(family, labels, samples)
    kind = GaugeMetricFamily if family.kind == "gauge" else CounterMetricFamily
    metric = kind(family.prefixed, family.meaning, labels=labels)
    for given, value in samples:
        assert not isinstance(value, list)
        metric.add_metric(given, value)
    return metric


def _histogram(family: MetricFamily, labels: list[str], samples: Iterable[Sample]) -> Metric:
    metric = HistogramMetricFamily(family.prefixed, family.meaning, labels=labels)
    bounds = [_bound(bound) for bound in (*family.buckets, inf)]
    for given, value in samples:
        assert isinstance(value, list)
        counts, total = value[:-1], value[-1]
        metric.add_metric(given, list(zip(bounds, accumulate(counts), strict=True)), total)
    return metric


def _bound(bound: float) -> str:
    text: str = floatToGoString(bound)  # type: ignore[no-untyped-call]  # it has no annotations
    return text
