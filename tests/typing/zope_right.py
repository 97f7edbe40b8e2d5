"""
The interfaces, which a type checker understands with mypy-zope.
"""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from txsmtpx import (
    Connection,
    Filter,
    IBackend,
    IDataContext,
    IFilter,
    IMessage,
    ISession,
    MailOptions,
    MemoryBackend,
    RcptOptions,
    Session,
)


@implementer(ISession)
class Own:
    def mail(self, sender: str, options: MailOptions) -> Any:
        return None

    def rcpt(self, recipient: str, options: RcptOptions) -> Any:
        return None

    async def data(self, message: IMessage, context: IDataContext) -> str:
        content: bytes = await message.content(1000)
        async for chunk in message:
            print(chunk)
        context.start_delivery(0, timeout=5)
        return f"{content!r} {context.sender} {context.set_status(0)}"

    def reset(self) -> None:
        pass

    def logout(self) -> None:
        pass


@implementer(IBackend)
class Backend:
    def login(self, connection: Connection, username: str, password: str) -> ISession:
        return Own()

    def anonymous_login(self, connection: Connection) -> ISession:
        return Session()


def given() -> tuple[IBackend, IFilter]:
    return MemoryBackend(), Filter(None)
