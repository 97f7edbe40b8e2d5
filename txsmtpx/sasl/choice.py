"""
The strongest mechanism that a server offers, for a name and a password.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Collection

from txsmtpx.errors import NotOffered
from txsmtpx.interfaces import ISASLClient
from txsmtpx.sasl.cram import CramMD5
from txsmtpx.sasl.login import Login
from txsmtpx.sasl.plain import Plain
from txsmtpx.sasl.scram import ChannelBinding, Scram

_SCRAM = ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1")


def strongest(
    offered: Collection[str], username: str, password: str, binding: Callable[[], ChannelBinding | None]
) -> ISASLClient:
    """
    The best of C{offered}: bound to the channel, then challenge and response, then the password itself.

    @param offered: names of mechanisms.
    @param binding: gives the channel binding, None in the clear.
    @raise NotOffered: nothing that works with a password.
    """
    if importlib.util.find_spec("scramp") is not None:
        bound = binding() if any(f"{name}-PLUS" in offered for name in _SCRAM) else None
        for name in [f"{name}-PLUS" for name in _SCRAM] * (bound is not None) + list(_SCRAM):
            if name in offered:
                return Scram(name, username, password, bound)
    for mechanism in (CramMD5, Plain, Login):
        if mechanism.name in offered:
            return mechanism(username, password)
    raise NotOffered(f"no mechanism for a password is offered, only: {' '.join(sorted(offered)) or 'none'}")
