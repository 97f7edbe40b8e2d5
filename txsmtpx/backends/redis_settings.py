"""The settings of the backend and of the consumer of a Redis stream."""

from __future__ import annotations

from typing import Literal

from txsmtpx.setting import Setting
from txsmtpx.setting_kinds import Choice, Number, Seconds, Text

Fsync = Literal["checked", "assumed", "none"]
"""Whether Redis writes each message to the disk before its answer: it says so, or is believed, or need not."""

STREAM = Text("stream", "mail", "Redis", "The key of the stream.", "1 to 200 characters", "(?s:.{1,200})")
FSYNC: Choice[Fsync] = Choice(
    "fsync",
    "checked",
    "Redis",
    "Refuse a Redis that does not write each message to the disk (checked), trust that it does so without a look at "
    "its configuration (assumed), or accept that it does not (none).",
    ("checked", "assumed", "none"),
)
REPLICAS = Number("replicas", 0, "Redis", "Wait until N replicas have the message too.", "replicas", 0, 1000)
INLINE = Number(
    "inline",
    16 * 1024 * 1024,
    "Redis",
    "A longer body goes into a file of the directory of bodies; without a directory it is rejected.",
    "octets",
    1,
    512 * 1024 * 1024,
)
BODIES = Text("bodies", "", "Redis", "The directory of bodies, which backends and consumers share.")
LOGIN = Text("login", "", "Redis", "Log in with a file that has one line NAME:PASSWORD, or :PASSWORD.")
TRUST_ROOTS = Text(
    "trust_roots", "", "Redis", "A directory of certificates (.pem) that rediss: trusts.  By default the system's."
)
TIMEOUT = Seconds("timeout", 10.0, "Redis", "Wait this long for a connection, and for an answer.", zero=False)

COMMON: tuple[Setting[object], ...] = (STREAM, BODIES, LOGIN, TRUST_ROOTS, TIMEOUT)
"""The settings that the backend and the consumer have."""

OF_BACKEND: tuple[Setting[object], ...] = (*COMMON, FSYNC, REPLICAS, INLINE)
"""The settings of the backend."""
