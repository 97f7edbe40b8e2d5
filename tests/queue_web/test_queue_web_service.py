"""The service: it listens, asks for the login, and stops before its queue does."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread

from tests.queue_web.site import ME
from txsmtpx.queue.mail_queue import MailQueue
from txsmtpx.queue.sqlite_queue_store import SQLiteQueueStore
from txsmtpx.queue_web.queue_web_service import QueueWebService
from txsmtpx.web.api_tokens import ApiTokens

TOKEN = "0123456789abcdefghij"


def asked(port: int, login: str) -> tuple[int, str | None]:
    """The status of a request, and the login that it needs."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/api/queue", headers={"Authorization": login} if login else {})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers["WWW-Authenticate"]


async def test_it_serves_the_queue_to_those_who_log_in(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"ci {TOKEN}\n")
    queue = MailQueue(SQLiteQueueStore(str(tmp_path / "queue.db"), Clock()))
    made = QueueWebService(
        queue, "tcp:0:interface=127.0.0.1", reactor, checker=InMemoryUsernamePasswordDatabaseDontUse(me=b"secret"),
        tokens=ApiTokens(str(tmp_path / "tokens")),
    )  # fmt: skip
    made.startService()
    (listening,) = made.services
    port = (await listening._waitingForPort).getHost().port
    statuses = []
    for value in ("", ME, f"Bearer {TOKEN}", f"Bearer {TOKEN}x"):
        statuses.append(await deferToThread(asked, port, value))
    await made.stopService()
    await queue.stopService()
    challenge = (401, 'Basic realm="queue", charset="UTF-8"')
    assert statuses == [challenge, (200, None), (200, None), challenge]


@pytest.mark.parametrize(("more", "why"), [
    ({"names": ["a b"]}, "a host name of the queue must be a domain"),
    ({"path": "x"}, "must be a path"),
    ({"proxies": ["x"]}, "x"),
])  # fmt: skip
def test_what_cannot_be_used(tmp_path: Path, more: dict[str, object], why: str) -> None:
    queue = MailQueue(SQLiteQueueStore(str(tmp_path / "queue.db"), Clock()))
    with pytest.raises(ValueError, match=why):
        QueueWebService(queue, "tcp:0", reactor, **more)
