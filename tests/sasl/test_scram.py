"""SCRAM by both halves: it works, and whatever is wrong with an exchange gets one answer at one cost."""

from __future__ import annotations

import base64
from typing import ClassVar

import pytest
from twisted.internet.defer import Deferred, succeed

from tests.encoding import b64
from tests.sasl.exchanges import DONE, UNIFORM, ask, conversation, log_in, now, portal
from txsmtpx.logins import scram_file as at_rest
from txsmtpx.logins.scram_file import ScramChecker
from txsmtpx.passwd import hashes, store
from txsmtpx.sasl import scram
from txsmtpx.sasl.scram import Scram
from txsmtpx.sasl.scram_verifier import HASHES

NAMES = list(HASHES)


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "users")
    for name, password in [("alice", b"wonderland"), ("a,l=ice", b"other")]:
        store(path, name, hashes("scram", password, 4096))
    return path


@pytest.fixture
def backend(path):
    return portal(ScramChecker(path, now))


class TLS:
    verified = False
    bindings: ClassVar = {"tls-exporter": b"of this very connection", "tls-server-end-point": b"a fingerprint"}


@pytest.mark.parametrize("name", NAMES)
def test_both_halves(backend, name):
    client = conversation(backend)
    answers = log_in(client, Scram(name, "alice", "wonderland"))
    assert [answer[:3] for answer in answers] == ["334", "334", "235"]
    assert base64.b64decode(answers[1][4:]).startswith(b"v=")
    assert client.protocol.dialog.connection.username == "alice"
    client = conversation(backend)
    assert log_in(client, Scram(name, "a,l=ice", "other"))[-1] == DONE
    assert client.protocol.dialog.connection.username == "a,l=ice"


@pytest.mark.parametrize("name", NAMES)
def test_bound_to_the_channel(backend, name):
    client = conversation(backend, TLS)
    assert f"{name}-PLUS" in client.ask("EHLO client.example")[-1].split()
    half = Scram(f"{name}-PLUS", "alice", "wonderland")
    half.bind(TLS.bindings, [])
    assert log_in(client, half)[-1] == DONE
    half.bind({"tls-exporter": b"of a man in the middle"}, [])
    assert log_in(conversation(backend, TLS), half)[-1] == UNIFORM
    assert f"{name}-PLUS" not in conversation(backend).ask("EHLO client.example")[-1]


