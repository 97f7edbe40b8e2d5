"""The inbox, by which what the web sites share is tested."""

from __future__ import annotations

from tests.inbox.conftest import both, web

__all__ = ["both", "web"]
