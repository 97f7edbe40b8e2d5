"""The default times of a relay, which the command shows without importing the relay."""

from __future__ import annotations

WAIT = 5
"""Seconds that a client waits for a connection to a next server."""

HOLD = 60
"""Seconds for which a message keeps its connection although another client waits."""
