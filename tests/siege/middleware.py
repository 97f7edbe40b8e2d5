"""A backend behind all kinds of middleware that handle messages: a filter that holds them, a copy, other addresses."""

from __future__ import annotations

from txsmtpx import Filter, FilterBackend, MemoryBackend, TeeBackend

backend = FilterBackend(TeeBackend(MemoryBackend(), MemoryBackend()), Filter, hold=True)
