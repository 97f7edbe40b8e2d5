"""Which messages a request selects."""

from __future__ import annotations

import pytest

from txsmtpx.inbox.message_selection import MAX_IDS


def left(web):
    return sorted(each["id"] for each in web.json("/api/messages")["messages"])


@pytest.mark.parametrize(("selection", "deleted"), [
    ("?ids=1,3", [1, 3]), ("?ids=3", [3]), ("?ids=3,3,99", [3]), ("?ids=0,99", []), ("?search=odd", [2]),
    ("", [1, 2, 3]), ("?ids=" + ",".join(map(str, range(2, 2 + MAX_IDS))), [2, 3]),
])  # fmt: skip
def test_delete_what_is_selected(both, selection, deleted):
    for n in range(3):
        both.keep(b"Subject: %b\r\n\r\n" % (b"odd" if n % 2 else b"even"))
    assert both.ask("DELETE", f"/api/messages{selection}").status == 204
    assert left(both) == [number for number in (1, 2, 3) if number not in deleted]


@pytest.mark.parametrize(("selection", "why"), [
    ("ids=", "ids: this parameter needs numbers with commas between them, not ''"), ("ids=1,,2", "not ''"),
    ("ids=1,x", "not 'x'"), ("ids=-1", "not '-1'"), ("ids=%D9%A1", "numbers"), ("ids=" + "9" * 16, "numbers"),
    ("ids=1&search=x", "ids: this parameter and search exclude each other"),
    ("search=", "search: this parameter needs a word; to select all messages, leave it out"),
    ("ids=" + ",".join(["1"] * (MAX_IDS + 1)), "ids: 1001 numbers are too many; the limit is 1000"),
])  # fmt: skip
def test_a_wrong_selection_deletes_nothing(both, selection, why):
    both.keep(b"")
    said = both.ask("DELETE", f"/api/messages?{selection}")
    assert said.status == 400
    assert why in said.json["error"]
    assert left(both) == [1]
