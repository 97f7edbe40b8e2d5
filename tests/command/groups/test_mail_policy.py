"""Limits, filters and rewriting around a backend: which is in front of which, and what each does."""

from __future__ import annotations

import pytest

from tests.command.parsing import ENDPOINT, factory, listener, parsed
from txsmtpx import (
    FilterBackend,
    LimitBackend,
    MaildirBackend,
    MemoryBackend,
    RelayBackend,
    RewriteBackend,
    TeeBackend,
)
from txsmtpx.command.groups.authentication import AuthBackend
from txsmtpx.middleware.middleware import Middleware
from txsmtpx.tap import makeService
from txsmtpx.testing import Conversation


@pytest.fixture
def virtual(tmp_path):
    file = tmp_path / "virtual"
    file.write_text("info@example.org ann@example.org\n")
    return str(file)


ALL = (
    "--limit", "5 messages per minute per host", "--limit", "50 recipients per hour per login", "--filter", "spamd",
    "--filter", "spamd name=second", "--tee", "memory", "--rewrite-sender", "tcp:localhost:10001",
)  # fmt: skip


def chain(backend: object) -> list[str]:
    """The classes of a backend and of those behind it."""
    names = [type(backend).__name__]
    while isinstance(backend, Middleware | AuthBackend):
        backend = backend._backend if isinstance(backend, AuthBackend) else backend.backend
        names.append(type(backend).__name__)
    return names


def test_limits_then_filters_then_rewriting_then_copies(virtual):
    made = factory(*ALL, "--rewrite", virtual, "--rewrite-required", "-b", "memory", "--auth", "any").settings.backend
    assert chain(made) == [
        "LimitBackend", "LimitBackend", "FilterBackend", "RewriteBackend", "RewriteBackend", "AuthBackend",
        "TeeBackend", "MemoryBackend",
    ]  # fmt: skip
    assert [*made.filters] == ["spamd", "second"]


def test_each_alone(virtual):
    assert isinstance(factory("--limit", "5 messages per minute per host").settings.backend, LimitBackend)
    assert isinstance(factory("--filter", "spamd").settings.backend, FilterBackend)
    assert isinstance(factory("--rewrite", virtual).settings.backend, RewriteBackend)
    assert isinstance(factory("--rewrite-sender", virtual).settings.backend, RewriteBackend)


def test_a_limit(monkeypatch):
    made = listener("--limit", "2 messages per minute per host", "-b", "memory")
    client = Conversation(made.backend)
    client.ask("EHLO client.example")
    for _ in range(2):
        assert client.ask("MAIL FROM:<a@b>", "RSET")[0].startswith("250")
    assert client.ask("MAIL FROM:<a@b>") == ["450 4.7.1 Too much mail, try again later"]
    client.hang_up()


def test_a_limit_whose_counts_are_shared(tmp_path):
    pytest.importorskip("txredisapi")
    (tmp_path / "login").write_text(":secret\n")
    options = ["--limit", "2 messages per minute per host", "--limit-store", "redis", "--workers", "2"]
    process = parsed(*options, "--limit-store-login", str(tmp_path / "login")).process
    assert process.workers == 2
    assert process.listeners[0].memories == []
    assert isinstance(process.listeners[0].backend, LimitBackend)
    assert not process.listeners[0].backend.one_process


def test_listeners_that_share_a_store_count_by_themselves(tmp_path):
    pytest.importorskip("txredisapi")
    file = tmp_path / "mail.toml"
    text = 'limit = "2 messages per minute per host"\nlimit-store = "redis"\n'
    file.write_text(text + '[listener.a]\nport = "unix:a"\n[listener.b]\nport = "unix:b"\n')
    listeners = parsed("--config", str(file)).process.listeners
    assert [each.backend._name for each in listeners] == ["a:host:messages:2/60", "b:host:messages:2/60"]


def test_rewriting(virtual):
    made = listener("--rewrite", virtual, "--rewrite-sender", virtual, "-b", "memory")
    backend = made.chosen_backend
    assert isinstance(backend, MemoryBackend)
    client = Conversation(made.backend)
    client.ask("EHLO client.example")
    client.ask("MAIL FROM:<info@example.org>", "RCPT TO:<bob@example.org>", "RCPT TO:<Info@example.org>")
    client.ask("DATA", "x", ".")
    (message,) = backend.messages
    assert (message.sender, list(message.recipients)) == ("ann@example.org", ["bob@example.org", "ann@example.org"])
    client.hang_up()


