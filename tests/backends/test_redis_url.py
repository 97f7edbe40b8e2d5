"""The URL of a Redis: what it leads to, and what is wrong, without its password."""

from __future__ import annotations

import pytest
from twisted.internet.endpoints import clientFromString
from twisted.internet.task import Clock

from txsmtpx.backends.redis_url import RedisURL


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis://localhost", ("tcp:localhost:6379", "", "", 0)),
        ("//localhost", ("tcp:localhost:6379", "", "", 0)),
        ("redis://localhost/", ("tcp:localhost:6379", "", "", 0)),
        ("redis://192.0.2.1:7000/3", ("tcp:192.0.2.1:7000", "", "", 3)),
        ("redis://[2001:db8::1]:7000", ("tcp:2001\\:db8\\:\\:1:7000", "", "", 0)),
        ("redis://:secret@localhost", ("tcp:localhost:6379", "", "secret", 0)),
        ("redis://me:s%40cret@localhost", ("tcp:localhost:6379", "me", "s@cret", 0)),
        ("rediss://localhost", ("tls:localhost:6379", "", "", 0)),
        ("unix:redis.sock", ("unix:redis.sock", "", "", 0)),
        ("unix:/run/a:b.sock", ("unix:/run/a\\:b.sock", "", "", 0)),
        ("unix:///run/redis.sock", ("unix:/run/redis.sock", "", "", 0)),
        ("unix://me:secret@/run/a%20b:c.sock", ("unix:/run/a b\\:c.sock", "me", "secret", 0)),
    ],
)
def test_urls(text, expected):
    found = RedisURL.parsed(text)
    assert (found.endpoint, found.username, found.password, found.database) == expected
    assert "secret" not in repr(found)
    assert "s@cret" not in repr(found)
    if not found.endpoint.startswith("tls:"):
        clientFromString(Clock(), found.endpoint)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "the URL of a Redis begins with redis:, rediss: or unix:; write redis://HOST:PORT/DATABASE"),
        ("localhost:6379", "begins with"),
        ("http://me:secret@localhost", "begins with"),
        ("redis:localhost", "begins with"),
        ("redis://", "no host that can be used"),
        ("redis://:secret@", "no host that can be used"),
        ("redis://a b", "no host that can be used"),
        ("redis://localhost:99999", "no host or port that can be used"),
        ("redis://localhost:x", "no host or port that can be used"),
        ("redis://[::1", "no host or port that can be used"),
        ("redis://localhost/x", "the database of the URL is a number, not 'x'"),
        ("redis://localhost/-1", "is a number, not '-1'"),
        ("redis://localhost/1/2", "is a number, not '1/2'"),
        ("redis://localhost/9999999", "is a number"),
        ("redis://localhost/?stream=x", "ends with its database, and not with"),
        ("redis://localhost/#x", "ends with its database, and not with"),
        ("redis://me:secret\n@localhost", "ends with its database"),
        ("redis://me@localhost", "has the user 'me', and no password"),
        ("unix:", "begins with"),
        ("unix://", "names no socket"),
        ("unix://host/run/redis.sock", "names no socket"),
    ],
)
def test_what_is_no_url(text, error):
    with pytest.raises(ValueError, match=error) as raised:
        RedisURL.parsed(text)
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_files(tmp_path):
    (tmp_path / "login").write_text("me:secret\n")
    found = RedisURL.parsed("rediss://localhost").completed(str(tmp_path / "login"), str(tmp_path))
    assert (found.username, found.password) == ("me", "secret")
    assert found.endpoint == f"tls:localhost:6379:trustRoots={tmp_path}"


@pytest.mark.parametrize(
    ("url", "login", "trust_roots", "error"),
    [
        ("redis://:secret@localhost", "login", "", "the URL of the Redis has a login already"),
        ("redis://localhost", "empty", "", "has no login; write one line NAME:PASSWORD"),
        ("redis://localhost", "", ".", "trust_roots needs TLS; write rediss: for redis:"),
        ("rediss://localhost", "", "login", "trust_roots names no directory"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, url, login, trust_roots, error):
    (tmp_path / "login").write_text("me:secret\n")
    (tmp_path / "empty").write_text("")
    paths = (str(tmp_path / name) if name else "" for name in (login, trust_roots))
    with pytest.raises(ValueError, match=error) as raised:
        RedisURL.parsed(url).completed(*paths)
    assert "secret" not in str(raised.value)


def test_a_login_that_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match="cannot read the login in "):
        RedisURL.parsed("redis://localhost").completed(str(tmp_path / "none"), "")
