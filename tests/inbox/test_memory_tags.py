"""The tags of the messages in memory.  ``test_inbox_store`` has what both stores do."""

from __future__ import annotations

from tests.inbox.site import Web
from tests.inbox.stored_messages import result


def test_their_memory_counts(web):
    web.keep(b"")
    web.json("/api/messages")
    before = web.backend._octets
    result(web.store.tags.replace({1: ["x" * 100] * 10}))
    assert web.backend._octets > before + 1000
    result(web.store.tags.replace({1: []}))
    assert abs(web.backend._octets - before) < 200


def test_tags_that_need_too_much_memory_delete_the_oldest_message():
    web = Web(max_octets=20_000)
    for _ in range(3):
        web.keep(b"x" * 4000)
    web.json("/api/messages")
    result(web.store.tags.replace({3: ["y" * 9000]}))
    assert 1 not in web.backend
    assert web.json("/api/messages/3")["tags"] == ["y" * 9000]
    web.stop()


def test_a_message_that_is_deleted_meanwhile_is_skipped(web):
    for _ in range(2):
        web.keep(b"X-Tags: a\r\n\r\n")
    for work in (web.store.tags.counted(), web.store.tags.replace({1: ["b"], 2: ["b"]})):
        next(work)
        web.backend.delete(web.backend.messages[-1].id)
        result(work)
    assert web.json("/api/messages")["total"] == 0
