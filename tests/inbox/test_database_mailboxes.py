"""The mailboxes of a file: an older file gets them, and their totals stay true."""

from __future__ import annotations

import random
import sqlite3

from tests.inbox.site import Web
from txsmtpx.inbox import database_schema
from txsmtpx.inbox.database_schema import VERSION
from txsmtpx.inbox.store_limits import MailboxLimits, StoreLimits

OLDER = """
DROP TRIGGER mailbox_added; DROP TRIGGER mailbox_changed; DROP TRIGGER mailbox_removed;
DROP TABLE mailbox; DROP TABLE mailbox_total;
UPDATE description SET listed = json_remove(listed, '$.mailboxes');
PRAGMA user_version = 1;
"""

COUNTED = """
SELECT name, total(deletion = 0), total(deletion = 0 AND read = 0), total(size * (deletion = 0))
FROM mailbox JOIN message ON id = message GROUP BY name
"""


def test_an_older_file_is_upgraded(tmp_path):
    file = tmp_path / "mail.db"
    web = Web(file=file)
    web.keep(b"Subject: one\r\n\r\n", "ann+signup@example.org", username="shop")
    web.keep(b"Subject: two\r\n\r\n", "ann@example.org")
    web.ask("POST", "/api/messages/read?ids=2")
    before = [web.json(path) for path in ("/api/mailboxes", "/api/messages", "/api/messages?mailbox=tag:signup")]
    web.stop()
    connection = sqlite3.connect(file)
    connection.executescript(OLDER)
    connection.close()

    database_schema.check(str(file))
    web = Web(file=file)
    after = [web.json(path) for path in ("/api/mailboxes", "/api/messages", "/api/messages?mailbox=tag:signup")]
    assert after == before
    assert [each["name"] for each in after[0]["mailboxes"]] == ["login:shop", "recipient:ann@example.org", "tag:signup"]
    web.keep(b"Subject: three\r\n\r\n", "ann@example.org")
    assert web.json("/api/mailboxes/recipient:ann@example.org")["messages"] == 3
    web.stop()
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    connection.close()


def test_the_totals_stay_true(tmp_path):
    """Whatever is done in whatever order, they are what counting finds."""
    random.seed(22)
    file = tmp_path / "mail.db"
    web = Web(file=file, max_messages=30)
    web.store.mailboxes.limit(MailboxLimits({"recipient": StoreLimits(messages=9), "tag": StoreLimits(age=300)}))
    deletions = [0]
    for _ in range(300):
        kept = random.choices("abcdef", k=random.randrange(1, 4))
        some = ",".join(str(random.randrange(1, 200)) for _ in range(9))
        match random.randrange(9):
            case 0 | 1 | 2 | 3:
                web.keep(b"x" * random.randrange(99), *(f"{each}+{each}@example.org" for each in kept))
            case 4:
                answer = web.ask("DELETE", f"/api/messages?ids={some}")
                deletions.append(int(answer.headers["Deletion"] or 0))
            case 5:
                web.ask("POST", f"/api/deletions/{deletions[-1]}/undo")
            case 6:
                web.ask("POST", f"/api/messages/{random.choice(['read', 'unread'])}?ids={some}")
            case 7:
                web.clock.advance(5)
            case 8:
                web.ask("DELETE", "/api/messages?mailbox=recipient:a@example.org")
        web.clock.work()
        counted = web.kept.store._reader._connection.execute(COUNTED).fetchall()
        listed = web.json("/api/mailboxes?limit=1000")["mailboxes"]
        assert {tuple(each.values()) for each in listed} == {each for each in counted if each[1]}
        assert all(each["messages"] <= 9 for each in listed if each["name"].startswith("recipient"))
    web.stop()
