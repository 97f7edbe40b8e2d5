"""What is measured.  One more is one entry of `CASES`."""

from __future__ import annotations

from benchmarks.disk import OnDisk
from benchmarks.idle import Idle
from benchmarks.received import Received
from benchmarks.rounds import Case
from benchmarks.sent import Sent
from benchmarks.workers import Workers

_KEPT = "--connections 4"
_LARGE = "--size 25000000 --pipeline envelope"
_RECIPIENTS = f"{_KEPT} --size 512 --pipeline envelope --recipients 100"
_MANY = "--connections 16"
_MANY_RECIPIENTS = f"{_MANY} --size 512 --pipeline envelope --recipients 100"
_HANDSHAKE = f"{_KEPT} --tls --per-connection 0"

CASES: tuple[Case, ...] = (
    Received("one-connection", "4 KB messages, 1 open connection", "message", "--connections 1"),
    Received("many-connections", "4 KB messages, 64 open connections", "message", "--connections 64"),
    Received("small", "4 KB messages, 4 open connections", "message", _KEPT),
    Received("envelope", "4 KB messages, envelope pipelined", "message", f"{_KEPT} --pipeline envelope"),
    Received("messages", "4 KB messages, all commands pipelined", "message", f"{_KEPT} --pipeline messages"),
    Received("connections", "1 KB messages, one connection each", "message", f"{_KEPT} --size 1024 --per-connection 1",
             first=50),
    Received("recipients", "100 pipelined recipients", "recipient", _RECIPIENTS, units=100, first=20),
    Received("body", "25 MB of smtp-source's lines", "MB", _LARGE, units=25, first=1),
    Received("prose", "25 MB of prose", "MB", f"{_LARGE} --body prose", units=25, first=1),
    Received("dots", "25 MB, each line begins with a dot", "MB", f"{_LARGE} --body dots", units=25, first=1),
    Received("bdat", "25 MB by BDAT, pipelined", "MB", f"{_LARGE} --bdat 65536", units=25, first=1),
    Received("tls-small", "TLS: 4 KB messages, 4 open connections", "message", f"{_KEPT} --tls", tls="ec"),
    Received("tls-body", "TLS: 25 MB of smtp-source's lines", "MB", f"{_LARGE} --tls", units=25, first=1, tls="ec"),
    Received("handshake-ec", "TLS: handshake (P-256), EHLO, QUIT", "connection", _HANDSHAKE, first=50, tls="ec",
             done="sessions"),
    Received("handshake-rsa", "TLS: handshake (RSA 2048), EHLO, QUIT", "connection", _HANDSHAKE, first=50, tls="rsa",
             done="sessions"),
    Idle("idle", "idle connections"),
    Idle("tls-idle", "TLS: idle connections", tls="ec"),
    Received("asynchronous", "100 pipelined recipients", "recipient", _RECIPIENTS, units=100, first=20,
             side="asynchronous"),
    Workers("workers-small", "4 KB messages, 16 open connections", "message", "time", _MANY),
    Workers("workers-envelope", "4 KB messages, envelope pipelined", "message", "time", f"{_MANY} --pipeline envelope"),
    Workers("workers-connections", "1 KB messages, one connection each", "message", "time",
            f"{_MANY} --size 1024 --per-connection 1"),
    Workers("workers-recipients", "100 pipelined recipients", "recipient", "time", _MANY_RECIPIENTS, 100, 50),
    Workers("workers-cpu", "4 KB messages, 16 open connections: CPU", "message", "CPU", _MANY),
    OnDisk("disk-1", "4 KB messages, 1 open connection", "time", 1),
    OnDisk("disk-10", "4 KB messages, 10 open connections", "time", 10),
    OnDisk("disk-40", "4 KB messages, 40 open connections", "time", 40),
    OnDisk("disk-1-cpu", "4 KB messages, 1 open connection: CPU", "CPU", 1),
    OnDisk("disk-10-cpu", "4 KB messages, 10 open connections: CPU", "CPU", 10),
    OnDisk("disk-40-cpu", "4 KB messages, 40 open connections: CPU", "CPU", 40),
    Sent("client-small", "client: 4 KB messages, one connection", "message"),
    Sent("client-recipients", "client: 100 recipients", "recipient", 512, recipients=100, units=100, first=10),
    Sent("client-body", "client: 25 MB of smtp-source's lines", "MB", 25_000_000, units=25, first=1),
    Sent("client-prose", "client: 25 MB of prose", "MB", 25_000_000, "prose", units=25, first=1),
    Sent("client-bdat", "client: 25 MB, CHUNKING offered", "MB", 25_000_000, units=25, first=1, sink="--chunking"),
)  # fmt: skip
