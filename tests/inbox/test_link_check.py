"""The check of links."""

from __future__ import annotations

from tests.inbox.scripted_client import ScriptedClient
from txsmtpx.inbox.checked_content import Link
from txsmtpx.inbox.link_check import MAX_CHECKED, CheckedLink, check_links


def test_each_link_is_requested():
    client = ScriptedClient({
        "http://a.example/1": (200, {}, b""),
        "http://a.example/2": (302, {"location": "/1"}, b""),
        "http://a.example/3": "cannot connect",
        "http://a.example/4": None,
    })  # fmt: skip
    links = [Link("link", f"http://a.example/{each}") for each in range(1, 6)]
    found = []
    check_links(client, links).addCallback(found.extend)
    client.clock.advance(29)
    assert found == []
    client.clock.advance(1)
    assert found == [
        CheckedLink("link", "http://a.example/1", 200),
        CheckedLink("link", "http://a.example/2", 200, "http://a.example/1"),
        CheckedLink("link", "http://a.example/3", 0, error="cannot connect"),
        CheckedLink("link", "http://a.example/4", 0, error="no answer in time"),
        CheckedLink("link", "http://a.example/5", 404),
    ]
    assert [each.works for each in found] == [True, True, False, False, False]
    assert {method for method, _ in client.asked} == {"HEAD"}
    assert client.clock.getDelayedCalls() == []


def test_a_limit_on_their_number():
    client = ScriptedClient({})
    check_links(client, [Link("link", f"http://a.example/{each}") for each in range(500)])
    assert len(client.asked) == MAX_CHECKED