def test_a_table_decides_which_recipients_there_are(virtual):
    client = Conversation(listener("--rewrite", virtual, "--rewrite-required", "-b", "memory").backend)
    client.ask("EHLO client.example")
    client.ask("MAIL FROM:<a@b>")
    assert client.ask("RCPT TO:<bob@example.org>") == ["550 5.1.1 No such mailbox here"]
    assert client.ask("RCPT TO:<info@example.org>")[0].startswith("250 ")
    client.hang_up()


def test_the_first_table_counts(virtual, tmp_path):
    other = tmp_path / "other"
    other.write_text("info@example.org never@example.org\nlist@example.org many@example.org\n")
    made = listener("--rewrite", virtual, "--rewrite", str(other), "-b", "memory")
    client = Conversation(made.backend)
    client.ask("EHLO client.example")
    client.ask("MAIL FROM:<a@b>", "RCPT TO:<info@example.org>", "RCPT TO:<list@example.org>", "DATA", "x", ".")
    assert list(made.chosen_backend.messages[0].recipients) == ["ann@example.org", "many@example.org"]
    client.hang_up()


def test_copies():
    made = listener("-b", "memory", "--tee", "memory")
    assert isinstance(made.backend, TeeBackend)
    assert not made.backend.required
    client = Conversation(made.backend)
    client.ask("EHLO client.example")
    client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", "x", ".")
    assert len(made.chosen_backend.messages) == len(made.copies.messages) == 1
    client.hang_up()
    assert listener("-b", "memory", "--tee", "maildir:x", "--tee-required").backend.required


def test_copies_to_a_relay_are_relayed_where_the_relay_may():
    made = listener("-b", "maildir:x", "--tee", ENDPOINT, "--relay-domain", "a.example", "--relay-connections", "3")
    assert isinstance(made.chosen_backend, MaildirBackend)
    assert isinstance(made.copies, RelayBackend)
    assert made.copies.domains == frozenset({"a.example"})
    assert [pool.size for pool in made.copies.pools] == [3]
    assert [*made.services] == [*made.copies.pools]


def test_both_may_relay():
    made = listener("-b", ENDPOINT, "--tee", "lmtp:unix:/run/archive", "--relay-domain", "a.example")
    assert len(made.services) == 2
    assert made.copies.domains == made.chosen_backend.domains == frozenset({"a.example"})


@pytest.mark.parametrize(
    ("options", "which"),
    [
        (("-b", "memory", "--filter", "spamd", "--limit", "5 messages per hour per host"), "chosen_backend"),
        (("-b", "null", "--tee", "memory"), "copies"),
        (("-b", "memory", "--tee", "maildir:x"), "chosen_backend"),
        (("-b", "memory", "--tee", "memory"), "chosen_backend"),
    ],
)
def test_the_web_inbox_is_that_of_the_memory_backend_behind_it_all(options, which):
    process = parsed("--web", "0", *options).process
    (service,) = process.services
    assert service.inbox.store.backend is getattr(process.listeners[0], which)


def test_a_file_is_read_again(virtual, tmp_path):
    options = parsed("--rewrite", virtual, "-b", "memory", "-p", "unix:x")
    service = makeService(options)
    client = Conversation(options.process.listeners[0].backend)
    client.ask("EHLO client.example")
    for address in ("bob@example.org", "eve@example.org"):
        (tmp_path / "virtual").write_text(f"info@example.org {address}\n")
        service.reload()
        client.ask("MAIL FROM:<a@b>", "RCPT TO:<info@example.org>", "DATA", "x", ".")
        assert list(options.process.listeners[0].chosen_backend.messages[-1].recipients) == [address]
    (tmp_path / "virtual").write_text("nonsense\n")
    service.reload()
    assert client.ask("MAIL FROM:<a@b>", "RCPT TO:<info@example.org>")[1].startswith("250 ")
    client.hang_up()


