"""A queue in SQLite and one in a real PostgreSQL, used directly: their rows, their transactions, and their failures."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from twisted.logger import LogEvent, capturedLogs

from tests.queue.mails import NOW, envelope, new_mail
from txsmtpx.backends.envelope_recipient import EnvelopeRecipient
from txsmtpx.grammar.option_value import DeliverBy, OriginalRecipient, ValidSince
from txsmtpx.queue.postgresql_queue import PostgreSQLQueue
from txsmtpx.queue.queue_rows import SQLConnection
from txsmtpx.queue.queued_mail import NewMail, QueuedRecipient, RecipientOutcome, Selection
from txsmtpx.queue.sql_queue import SQLQueue
from txsmtpx.queue.sqlite_queue import SQLiteQueue

UNTIL = NOW + 600


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SQLQueue]:
    found: SQLQueue
    if request.param == "sqlite":
        found = SQLiteQueue(str(tmp_path / "queue.db"), tmp_path / "bodies")
    else:
        server = request.getfixturevalue("postgresql")
        server.run("DROP SCHEMA IF EXISTS txsmtpx_queue CASCADE")
        found = PostgreSQLQueue(server.url, tmp_path)
    yield found
    found.close()


def ids(queue: SQLQueue) -> list[str]:
    return [each.id for each in queue.find(Selection(), 100, 0)]


def test_every_parameter_is_kept(queue: SQLQueue) -> None:
    recipients = (
        EnvelopeRecipient("bob@example.net", ("DELAY", "FAILURE"), OriginalRecipient("rfc822", "bob@example.org")),
        EnvelopeRecipient("ü@example.net", valid_since=ValidSince(datetime(2029, 1, 1, tzinfo=UTC), "R")),
    )
    mail = NewMail(
        envelope(
            *recipients, smtputf8=True, requiretls=True, envid="QQ314159", ret="HDRS", auth="ann@example.org",
            deliver_by=DeliverBy(100, "R", True), priority=-3, hold_for=60, body="8BITMIME",
        ),
        ["example.net", "a route"], b"x", 1, NOW, NOW + 99, -3,
    )  # fmt: skip
    queue.add([mail])
    (found,) = queue.find(Selection(), 10, 0)
    assert found.envelope == mail.envelope
    assert (found.expires, found.priority, found.size) == (NOW + 99, -3, 1)
    assert found.recipients == [
        QueuedRecipient(0, recipients[0], "example.net", due=NOW),
        QueuedRecipient(1, recipients[1], "a route", due=NOW),
    ]


def test_many_messages_that_cannot_be_stored_do_not_stop_the_others(queue: SQLQueue) -> None:
    stored = [new_mail() for _ in range(20)]
    batch = [mail for each in stored for mail in (each, each)]
    outcomes = queue.add(batch)
    assert outcomes[::2] == [None] * 20
    assert all("unique" in str(each).lower() for each in outcomes[1::2])
    assert ids(queue) == [each.id for each in stored]
    assert [len(each.recipients) for each in queue.find(Selection(), 100, 0)] == [1] * 20


def test_a_transaction_that_is_lost_is_not_continued_by_another(
    queue: SQLQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection to PostgreSQL ends, or SQLite rolls back, as it does when the disk is full."""
    before, lost, after = new_mail(), new_mail(), new_mail()
    original = queue._insert_mail

    def insert_mail(connection: SQLConnection, mail: NewMail) -> int:
        number = original(connection, mail)
        if mail is lost:
            if isinstance(queue, SQLiteQueue):
                connection.execute("ROLLBACK")
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return number

    with monkeypatch.context() as patched:
        patched.setattr(queue, "_insert_mail", insert_mail)
        with pytest.raises(Exception, match=r"no such function|terminating connection"):
            queue.add([before, lost, after])
    assert ids(queue) == []
    assert queue.add([after]) == [None]
    assert ids(queue) == [after.id]


