"""Encodings that more than one folder of tests needs."""

from __future__ import annotations

import base64


def b64(value: str | bytes) -> str:
    """Return ``value`` in Base64, as AUTH has it; a ``str`` is encoded as UTF-8."""
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
