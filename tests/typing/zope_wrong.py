"""
What it objects to with mypy-zope: see ``wrong.py``.
"""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from txsmtpx import IBackend, IDataContext, IFilter, IMessage, ISession, MemoryBackend, Session


@implementer(ISession)
class Incomplete:  # E: misc
    def mail(self, sender: str, options: Any) -> Any:
        return None


async def read(message: IMessage, context: IDataContext) -> None:
    print(message.contents())  # E: attr-defined
    context.set_status(b"b@example.net")  # E: arg-type


def given() -> IBackend:
    return Session()  # E: return-value


def other() -> IFilter:
    return MemoryBackend()  # E: return-value
