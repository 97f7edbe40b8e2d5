"""
The interfaces, which a type checker understands with mypy-zope.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from zope.interface import implementer

from txsmtpx import (
    BackendRealm,
    Connection,
    Filter,
    IBackend,
    IDataContext,
    IFilter,
    IMessage,
    ISession,
    MailOptions,
    MemoryBackend,
    PortalBackend,
    RcptOptions,
    Session,
)
from txsmtpx.logins.client_certificate import CertificateChecker


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


def given(context: IDataContext) -> tuple[IBackend, IFilter]:
    return MemoryBackend(), Filter(context.connection)


def portal() -> PortalBackend:
    users = InMemoryUsernamePasswordDatabaseDontUse(me=b"secret")
    return PortalBackend(Portal(BackendRealm(Backend()), [users, CertificateChecker()]))
