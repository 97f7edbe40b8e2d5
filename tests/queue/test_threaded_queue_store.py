"""What each store of a queue promises: that in SQLite, and that in a real PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import Clock

from tests.queue.mails import NOW, new_mail
from tests.queue.opened import UNTIL, Opened, chunks, content, named
from txsmtpx.interfaces import StoreError
from txsmtpx.queue.postgresql_queue_store import PostgreSQLQueueStore
from txsmtpx.queue.queue_rows import RecipientRow, SQLConnection, mail_of
from txsmtpx.queue.queue_url import blocking_queue
from txsmtpx.queue.queued_mail import Depth, QueuedMail, RecipientOutcome, RecipientState, Selection
from txsmtpx.queue.sql_queue import SQLQueue
from txsmtpx.queue.sqlite_queue_store import SQLiteQueueStore


@pytest_twisted.async_yield_fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    if request.param == "sqlite":
        made = Opened(SQLiteQueueStore(str(tmp_path / "queue.db"), Clock()))
    else:
        server = request.getfixturevalue("postgresql")
        server.run("DROP SCHEMA IF EXISTS txsmtpx_queue CASCADE")
        made = Opened(PostgreSQLQueueStore(server.url, reactor))
    await made.store.open(made.changed)
    made.changes = 0
    yield made
    await made.store.close()


@pytest.fixture
def another(opened: Opened, request: pytest.FixtureRequest) -> Iterator[SQLQueue]:
    """The same queue, as another process opens it."""
    store = opened.store
    if isinstance(store, SQLiteQueueStore):
        queue = blocking_queue(f"sqlite:{store.path}")
    else:
        queue = blocking_queue(request.getfixturevalue("postgresql").url)
    yield queue
    queue.close()


async def test_a_message_is_leased_and_delivered(opened: Opened) -> None:
    mail = new_mail("bob@example.net", "eve@example.com", "cat@example.net")
    await opened.store.add(mail)
    second, first = await opened.lease()
    assert opened.changes >= 1
    assert named([second, first]) == [(mail.id, "example.com", [1]), (mail.id, "example.net", [0, 2])]
    assert first.mail.envelope == mail.envelope
    assert (first.owner, first.until, first.mail.size, first.mail.received) == ("me", UNTIL, mail.size, NOW)
    assert [each.attempts for each in first.mail.recipients] == [1, 1]
    assert [each.recipient.address for each in first.mail.recipients] == ["bob@example.net", "cat@example.net"]
    assert await content(opened.store, first.mail) == mail.body
    assert await opened.lease() == []

    await opened.store.finish(first, [RecipientOutcome(at, "delivered", "250 2.0.0 Ok", "mx") for at in (0, 2)], [])
    (left,) = await opened.store.find(Selection(), 10)
    assert [(each.state, each.leased, each.reply, each.server) for each in left.recipients] == [
        ("delivered", False, "250 2.0.0 Ok", "mx"),
        ("waiting", True, "", ""),
        ("delivered", False, "250 2.0.0 Ok", "mx"),
    ]
    await opened.store.finish(second, [RecipientOutcome(1, "failed", "550 5.1.1 No")], [])
    assert await opened.store.find(Selection(), 10) == []
    assert await opened.store.depth(NOW) == Depth(ages=(0,) * 8)
    with pytest.raises(StoreError, match=f"the queue has no message {mail.id}"):
        await opened.store.open_body(first.mail)


async def test_what_failed_for_now_is_due_again(opened: Opened) -> None:
    await opened.store.add(new_mail())
    (lease,) = await opened.lease()
    outcome = RecipientOutcome(0, "waiting", "451 4.2.0 Later", "mx", NOW + 300, delay_reported=True)
    await opened.store.finish(lease, [outcome], [])
    assert await opened.lease(NOW + 299) == []
    assert await opened.store.next_due(NOW, ()) == NOW + 300
    (again,) = await opened.lease(NOW + 300)
    (recipient,) = again.mail.recipients
    assert (recipient.attempts, recipient.reply, recipient.delay_reported) == (2, "451 4.2.0 Later", True)
    # A later outcome does not take the mark away.
    await opened.store.finish(again, [RecipientOutcome(0, "waiting", due=NOW + 900)], [])
    (found,) = await opened.store.find(Selection(), 1)
    assert found.recipients[0].delay_reported


async def test_the_order_is_by_priority_and_then_by_time(opened: Opened) -> None:
    late, early, urgent = new_mail(due=NOW - 1), new_mail(due=NOW - 2), new_mail(due=NOW, priority=3)
    for each in (late, early, urgent, new_mail(due=NOW + 1, priority=9)):
        await opened.store.add(each)
    assert [each.mail.id for each in await opened.lease(limit=2)] == [urgent.id, early.id]
    assert [each.mail.id for each in await opened.lease()] == [late.id]


async def test_destinations_have_their_limits(opened: Opened) -> None:
    for number in range(3):
        await opened.store.add(new_mail(f"a{number}@example.net", f"a{number}@example.com", f"a{number}@example.org"))
    found = await opened.lease(each=2, full=("example.com",))
    assert sorted(each.destination for each in found) == ["example.net"] * 2 + ["example.org"] * 2
    assert await opened.store.next_due(NOW, ("example.com", "example.net", "example.org")) is None
    assert await opened.store.next_due(NOW + 9, ("example.net",)) == NOW + 9


async def test_a_lease_expires(opened: Opened) -> None:
    await opened.store.add(new_mail())
    (first,) = await opened.lease()
    assert await opened.store.lease("other", UNTIL - 1, UNTIL + 600, 10, 10, ()) == []
    (second,) = await opened.store.lease("other", UNTIL, UNTIL + 600, 10, 10, ())
    assert second.mail.recipients[0].attempts == 2
    # The first process is late: its failure for now does not count, its success does.
    await opened.store.finish(first, [RecipientOutcome(0, "waiting", due=0)], [])
    assert await opened.store.next_due(NOW, ()) == UNTIL + 600
    await opened.store.finish(first, [RecipientOutcome(0, "delivered")], [])
    assert await opened.store.find(Selection(), 1) == []
    await opened.store.finish(second, [RecipientOutcome(0, "waiting", due=0)], [])
    assert await opened.store.find(Selection(), 1) == []


async def test_a_lease_is_renewed_and_handed_back(opened: Opened) -> None:
    await opened.store.add(new_mail())
    leases = await opened.lease()
    await opened.store.renew(leases, UNTIL + 100)
    assert await opened.store.next_due(NOW, ()) == UNTIL + 100
    await opened.store.hand_back(leases)
    (again,) = await opened.lease()
    assert again.mail.recipients[0].attempts == 1  # that one did not count
    await opened.store.hand_back([])


async def test_a_recipient_without_an_outcome_is_due(opened: Opened) -> None:
    await opened.store.add(new_mail("bob@example.net", "eve@example.net"))
    (lease,) = await opened.lease()
    await opened.store.finish(lease, [RecipientOutcome(0, "delivered")], [])
    (again,) = await opened.lease()
    assert [each.number for each in again.mail.recipients] == [1]


async def test_reports_are_stored_with_the_outcomes(opened: Opened) -> None:
    mail, report = new_mail(), new_mail("ann@example.org", sender="")
    await opened.store.add(mail)
    (lease,) = await opened.lease()
    clash = new_mail()
    await opened.store.add(clash)
    with pytest.raises(StoreError, match=r"(?i)unique"):  # all of it, or nothing
        await opened.store.finish(lease, [RecipientOutcome(0, "failed")], [report, clash])
    assert [each.id for each in await opened.store.find(Selection(), 10)] == [mail.id, clash.id]
    await opened.store.finish(lease, [RecipientOutcome(0, "failed")], [report])
    assert [each.id for each in await opened.store.find(Selection(), 10)] == [clash.id, report.id]


async def test_a_long_body_is_kept_whole(opened: Opened) -> None:
    octets = random.Random(1).randbytes(600_000)
    body = opened.store.body()
    await body.read(chunks(octets[:100], octets[100:]))
    assert body.name
    mail = new_mail(body=body.name, size=body.size)
    await opened.store.add(mail)
    body.close()
    (lease,) = await opened.lease()
    assert await content(opened.store, lease.mail) == octets
    short = opened.store.body()
    await short.read(chunks(octets[:65_535]))
    assert (short.name, short.content()) == ("", octets[:65_535])
    short.close()


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(), [0, 1, 2]),
        (Selection(sender="eve@example.org"), [1]),
        (Selection(recipient="bob@example.net"), [0]),
        (Selection(recipient="@EXAMPLE.net"), [0, 2]),
        (Selection(recipient="@ample.net"), []),
        (Selection(destination="example.com"), [1, 2]),
        (Selection(state="held"), [1]),
        (Selection(ids=[]), []),
        (Selection(destination="example.com", state="waiting"), [2]),
    ],
)
async def test_what_is_selected(opened: Opened, selection: Selection, found: list[int]) -> None:
    mails = [
        new_mail("bob@example.net"),
        new_mail("bob@example.com", sender="eve@example.org", held=True),
        new_mail("cat@example.net", "cat@example.com"),
    ]
    for each in mails:
        await opened.store.add(each)
    assert [each.id for each in await opened.store.find(selection, 10)] == [mails[at].id for at in found]
    everything = await opened.store.find(Selection(), 2)
    assert [each.id for each in everything] == [mails[0].id, mails[1].id]
    assert [each.id for each in await opened.store.find(Selection(), 2, everything[-1].number)] == [mails[2].id]


async def test_an_operator_changes_recipients(opened: Opened) -> None:
    store = opened.store
    later = new_mail("bob@example.net", "bob@example.com", due=NOW + 99)
    other = new_mail("cat@example.org", due=NOW + 99)
    await store.add(later)
    await store.add(other)
    one = Selection(ids=[later.id], destination="example.net")
    assert await store.change(one, "hold", NOW) == 1
    assert await store.change(one, "hold", NOW) == 0
    assert [each.destination for each in await opened.lease(NOW + 99, limit=1)] == ["example.com"]
    assert await store.change(one, "release", NOW) == 1
    assert [each.destination for each in await opened.lease()] == ["example.net"]
    assert await store.change(Selection(), "retry", NOW) == 1  # those that are leased stay
    assert [each.mail.id for each in await opened.lease()] == [other.id]
    before = opened.changes
    assert await store.change(Selection(ids=[later.id]), "delete", NOW) == 2
    assert opened.changes > before
    assert [each.id for each in await store.find(Selection(), 10)] == [other.id]


async def test_what_is_held_while_it_is_delivered_stays_held(opened: Opened) -> None:
    await opened.store.add(new_mail("bob@example.net", "eve@example.net"))
    (lease,) = await opened.lease()
    assert await opened.store.change(Selection(), "hold", NOW) == 2
    await opened.store.finish(lease, [RecipientOutcome(0, "waiting", due=0), RecipientOutcome(1, "delivered")], [])
    (found,) = await opened.store.find(Selection(), 10)
    assert [each.state for each in found.recipients] == ["held", "delivered"]
    assert await opened.lease(UNTIL) == []


async def test_the_last_outcome_of_deleted_recipients_has_no_report(opened: Opened) -> None:
    await opened.store.add(new_mail("bob@example.net", "bob@example.com"))
    first, second = await opened.lease()
    report = new_mail("ann@example.org", sender="")
    for lease in (first, second):
        await opened.store.change(Selection(destination=lease.destination), "delete", NOW)
        failed = RecipientOutcome(lease.mail.recipients[0].number, "failed")
        await opened.store.finish(lease, [failed], [report])
    assert await opened.store.find(Selection(), 10) == []


@pytest.mark.parametrize("state", ["failed", "waiting"])
async def test_an_outcome_is_stored_twice(opened: Opened, state: RecipientState) -> None:
    """The connection to a database may be lost after a commit, before its answer."""
    await opened.store.add(new_mail())
    (lease,) = await opened.lease()
    outcome, report = RecipientOutcome(0, state, due=NOW + 9), new_mail("ann@example.org", sender="")
    for _ in range(2):
        await opened.store.finish(lease, [outcome], [report])
    found = [each.id for each in await opened.store.find(Selection(), 10)]
    assert found == [*[lease.mail.id] * (state == "waiting"), report.id]
    await opened.store.change(Selection(ids=[report.id]), "delete", NOW)  # it was delivered meanwhile
    await opened.store.finish(lease, [outcome], [report])
    assert len(await opened.store.find(Selection(), 10)) == (state == "waiting")


async def test_it_counts(opened: Opened) -> None:
    await opened.store.add(new_mail("bob@example.net", "bob@example.com"))
    await opened.store.add(new_mail(held=True))
    await opened.lease(limit=1)
    size = 2 * len(new_mail().body)
    assert await opened.store.depth(NOW + 60) == Depth(2, size, 2, 1, 1, NOW, (3, 0, 0, 0, 0, 0, 0, 0))
    assert (await opened.store.depth(UNTIL)).leased == 0


async def test_a_list_goes_on_after_the_message_at_its_end_is_gone(opened: Opened) -> None:
    for _ in range(3):
        await opened.store.add(new_mail())
    *_, last = await opened.store.find(Selection(), 2)
    await opened.store.change(Selection(ids=[last.id]), "delete", NOW)
    assert len(await opened.store.find(Selection(), 10, last.number)) == 1


async def test_messages_are_removed_by_another_process_while_they_are_listed(
    opened: Opened, another: SQLQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await opened.store.add(new_mail("bob@example.net", "eve@example.net"))

    def mail_of_changed(connection: SQLConnection, number: int, recipients: Iterable[RecipientRow]) -> QueuedMail:
        another.change(Selection(), "delete", NOW)
        return mail_of(connection, number, recipients)

    monkeypatch.setattr("txsmtpx.queue.sql_queue.mail_of", mail_of_changed)
    assert [len(each.recipients) for each in await opened.store.find(Selection(), 10)] == [2, 2, 2]
    assert await opened.store.find(Selection(), 10) == []
