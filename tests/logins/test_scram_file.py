"""Files of SCRAM verifiers, for SCRAM itself and for passwords."""

from __future__ import annotations

import base64

import pytest
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from zope.interface.verify import verifyObject

from tests.encoding import b64
from tests.sasl.exchanges import DONE, UNIFORM, ask, conversation, log_in, now, portal
from txsmtpx.logins import scram_file as at_rest
from txsmtpx.logins.scram_file import ScramChecker, read, written
from txsmtpx.passwd import hashes, store
from txsmtpx.sasl.mechanism import UsernamePassword
from txsmtpx.sasl.plain import Plain
from txsmtpx.sasl.scram_proof import ScramProof
from txsmtpx.sasl.scram_verifier import HASHES, ITERATIONS, verifier_for
from txsmtpx.testing import Outcome


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "users")
    for name, password in [("alice", b"wonderland"), ("a,l=ice", b"other")]:
        store(path, name, hashes("scram", password, 4096))
    return path


def test_a_stranger_is_shown_what_others_are(path):
    def shown(name):
        client = conversation(portal(ScramChecker(path, now)))
        first = ask(client, f"AUTH SCRAM-SHA-256 {b64(f'n,,n={name},r=abc'.encode())}")
        words = base64.b64decode(first[4:]).decode().split(",")
        return words[1], words[2], len(base64.b64decode(words[1][2:]))

    assert shown("mallory") == shown("mallory")  # though read anew: the salt is the file's, not the process's
    assert shown("mallory")[0] != shown("eve")[0]
    assert shown("mallory")[1:] == shown("alice")[1:] == ("i=4096", 16)


def test_only_what_everybody_has_is_offered(path, tmp_path):
    only = tmp_path / "only"
    store(str(only), "bob", [written("SCRAM-SHA-256", verifier_for("SCRAM-SHA-256", b"x", b"s" * 16, 4096))])
    client = conversation(portal(ScramChecker(str(only), now)))
    assert client.ask("EHLO client.example")[-1] == "250 AUTH SCRAM-SHA-256 PLAIN LOGIN"


def test_verifiers_check_plain_too(path, monkeypatch):
    calls = []
    real = at_rest.verifier_for

    def counted(*arguments):
        calls.append(arguments[0])
        return real(*arguments)

    monkeypatch.setattr(at_rest, "verifier_for", counted)
    expected = [("alice", "wonderland", DONE), ("alice", "wrong", UNIFORM), ("mallory", "wonderland", UNIFORM)]
    for name, password, answer in expected:
        calls.clear()
        assert log_in(conversation(portal(ScramChecker(path, now))), Plain(name, password)) == [answer]
        assert calls == ["SCRAM-SHA-512"]


@pytest.mark.parametrize("mechanism", HASHES)
def test_a_verifier_is_read_as_it_was_written(mechanism):
    verifier = verifier_for(mechanism, b"secret", b"s" * 16, 4096)
    assert read(written(mechanism, verifier)) == (mechanism, verifier)


GOOD = written("SCRAM-SHA-1", verifier_for("SCRAM-SHA-1", b"secret", b"s" * 16, 4096))


@pytest.mark.parametrize("text", [
    "", "secret", GOOD.replace("SHA-1", "SHA-3"), GOOD.replace("SHA-1", "SHA-256"), GOOD.replace("4096", "409"),
    GOOD.replace("4096", "4095"), GOOD.replace("4096", "1000001"), GOOD.replace("4096", "\u0664096"), GOOD[:-1],
    GOOD + ",x", GOOD.replace("==", "="), GOOD.replace(",", ", ", 1), f" {GOOD}",
], ids=ascii)  # fmt: skip
def test_what_is_no_verifier_is_not_quoted(text):
    with pytest.raises(ValueError, match=r".") as refused:
        read(text)
    assert "secret" not in str(refused.value)
    assert GOOD[-8:] not in str(refused.value)


def test_the_number_of_iterations_is_told_with_the_bounds():
    with pytest.raises(ValueError, match="the verifier has 4095 iterations, not 4096 to 1000000"):
        read(GOOD.replace("4096", "4095"))


def test_an_error_names_the_file_and_the_user(tmp_path):
    (tmp_path / "users").write_text(f"alice:{GOOD}\nbob:secret\n")
    with pytest.raises(ValueError, match=r"/users, user 'bob': this is no verifier of SCRAM; python -m ") as refused:
        ScramChecker(str(tmp_path / "users"), now)
    assert "secret" not in str(refused.value)


def test_a_checker_of_the_file_itself(path):
    checker = ScramChecker(path, now)
    assert verifyObject(ICredentialsChecker, checker)
    assert list(checker.scram_mechanisms) == list(HASHES)
    assert Outcome(checker.requestAvatarId(ScramProof(b"alice", "SCRAM-SHA-1"))).result() == b"alice"
    assert Outcome(checker.requestAvatarId(UsernamePassword(b"alice", b"wonderland"))).result() == b"alice"
    for name, password in [(b"alice", b"other"), (b"mallory", b"wonderland")]:
        outcome = Outcome(checker.requestAvatarId(UsernamePassword(name, password)))
        assert isinstance(outcome.error, UnauthorizedLogin)


def test_a_mechanism_that_one_user_has_not_is_none_of_all(path):
    store(path, "bob", [written("SCRAM-SHA-256", verifier_for("SCRAM-SHA-256", b"x", b"s" * 16, 4096))])
    checker = ScramChecker(path, now)
    assert list(checker.scram_mechanisms) == ["SCRAM-SHA-256"]
    assert checker.scram_verifier("alice", "SCRAM-SHA-1").iterations == 4096
    assert Outcome(checker.requestAvatarId(UsernamePassword(b"bob", b"x"))).result() == b"bob"


def test_a_file_without_users(tmp_path):
    (tmp_path / "users").write_text("# nobody yet\n")
    checker = ScramChecker(str(tmp_path / "users"), now)
    assert checker.scram_verifier("alice", "SCRAM-SHA-1").iterations == ITERATIONS
    assert isinstance(Outcome(checker.requestAvatarId(UsernamePassword(b"alice", b"x"))).error, UnauthorizedLogin)
