"""
The strongest mechanism that a server offers, for a name and a password.
"""

from __future__ import annotations

from collections.abc import Collection

from txsmtpx.errors import NotOffered
from txsmtpx.interfaces import ISASLClient
from txsmtpx.sasl.cram import CramMD5
from txsmtpx.sasl.login import Login
from txsmtpx.sasl.plain import Plain
from txsmtpx.sasl.scram import NAMES, Scram


def strongest(offered: Collection[str], username: str, password: str, bindable: bool) -> ISASLClient:
    """
    The best of C{offered}: bound to the channel, then challenge and response, then the password itself.

    @param offered: names of mechanisms.
    @param bindable: whether the channel can be bound.
    @raise NotOffered: nothing that works with a password.
    """
    for name in [f"{name}-PLUS" for name in NAMES] * bindable + list(NAMES):
        if name in offered:
            return Scram(name, username, password)
    for mechanism in (CramMD5, Plain, Login):
        if mechanism.name in offered:
            return mechanism(username, password)
    text = f"no mechanism for a password is offered, only: {' '.join(sorted(offered)) or 'none'}"
    raise NotOffered(text, command="AUTH", temporary=True)
