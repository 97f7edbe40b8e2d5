"""Stores by the names that an operator gives."""

from __future__ import annotations

import re

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock

from txsmtpx.stores.memory_store import MemoryStore
from txsmtpx.stores.redis_store import RedisStore
from txsmtpx.stores.store_names import store_named


def test_memory():
    store = store_named("memory", reactor=Clock())
    assert isinstance(store, MemoryStore)


@pytest.mark.parametrize("name", ["redis", "redis:unix:/run/redis.sock", "redis:tcp:127.0.0.1:6379"])
@pytest.mark.parametrize("login", ["me:secret", ":secret\n", "me:sec:ret\n\n"])
def test_redis(tmp_path, name, login):
    pytest.importorskip("txredisapi")
    (tmp_path / "login").write_text(login)
    store = store_named(name, str(tmp_path / "login"), MemoryReactorClock())
    assert isinstance(store, RedisStore)
    assert store.shared


@pytest.mark.parametrize("name", ["", "postgres", "memory:", "memory:5", "redis:", "Redis"])
def test_there_is_no_such_store(name):
    why = f"a store is memory, redis or redis:ENDPOINT, such as redis:tcp:127.0.0.1:6379, not {name!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        store_named(name, reactor=Clock())


@pytest.mark.parametrize("login", ["", "secret", "me:", "me:secret\nyou:secret\n"])
def test_a_file_without_a_login(tmp_path, login):
    (tmp_path / "login").write_text(login)
    with pytest.raises(ValueError, match="/login has no login; write one line NAME:PASSWORD, or "):
        store_named("redis", str(tmp_path / "login"), MemoryReactorClock())


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "login").write_bytes(b"me:\xff\n")
    with pytest.raises(ValueError, match="/login has no login; write one line NAME:PASSWORD, or "):
        store_named("redis", str(tmp_path / "login"), MemoryReactorClock())


def test_a_login_of_the_memory():
    with pytest.raises(ValueError, match=r"^the memory has no logins; leave out the login, or name redis:ENDPOINT$"):
        store_named("memory", "login", Clock())


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        store_named("redis", str(tmp_path / "login"), MemoryReactorClock())