def test_a_failure_within_finish_changes_nothing(queue: SQLQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    mail, report = new_mail(), new_mail("ann@example.org", sender="")
    queue.add([mail])
    (lease,) = queue.lease("me", NOW, UNTIL, 10, 10, ())

    def locked_body(connection: SQLConnection, number: int) -> str:
        raise OSError("the last step fails")

    with monkeypatch.context() as patched:
        patched.setattr(queue, "_locked_body", locked_body)
        with pytest.raises(OSError, match="the last step fails"):
            queue.finish(lease, [RecipientOutcome(0, "failed")], [report])
    (found,) = queue.find(Selection(), 10, 0)
    assert (found.id, found.recipients[0].state, found.recipients[0].leased) == (mail.id, "waiting", True)
    queue.finish(lease, [RecipientOutcome(0, "failed")], [report])
    assert ids(queue) == [report.id]


NAMES = [f"{number:032x}.eml" for number in range(4)]


def bodies(queue: SQLQueue) -> Path:
    directory = queue._directory if isinstance(queue, SQLiteQueue) else getattr(queue, "_spool", None)
    assert isinstance(directory, Path)
    return directory


@pytest.fixture
def unremovable(monkeypatch: pytest.MonkeyPatch) -> dict[str, OSError]:
    """The errors of files that cannot be removed, by their names."""
    errors: dict[str, OSError] = {}
    unlink = Path.unlink

    def failing(path: Path, missing_ok: bool = False) -> None:
        if path.name in errors:
            raise errors[path.name]
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", failing)
    return errors


def reasons(logs: list[LogEvent]) -> list[tuple[str, str]]:
    return [(each["path"].name, str(each["reason"])) for each in logs]


def test_a_body_that_cannot_be_removed_after_the_commit_fails_nothing(
    queue: SQLQueue, unremovable: dict[str, OSError]
) -> None:
    """Otherwise a client would send its message again, and a delivery would be repeated."""
    unremovable.update(dict.fromkeys(NAMES[:2], PermissionError(errno.EACCES, "Permission denied")))
    unremovable[NAMES[2]] = OSError(errno.EIO, "Input/output error")
    assert queue.find(Selection(), 1, 0) == []  # it is open
    for name in NAMES:
        (bodies(queue) / name).write_bytes(b"x")
    mails = [new_mail(body=name, size=1) for name in NAMES]
    with capturedLogs() as logs:
        assert queue.add(mails[:3]) == [None] * 3
        assert ids(queue) == [each.id for each in mails[:3]]
        for lease in queue.lease("me", NOW, UNTIL, 10, 10, ())[:2]:
            queue.finish(lease, [RecipientOutcome(0, "delivered")], [mails[3]] if lease.mail.id == mails[0].id else [])
        assert ids(queue) == [each.id for each in mails[2:]]
        assert queue.change(Selection(), "delete", NOW) == 2
    assert ids(queue) == []
    assert reasons(logs) == [(NAMES[0], "Permission denied"), (NAMES[2], "Input/output error")]
    assert sorted(each.name for each in bodies(queue).glob("*.eml")) == NAMES[:3]


def test_the_directory_of_bodies_is_gone_after_the_commit(queue: SQLQueue) -> None:
    assert queue.find(Selection(), 1, 0) == []
    (bodies(queue) / NAMES[0]).write_bytes(b"x")
    original = queue._committed

    def committed(gone: Iterable[str], stored: Sequence[NewMail]) -> None:
        bodies(queue).rename(bodies(queue).with_name("elsewhere"))
        original(gone, stored)
        bodies(queue).with_name("elsewhere").rename(bodies(queue))

    queue._committed = committed  # type: ignore[method-assign]
    with capturedLogs() as logs:
        assert queue.add([new_mail(body=NAMES[0], size=1)]) == [None]
        (lease,) = queue.lease("me", NOW, UNTIL, 10, 10, ())
        queue.finish(lease, [RecipientOutcome(0, "delivered")], [])
    assert (ids(queue), logs) == ([], [])


def test_only_the_recipients_of_a_lease_are_renewed(queue: SQLQueue) -> None:
    queue.add([new_mail("a@example.net", "b@example.com", "c@example.net") for _ in range(3)])
    leases = queue.lease("me", NOW, UNTIL, 10, 10, ("example.com",))
    assert [[each.number for each in lease.mail.recipients] for lease in leases] == [[0, 2]] * 3
    queue.renew(leases[1:], UNTIL + 1)
    queue.renew([], UNTIL + 2)
    due = [[each.due for each in mail.recipients] for mail in queue.find(Selection(), 10, 0)]
    assert due == [[UNTIL, NOW, UNTIL], *[[UNTIL + 1, NOW, UNTIL + 1]] * 2]
    queue.hand_back(leases[:2])
    found = [[(each.due, each.attempts) for each in mail.recipients] for mail in queue.find(Selection(), 10, 0)]
    assert found[:2] == [[(0, 0), (NOW, 0), (0, 0)]] * 2
    assert found[2] == [(UNTIL + 1, 1), (NOW, 0), (UNTIL + 1, 1)]
