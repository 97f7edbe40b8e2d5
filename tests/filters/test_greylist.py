"""Greylisting: the first attempt of an unknown client is deferred."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import fail
from twisted.internet.task import Clock

from txsmtpx import Accept, Connection, StoreError
from txsmtpx.filters.greylist import DELAY, LIFETIME, WINDOW, Greylist, PassedGreylist
from txsmtpx.settling import deferred_call, settle
from txsmtpx.stores.memory_store import MemoryStore

TRIPLET = ("192.0.2.1", "a@client.example", "b@server.example")


@pytest.fixture
def clock():
    return Clock()


def verdict(greylist, host, sender, recipient, username=None):
    """The verdict for a recipient of a new connection."""
    connection = Connection("1", "localhost", False)
    connection.peer = (
        UNIXAddress(b"/run/x") if host is None else (IPv6Address if ":" in host else IPv4Address)("TCP", host, 4000)
    )
    connection.username = username
    made = greylist(connection)
    assert made.mail(sender, None) is None
    return settle(made.recipient(recipient, None))


def deferred(greylist, *triplet):
    """The seconds for which a recipient is deferred; 0 if it is accepted."""
    found = verdict(greylist, *triplet)
    if found is None or isinstance(found, Accept):
        return 0
    assert (found.code, found.enhanced_code) == (451, (4, 7, 1))
    text = found.text.removeprefix("Greylisted, try again in ").removesuffix(" s")
    return int(text)


def test_a_triplet_is_deferred_until_the_delay_has_passed(clock):
    greylist = Greylist(reactor=clock)
    assert deferred(greylist, *TRIPLET) == DELAY
    clock.advance(100.5)
    assert deferred(greylist, *TRIPLET) == 200  # rounded up: a client that waits as long as the reply says is accepted
    clock.advance(199.5)
    assert verdict(greylist, *TRIPLET) == Accept(results=[PassedGreylist(300.0)])
    assert verdict(greylist, *TRIPLET) is None
    clock.advance(WINDOW)
    assert verdict(greylist, *TRIPLET) is None


def test_the_fact_for_the_log():
    assert PassedGreylist(312.7).facts() == {"greylisted": 312}


def test_a_client_that_tries_again_too_late_is_unknown(clock):
    greylist = Greylist(reactor=clock)
    deferred(greylist, *TRIPLET)
    clock.advance(WINDOW - 0.1)
    deferred(greylist, "192.0.2.9", *TRIPLET[1:])  # another attempt does not begin the window anew; this one passes
    clock.advance(1)
    assert deferred(greylist, *TRIPLET) == 0
    other = ("198.51.100.1", *TRIPLET[1:])
    deferred(greylist, *other)
    clock.advance(WINDOW)
    assert deferred(greylist, *other) == DELAY


def test_attempts_in_the_delay_do_not_begin_it_anew(clock):
    greylist = Greylist(reactor=clock)
    for left in (300, 240, 180, 120, 60, 0):
        assert deferred(greylist, *TRIPLET) == left
        clock.advance(60)


@pytest.mark.parametrize(
    ("host", "same", "other"),
    [
        ("192.0.2.1", "192.0.2.254", "192.0.3.1"),
        ("192.0.2.1", "::ffff:192.0.2.9", "::ffff:192.0.3.1"),
        ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
    ],
)
def test_the_network_of_the_client_counts(clock, host, same, other):
    greylist = Greylist(reactor=clock)
    deferred(greylist, host, "a@b", "c@d")
    clock.advance(DELAY)
    assert deferred(greylist, other, "a@b", "c@d") == DELAY
    assert deferred(greylist, same, "a@b", "c@d") == 0


@pytest.mark.parametrize(
    ("address", "same", "other"),
    [
        ("me@example.org", "ME@Example.ORG", "mee@example.org"),
        ("me@b\u00fccher.example", "me@XN--BCHER-KVA.example", "me@bucher.example"),
        ("caf\u00e9@example.org", "cafe\u0301@example.org", "cafe@example.org"),
        ("mark@example.org", '"m\\ark"@example.org', "mar\u212a@example.org"),
        ("a@[192.0.2.1]", "a@[IPv6:::ffff:192.0.2.1]", "a@[192.0.2.2]"),
    ],
)
@pytest.mark.parametrize("place", ["sender", "recipient"])
def test_an_address_is_the_same_however_it_is_written(clock, address, same, other, place):
    greylist = Greylist(reactor=clock)

    def attempt(varied):
        pair = (varied, "x@y") if place == "sender" else ("x@y", varied)
        return deferred(greylist, "192.0.2.1", *pair)

    attempt(address)
    clock.advance(DELAY)
    assert [attempt(other), attempt(same)] == [DELAY, 0]


def test_the_null_sender_and_postmaster(clock):
    greylist = Greylist(reactor=clock)
    assert deferred(greylist, "192.0.2.1", "", "postmaster") == DELAY
    clock.advance(DELAY)
    assert deferred(greylist, "192.0.2.1", "", "Postmaster") == 0


def test_addresses_that_together_are_alike_are_two_pairs(clock):
    greylist = Greylist(reactor=clock)
    deferred(greylist, "192.0.2.1", "a@b", "c@d")
    clock.advance(DELAY)
    assert deferred(greylist, "192.0.2.1", "a@bc", "@d") == DELAY


def pass_once(greylist, clock, host, sender):
    """Let a triplet of a host pass."""
    assert deferred(greylist, host, sender, "b@server.example") == DELAY
    clock.advance(DELAY)
    assert deferred(greylist, host, sender, "b@server.example") == 0


def test_a_client_is_known_after_some_triplets(clock):
    greylist = Greylist(known_after=3, reactor=clock)
    for number in range(3):
        pass_once(greylist, clock, "192.0.2.1", f"{number}@client.example")
    assert verdict(greylist, "192.0.2.7", "new@client.example", "c@server.example") is None
    assert deferred(greylist, "192.0.3.1", "new@client.example", "c@server.example") == DELAY
    for _ in range(3):
        clock.advance(LIFETIME - 1)
        assert verdict(greylist, "192.0.2.1", "newer@client.example", "c@server.example") is None
    clock.advance(LIFETIME)
    assert deferred(greylist, "192.0.2.1", "newer@client.example", "c@server.example") == DELAY


def test_a_client_is_never_known(clock):
    greylist = Greylist(known_after=0, reactor=clock)
    for number in range(20):
        pass_once(greylist, clock, "192.0.2.1", f"{number}@client.example")


def test_a_flood_of_one_client_is_no_harm_to_another(clock):
    greylist = Greylist(store=MemoryStore(most=1000, reactor=clock))
    deferred(greylist, *TRIPLET)
    for number in range(3000):
        assert deferred(greylist, "198.51.100.1", f"{number}@spam.example", "b@server.example") == DELAY
    clock.advance(DELAY)
    assert deferred(greylist, *TRIPLET) == 0


def test_who_is_never_deferred(clock):
    greylist = Greylist(exempt=["198.51.100.0/24", "2001:db8::/32", "::ffff:203.0.113.0/120"], reactor=clock)
    assert verdict(greylist, None, "a@b", "c@d") is None
    assert verdict(greylist, "192.0.2.1", "a@b", "c@d", username="me") is None
    for host in ("198.51.100.7", "2001:db8:5::1", "203.0.113.7"):
        assert verdict(greylist, host, "a@b", "c@d") is None
    for host in ("198.51.101.7", "2001:db9::1", "203.0.112.7"):
        assert deferred(greylist, host, "a@b", "c@d") == DELAY


def test_a_client_with_another_name_than_its_address(clock):
    made = Greylist(exempt=["10.0.0.0/8"], reactor=clock)
    connection = Connection("1", "localhost", False)
    connection.peer_host = "client-7"
    assert settle(made(connection).recipient("a@b", None)).code == 451


def test_what_is_stored_shows_no_address(clock):
    store = MemoryStore(reactor=clock)
    deferred(Greylist(store=store), *TRIPLET)
    (names,) = (table._owners for table in store._tables.values() if table._owners)
    assert "example" not in repr(names)
    assert list(names) == ["192.0.2.0/24"]


def test_one_process(clock):
    store = MemoryStore(reactor=clock)
    assert Greylist(reactor=clock).one_process
    store.shared = True
    assert not Greylist(store=store).one_process


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"delay": 0}, r"delay \(0 s\) must be above 0 and below window \(172800 s\)"),
        ({"delay": 10, "window": 10}, r"delay \(10 s\) must be above 0 and below window \(10 s\)"),
        ({"window": float("inf")}, r"delay \(.*\) must be above 0 and below window \(inf s\)"),
        ({"lifetime": 0}, "lifetime must be above 0 s, not 0 s"),
        ({"known_after": -1}, "known_after is a number from 0, not -1"),
        ({"exempt": ["10.0.0.0/33"]}, "10.0.0.0/33"),
        ({"store": MemoryStore(reactor=Clock()), "reactor": Clock()}, "a store or a reactor, not both"),
    ],
)
def test_wrong_values(how, expected):
    with pytest.raises(ValueError, match=expected):
        Greylist(**how)


def test_a_check_uses_the_store(clock):
    assert settle(Greylist(reactor=clock).check()) == "its store can be used"
    store = MemoryStore(reactor=clock)
    store.look = lambda *_: fail(StoreError("redis: no answer"))
    failures = []
    deferred_call(Greylist(store).check).addErrback(failures.append)
    assert [failure.type for failure in failures] == [StoreError]


def test_wrong_types():
    with pytest.raises(TypeError, match="Greylist: delay must be a number, not '5m'"):
        Greylist(delay="5m")
