"""What a store asks Redis; the scripts themselves run in the real one, in tests/interop/test_redis.py."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from txsmtpx.interfaces import IStore, Sighting
from txsmtpx.settling import settle
from txsmtpx.stores.redis_store import LOOK, NOTE, TAKE, RedisStore


@pytest.fixture
def asked():
    """The scripts that were run, without their text, and the answers to come."""
    return []


@pytest.fixture
def make(asked, monkeypatch):
    """Makes a store whose scripts get the answers that it was made with."""

    def make(*answers, **how):
        store = RedisStore("unix:/run/redis.sock", reactor=Clock(), **how)
        waiting = list(answers)

        async def run(script, key, *arguments):
            asked.append(({TAKE: "take", LOOK: "look", NOTE: "note"}[script], key, *arguments))
            return waiting.pop(0)

        monkeypatch.setattr(store._redis, "run", run)
        return store

    return make


def test_the_interface(make):
    store = make()
    assert IStore.providedBy(store)
    assert store.shared is True


def test_take(make, asked):
    store = make([0], [1_500_000])
    assert [settle(store.take("a@b", 8, 60)) for _ in range(2)] == [0, 1.5]
    assert asked == [("take", "txsmtpx:limit:a@b", "7500000.000", "60000000.000")] * 2


def test_look_and_note(make, asked):
    store = make([-1, 0], [0, 1], [2_500_000, 3], prefix="mx:")
    assert settle(store.look("seen", "192.0.2.0/24", "name", 60)) == Sighting(None, 0)
    assert settle(store.note("seen", "192.0.2.0/24", "name", 60)) == Sighting(0, 1)
    assert settle(store.note("seen", "192.0.2.0/24", "name", 60, renew=True)) == Sighting(2.5, 3)
    key = "mx:seen:192.0.2.0/24"
    assert asked == [
        ("look", key, "name", "60000000.000"),
        ("note", key, "name", "60000000.000", "keep", "500"),
        ("note", key, "name", "60000000.000", "renew", "500"),
    ]


def test_a_long_name_is_stored_as_its_hash(make, asked):
    store = make([0], [0], [0], [-1, 0])
    names = ["\u00fc" * 65, "\u00fc" * 66, "\u00fc" * 64]
    for name in names:
        settle(store.take(name, 1, 1))
    settle(store.look("seen", names[0], names[1], 1))
    hashes = [key.rpartition(":")[2] for _, key, *_ in asked]
    assert hashes[2] == names[2]
    assert len(set(hashes)) == 3
    assert [len(each) for each in hashes[:2]] == [48, 48]
    assert asked[3][1:3] == (f"txsmtpx:seen:{hashes[0]}", hashes[1])


def test_close():
    RedisStore(reactor=Clock()).close()


@pytest.mark.parametrize(
    ("how", "error", "expected"),
    [
        ({"database": "1"}, TypeError, "RedisStore: database must be a whole number, not '1'"),
        ({"pasword": "secret"}, TypeError, "RedisStore has no argument pasword; did you mean password"),
        ({"password": 5}, TypeError, "RedisStore: password must be text"),
        ({"endpoint": "tpc:127.0.0.1:6379"}, ValueError, "tpc"),
    ],
)
def test_wrong_arguments(how, error, expected):
    with pytest.raises(error, match=expected):
        RedisStore(reactor=Clock(), **how)
