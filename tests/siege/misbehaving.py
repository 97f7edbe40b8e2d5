"""A backend that does whatever the name of the recipient says, at RCPT or when the message comes."""

from __future__ import annotations

import time
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from txsmtpx import OpenBackend, Session

LATE = 0.5
BLOCKED = 1.0


def misbehave(how: str) -> Any:
    if how == "never":
        return Deferred()
    if how == "late":
        return deferLater(reactor, LATE, lambda: None)
    if how == "late-failure":
        return deferLater(reactor, LATE, lambda: 1 / 0)
    if how == "raises":
        raise RuntimeError("a secret of the backend's")
    if how == "nonsense":
        return object()
    if how == "blocks":
        time.sleep(BLOCKED)
    return None


class Misbehaving(Session):
    """``rcpt-raises@localhost`` raises at RCPT, ``data-raises@localhost`` when the message comes."""

    def rcpt(self, recipient: str, options: Any) -> Any:
        when, _, how = recipient.partition("@")[0].partition("-")
        return misbehave(how) if when == "rcpt" else None

    def data(self, message: Any, context: Any) -> Any:
        when, _, how = context.recipients[0].partition("@")[0].partition("-")
        return misbehave(how) if when == "data" else self._take(message)

    async def _take(self, message: Any) -> None:
        await message.content()


backend = OpenBackend(lambda connection: Misbehaving())
