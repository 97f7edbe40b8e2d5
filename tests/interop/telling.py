"""A backend, named to ``twistd smtpx --backend``, which tells a client at MAIL what the proxy has said of it."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.task import deferLater

from txsmtpx import Connection, OpenBackend, Session, SMTPError


class TellingSession(Session):
    """Refuses every message, after a while."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def mail(self, sender: str, options: object) -> None:
        """The header, in words."""
        await deferLater(reactor, 0.1)  # type: ignore[arg-type]  # the global reactor has no type of its own
        header = self._connection.proxy_header
        if header is None:
            raise SMTPError(550, message="no header")
        words = [self._connection.peer_host, header.version, header.authority, header.unique_id, header.ssl]
        raise SMTPError(550, message="|".join(map(str, words)))


backend = OpenBackend(TellingSession)
