"""LOGIN: a name, then a password, each after a challenge."""

from __future__ import annotations

import pytest

from tests.sasl.exchanges import CONNECTION, DONE, UNIFORM, conversation, log_in, portal, users
from txsmtpx import SMTPError
from txsmtpx.sasl.login_mechanism import AuthLogin, LoginServer


def server() -> LoginServer:
    return LoginServer(CONNECTION, None)


def test_the_server_asks_twice():
    half = server()
    assert half.next(None) == b"Username:"
    assert half.next("üser".encode()) == b"Password:"
    credentials = half.next(b"secret")
    assert (credentials.username, credentials.password) == ("üser".encode(), b"secret")


def test_the_name_may_be_the_initial_response():
    half = server()
    assert half.next(b"user") == b"Password:"
    assert half.next(b"").password == b""


@pytest.mark.parametrize("name", [b"", b"\xff"])
def test_no_name(name):
    half = server()
    half.next(None)
    with pytest.raises(ValueError, match=r"the user name is empty|utf-8"):
        half.next(name)


@pytest.mark.parametrize(("name", "password"), [("al\u200eice", "x"), ("alice", "\u200ex")])
def test_what_saslprep_prohibits_is_a_failed_login(name, password):
    half = server()
    half.next(name.encode())
    with pytest.raises(SMTPError, match="535"):
        half.next(password.encode())


def test_the_client_answers_whatever_it_is_asked():
    half = AuthLogin("user", "secret")
    assert half.start() is None
    assert [half.next(challenge) for challenge in (b"Wer da?", b"")] == [b"user", b"secret"]
    with pytest.raises(ValueError, match="two challenges only"):
        half.next(b"Really?")


def test_the_client_may_begin_again_and_be_copied():
    half = AuthLogin("user", "secret")
    half.start()
    half.next(b"")
    other = half.fresh()
    other.start()
    assert [half.next(b""), other.next(b"")] == [b"secret", b"user"]
    half.start()
    assert half.next(b"") == b"user"


def test_a_client_that_was_not_started_has_no_answer():
    with pytest.raises(ValueError, match="two challenges only"):
        AuthLogin("user", "secret").next(b"Username:")


def test_both_halves():
    assert log_in(conversation(portal(users())), AuthLogin("alice", "wonder land"))[-1] == DONE
    assert log_in(conversation(portal(users())), AuthLogin("alice", "wonder"))[-1] == UNIFORM


def test_no_password_is_shown():
    half = AuthLogin("user", "secret")
    half.start()
    assert half.secrets == ("secret",)
    assert repr(half) == "<AuthLogin 'user'>"
