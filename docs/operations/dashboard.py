"""
Write dashboard.json beside this file: a dashboard of Grafana for the metrics of txsmtpx.

    python docs/operations/dashboard.py

A test fails if the dashboard is older than this file, or uses a metric that does not exist.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DASHBOARD = Path(__file__).with_name("dashboard.json")

_CHOSEN = '{job=~"$job",instance=~"$instance",listener=~"$listener"}'
_REFUSED = _CHOSEN.replace("}", ',code=~"[45].."}')
_NOT_TAKEN = _CHOSEN.replace("}", ',outcome!="taken"}')
_OF_DATA = _CHOSEN.replace("}", ',stage="data"}')
_TAKEN = _OF_DATA.replace("}", ',outcome="taken"}')
_DECIDED = _CHOSEN.replace("}", ',verdict!="continue"}')
_WAITING = _CHOSEN.replace("}", ',state="waiting"}')
_SOURCE = {"type": "prometheus", "uid": "${source}"}

# Title, unit, and pairs of a legend and an expression.  Two panels stand in a row.
PANELS = [
    (
        "Messages a second",
        "short",
        [("{{outcome}}", f"sum by (outcome) (rate(txsmtpx_messages_total{_CHOSEN}[$__rate_interval]))")],
    ),
    (
        "Octets a second",
        "Bps",
        [("{{outcome}}", f"sum by (outcome) (rate(txsmtpx_message_octets_total{_CHOSEN}[$__rate_interval]))")],
    ),
    (
        "Open connections",
        "short",
        [("{{tls}}", f"sum by (tls) (txsmtpx_open_connections{_CHOSEN})")],
    ),
    (
        "Connections and handshakes a second",
        "short",
        [
            ("connections", f"sum (rate(txsmtpx_connections_total{_CHOSEN}[$__rate_interval]))"),
            ("{{tls}}", f"sum by (tls) (rate(txsmtpx_tls_handshakes_total{_CHOSEN}[$__rate_interval]))"),
        ],
    ),
    (
        "Seconds in the backend",
        "s",
        [
            (
                f"{share:g} of messages",
                "histogram_quantile("
                f"{share}, sum by (le) (rate(txsmtpx_backend_seconds_bucket{_CHOSEN}[$__rate_interval])))",
            )
            for share in (0.5, 0.95, 0.99)
        ],
    ),
    (
        "Size of messages",
        "bytes",
        [
            (
                f"{share:g} of messages",
                "histogram_quantile("
                f"{share}, sum by (le) (rate(txsmtpx_message_size_octets_bucket{_CHOSEN}[$__rate_interval])))",
            )
            for share in (0.5, 0.95)
        ],
    ),
    (
        "Recipients a second, by the reply to the data",
        "short",
        [("{{code}}", f"sum by (code) (rate(txsmtpx_recipients_total{_CHOSEN}[$__rate_interval]))")],
    ),
    (
        "4xx and 5xx replies a second",
        "short",
        [("{{code}}", f"sum by (code) (rate(txsmtpx_replies_total{_REFUSED}[$__rate_interval]))")],
    ),
    (
        "Commands a second",
        "short",
        [("{{verb}}", f"sum by (verb) (rate(txsmtpx_commands_total{_CHOSEN}[$__rate_interval]))")],
    ),
    (
        "Transactions a second, by their end",
        "short",
        [("{{end}}", f"sum by (end) (rate(txsmtpx_transactions_total{_CHOSEN}[$__rate_interval]))")],
    ),
    (
        "Calls of backends in flight",
        "short",
        [("{{backend}}: {{stage}}", f"sum by (backend, stage) (txsmtpx_backend_calls_in_flight{_CHOSEN})")],
    ),
    (
        "Seconds of each backend for the data, 0.95 of messages",
        "s",
        [
            (
                "{{backend}}",
                "histogram_quantile(0.95, sum by (le, backend) "
                f"(rate(txsmtpx_backend_call_seconds_bucket{_OF_DATA}[$__rate_interval])))",
            )
        ],
    ),
    (
        "Recipients a second that a backend has taken",
        "short",
        [
            (
                "{{backend}}",
                f"sum by (backend) (rate(txsmtpx_backend_outcomes_total{_TAKEN}[$__rate_interval]))",
            )
        ],
    ),
    (
        "Other outcomes of backends a second",
        "short",
        [
            (
                "{{backend}}: {{stage}} {{outcome}}",
                "sum by (backend, stage, outcome) "
                f"(rate(txsmtpx_backend_outcomes_total{_NOT_TAKEN}[$__rate_interval]))",
            )
        ],
    ),
    (
        "Verdicts of filters a second, but continue",
        "short",
        [
            (
                "{{filter}}: {{verdict}}",
                f"sum by (filter, verdict) (rate(txsmtpx_filter_verdicts_total{_DECIDED}[$__rate_interval]))",
            )
        ],
    ),
    (
        "Seconds in the filters, 0.95 of calls",
        "s",
        [
            (
                "{{filter}}: {{stage}}",
                "histogram_quantile(0.95, sum by (le, filter, stage) "
                f"(rate(txsmtpx_filter_seconds_bucket{_CHOSEN}[$__rate_interval])))",
            )
        ],
    ),
    (
        "Recipients in the queue, by age",
        "short",
        [
            ("all", f'max by (instance) (txsmtpx_queue_recipients{_WAITING})'),
            (
                "older than {{seconds}} s",
                f"max by (instance, seconds) (txsmtpx_queue_older_recipients{_CHOSEN})",
            ),
        ],
    ),
    (
        "Messages in the queue, and the seconds of the oldest",
        "short",
        [
            ("messages", f"max by (instance) (txsmtpx_queue_messages{_CHOSEN})"),
            ("seconds of the oldest", f"max by (instance) (txsmtpx_queue_oldest_seconds{_CHOSEN})"),
        ],
    ),
    (
        "Octets in the queue",
        "bytes",
        [("octets", f"max by (instance) (txsmtpx_queue_octets{_CHOSEN})")],
    ),
    (
        "Outcomes of deliveries a second, by destination",
        "short",
        [
            (
                "{{destination}}: {{outcome}}",
                "sum by (destination, outcome) "
                f"(rate(txsmtpx_queue_outcomes_total{_CHOSEN}[$__rate_interval])) > 0",
            )
        ],
    ),
    (
        "Seconds from a message until its delivery",
        "s",
        [
            (
                f"{share:g} of recipients",
                "histogram_quantile("
                f"{share}, sum by (le) (rate(txsmtpx_queue_delivery_seconds_bucket{_CHOSEN}[$__rate_interval])))",
            )
            for share in (0.5, 0.95)
        ],
    ),
    (
        "Deliveries, and destinations that are paused",
        "short",
        [
            ("deliveries", f"sum (txsmtpx_queue_deliveries{_CHOSEN})"),
            ("paused destinations", f"sum (txsmtpx_queue_paused_destinations{_CHOSEN})"),
        ],
    ),
    (
        "Connections to exchangers a second, by TLS policy and result",
        "short",
        [
            (
                "{{policy}}: {{result}}",
                f"sum by (policy, result) (rate(txsmtpx_queue_tls_connections_total{_CHOSEN}[$__rate_interval])) > 0",
            )
        ],
    ),
]


def dashboard() -> dict[str, Any]:
    """Return the dashboard in the format that Grafana imports."""
    return {
        "title": "txsmtpx",
        "uid": "txsmtpx",
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "tags": ["mail"],
        "templating": {"list": [_source(), *(_variable(name) for name in ("job", "instance", "listener"))]},
        "panels": [_panel(number, *panel) for number, panel in enumerate(PANELS)],
    }


def _source() -> dict[str, Any]:
    return {"name": "source", "label": "data source", "type": "datasource", "query": "prometheus"}


def _variable(name: str) -> dict[str, Any]:
    query = f"label_values(txsmtpx_connections_total, {name})"
    return {
        "name": name,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _panel(number: int, title: str, unit: str, targets: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "id": number + 1,
        "title": title,
        "type": "timeseries",
        "datasource": _SOURCE,
        "gridPos": {"x": 12 * (number % 2), "y": 8 * (number // 2), "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + n), "datasource": _SOURCE, "expr": expression, "legendFormat": legend}
            for n, (legend, expression) in enumerate(targets)
        ],
    }


def text() -> str:
    """The file."""
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    DASHBOARD.write_text(text(), encoding="utf-8")