def test_who_thinks_that_there_is_no_plus_has_been_lied_to(backend):
    half = Scram("SCRAM-SHA-256", "alice", "wonderland")
    half.bind(TLS.bindings, ["SCRAM-SHA-256"])
    assert half.start().startswith(b"y,,")
    assert log_in(conversation(backend, TLS), half) == [UNIFORM]
    assert log_in(conversation(backend), half)[-1] == DONE
    half.bind(TLS.bindings, ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
    assert log_in(conversation(backend, TLS), half)[-1] == DONE


@pytest.mark.parametrize(("name", "flag"), [
    ("SCRAM-SHA-256-PLUS", "n"), ("SCRAM-SHA-256-PLUS", "y"), ("SCRAM-SHA-256-PLUS", "p=tls-unique"),
    ("SCRAM-SHA-256", "p=tls-exporter"), ("SCRAM-SHA-256", "x"), ("SCRAM-SHA-256", "p="), ("SCRAM-SHA-256", ""),
])  # fmt: skip
def test_a_flag_that_does_not_belong_to_the_mechanism(backend, name, flag):
    client = conversation(backend, TLS)
    assert ask(client, f"AUTH {name} {b64(f'{flag},,n=alice,r=abc'.encode())}") == UNIFORM


class Deputies(ScramChecker):
    """Alice may act as the postmaster, and nobody else as anybody."""

    def may_act_as(self, username, authorization):
        return succeed((username, authorization) == ("alice", "post,master"))


@pytest.mark.parametrize(("name", "password", "authorization", "answer"), [
    ("alice", "wonderland", "post,master", DONE), ("alice", "wonderland", "alice", DONE),
    ("alice", "wonderland", "bob", UNIFORM), ("a,l=ice", "other", "post,master", UNIFORM),
    ("alice", "wrong", "post,master", UNIFORM),
])  # fmt: skip
def test_acting_as(path, name, password, authorization, answer):
    checker = Deputies(path, now)
    backend = portal(checker)
    backend.may_act_as = checker.may_act_as
    client = conversation(backend)
    assert log_in(client, Scram("SCRAM-SHA-256", name, password, authorization))[-1] == answer
    assert client.protocol.dialog.connection.username == (authorization if answer == DONE else None)


def test_nobody_acts_as_another_where_nobody_is_asked(backend):
    assert log_in(conversation(backend), Scram("SCRAM-SHA-256", "alice", "wonderland", "bob"))[-1] == UNIFORM


@pytest.mark.parametrize(("name", "password"), [("alice", "wrong"), ("mallory", "wonderland"), ("alic", "")])
def test_wrong(backend, name, password, monkeypatch):
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return real(*arguments)

    real = at_rest.made_up
    monkeypatch.setattr(at_rest, "made_up", counted)
    monkeypatch.setattr(scram, "made_up", counted)
    client = conversation(backend)
    answers = log_in(client, Scram("SCRAM-SHA-256", name, password))
    assert [answer[:3] for answer in answers] == ["334", "535"]
    assert answers[1] == UNIFORM
    assert len(calls) == 2  # for everybody, known or not
    assert client.protocol.dialog.failed_logins == 1


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize(
    "change",
    [lambda o: b"", lambda o: o[:-1], lambda o: o[:3], lambda o: o + b"A", lambda o: o.replace(b"r=", b"r=x"),
     lambda o: b"\xff" + o, lambda o: o.replace(b",", b",a=bob,", 1), lambda o: b"m=x," + o],
)  # fmt: skip
def test_cut_and_changed(backend, step, change):
    client = conversation(backend)
    half = Scram("SCRAM-SHA-256", "alice", "wonderland")
    try:
        answers = log_in(client, half, lambda at, octets: change(octets) if at == step else octets)
    except ValueError:  # the client sees that its nonce has changed
        answers = [ask(client, b64(b"c=biws,r=abc,p=AAAA"))]
    assert answers[-1] == UNIFORM
    assert client.protocol.dialog.connection.username is None


def test_replayed(backend):
    said = []
    client = conversation(backend)
    log_in(client, Scram("SCRAM-SHA-256", "alice", "wonderland"), lambda step, octets: said.append(octets) or octets)
    client = conversation(backend)
    assert ask(client, f"AUTH SCRAM-SHA-256 {b64(said[0])}").startswith("334")
    assert ask(client, b64(said[1])) == UNIFORM


def test_the_last_word_is_empty_or_all_was_for_nothing(backend):
    for word, answer in [(b"x", UNIFORM), (None, "501 5.7.0 Authentication cancelled")]:
        client = conversation(backend)
        half = Scram("SCRAM-SHA-256", "alice", "wonderland")
        first = ask(client, f"AUTH {half.name} {b64(half.start())}")
        assert ask(client, b64(half.next(base64.b64decode(first[4:])))).startswith("334")
        assert client.protocol.dialog.connection.username is None
        assert ask(client, "*" if word is None else b64(word)) == answer
        assert client.protocol.dialog.connection.username is None
        assert client.protocol.dialog.failed_logins == 1


@pytest.mark.parametrize("end", ["*", "?", b64(b"\xff"), b64(b"nonsense"), b64(b"c=biws,r=abc,p=AAAA")])
def test_whoever_gives_up_after_a_look_up_has_failed(backend, end):
    """It has cost the server something, and may have told the client something."""
    client = conversation(backend, max_auth_failures=3)
    for failures in (1, 2, 3):
        assert ask(client, f"AUTH SCRAM-SHA-256 {b64(b'n,,n=alice,r=abc')}").startswith("334")
        said = ask(client, end)
        assert client.protocol.dialog.failed_logins == failures
    assert said == "421 4.7.0 Too many failed logins, closing the connection"


def test_a_verifier_may_come_later(path):
    checker = ScramChecker(path, now)
    waiting = []
    given = checker.scram_verifier
    checker.scram_verifier = lambda *arguments: waiting.append((Deferred(), arguments)) or waiting[-1][0]
    client = conversation(portal(checker))
    half = Scram("SCRAM-SHA-512", "alice", "wonderland")
    assert client.ask(f"AUTH {half.name} {b64(half.start())}") == []
    (later, arguments), = waiting
    assert arguments == ("alice", "SCRAM-SHA-512")
    later.callback(given(*arguments))
    (first,) = client.replies()
    assert ask(client, b64(half.next(base64.b64decode(first[4:])))).startswith("334")
    assert ask(client, "") == DONE


def test_a_lookup_that_breaks_is_no_failed_login(path, logged_failures):
    checker = ScramChecker(path, now)
    checker.scram_verifier = lambda *arguments: int("a secret")
    client = conversation(portal(checker))
    half = Scram("SCRAM-SHA-512", "alice", "wonderland")
    assert ask(client, f"AUTH {half.name} {b64(half.start())}").startswith("451 4.3.0")
    assert logged_failures.flush(RuntimeError)
    assert client.protocol.dialog.failed_logins == 0
