"""The mechanisms in the box, the best first; to add one, write its file and name it here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from txsmtpx.sasl.login import LOGIN
from txsmtpx.sasl.mechanism import Mechanism
from txsmtpx.sasl.plain import PLAIN

MECHANISMS: tuple[Mechanism, ...] = (PLAIN, LOGIN)


def satisfied_by(credential_interfaces: Iterable[Any]) -> tuple[Mechanism, ...]:
    """Those whose credentials a backend takes."""
    taken = set(credential_interfaces)
    return tuple(mechanism for mechanism in MECHANISMS if mechanism.credential_interface in taken)
