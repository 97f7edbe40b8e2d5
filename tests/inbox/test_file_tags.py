"""The tags of a file.  ``test_inbox_store`` has what both stores do."""

from __future__ import annotations

from tests.inbox.site import Web
from tests.inbox.stored_messages import result


def test_they_are_counted_and_replaced_in_the_threads_of_the_file(tmp_path):
    web = Web(file=tmp_path / "mail.db")
    web.keep(b"X-Tags: a\r\n\r\n")
    called = []
    tags = web.store.tags
    read, change = tags._read, tags._change

    def noted(action):
        def call(*arguments):
            called.extend(each.__name__ for each in arguments if callable(each))
            return action(*arguments)

        return call

    tags._read, tags._change = noted(read), noted(change)
    result(tags.replace({1: ["b"]}))
    assert result(tags.counted()) == {"b": 1}
    assert called == ["_marked", "retag", "tags"]
    web.stop()


def test_they_remain_after_a_restart(tmp_path):
    web = Web(file=tmp_path / "mail.db")
    web.keep(b"X-Tags: a\r\n\r\n")
    result(web.store.tags.replace({1: ["b", "c"]}))
    web.stop()
    web = Web(file=tmp_path / "mail.db")
    assert result(web.store.tags.counted()) == {"b": 1, "c": 1}
    assert web.json("/api/messages/1")["tags"] == ["b", "c"]
    web.stop()
