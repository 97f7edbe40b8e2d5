"""The site of a queue without a socket: a store in a database, and a client that speaks HTTP to the site."""

from __future__ import annotations

import base64
import json
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.inbox.site import Answer, LineTransport
from tests.queue.mails import NOW, new_mail
from txsmtpx.queue.mail_queue import MailQueue
from txsmtpx.queue.queued_mail import NewMail, RecipientOutcome, Selection
from txsmtpx.queue.threaded_queue_store import ThreadedQueueStore
from txsmtpx.queue_web.queue_routes import QUEUE
from txsmtpx.queue_web.queue_site import QueueSite
from txsmtpx.web.web_login import WebLogin

LATER = RecipientOutcome(0, "waiting", "451 4.2.0 Come again", "mx.example.net", NOW + 300)

ME = "Basic " + base64.b64encode(b"me:secret").decode()


class QueueWeb:
    """
    A site, and its queue, which does not deliver.

    Attributes:
        queue: The queue.
        store: Its store.
        now: The time.
    """

    def __init__(self, store: ThreadedQueueStore, login: bool = False, **site: Any) -> None:
        self.store = store
        self.now = NOW + 60
        self.queue = MailQueue(store, now=lambda: self.now)
        checks = None
        if login:
            checks = WebLogin(QUEUE, InMemoryUsernamePasswordDatabaseDontUse(me=b"secret"), None, reactor)
        self.site = QueueSite(self.queue, reactor, login=checks, **site)
        self.site.startFactory()

    async def stop(self) -> None:
        self.site.stopFactory()
        await self.queue.stopService()

    async def add(self, *mails: NewMail) -> list[str]:
        """Store messages, in this order."""
        for each in mails:
            await self.queue.use(lambda store, mail=each: store.add(mail))
        return [each.id for each in mails]

    async def fill(self) -> tuple[str, str]:
        """Store a message of two recipients, of which one was tried, and one that is held."""
        tried, held = await self.add(
            new_mail("bob@example.net", "eve@example.com", body=b"Subject: a\r\n\r\nHi\r\n"), new_mail(held=True)
        )
        other, lease = await self.store.lease("me", NOW, NOW + 99, 10, 10, ())
        await self.store.hand_back([other])
        await self.store.finish(lease, [LATER], [])
        return tried, held

    async def states(self) -> list[str]:
        found = await self.store.find(Selection(), 100)
        return [each.state for mail in found for each in mail.recipients]

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Send one request; ``Sec_Fetch_Site`` in Python is ``Sec-Fetch-Site`` on the wire."""
        octets = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"Host": "localhost:8026", "Connection": "close"}
        if body is not None:
            fields |= {"Content-Type": "application/json", "Content-Length": str(len(octets))}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        transport = LineTransport()
        protocol = transport.protocol = self.site.buildProtocol(None)
        protocol.makeConnection(transport)
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        protocol.dataReceived("\r\n".join(lines).encode("latin-1") + octets)
        while not transport.disconnecting:
            await deferLater(reactor, 0)  # the thread of the store works meanwhile
        return Answer(transport.value(), method)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, **headers)
