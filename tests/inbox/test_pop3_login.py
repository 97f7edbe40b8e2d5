"""The logins of POP3 clients."""

from __future__ import annotations

import hashlib

import pytest
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from txsmtpx.inbox import pop3_login
from txsmtpx.inbox.pop3_login import BUSY, NEEDS_TLS, NOT_HERE, TOO_MANY, WRONG, ApopCredentials, Pop3Login
from txsmtpx.web.web_login import AT_A_TIME, ATTEMPTS, SECONDS, TIMEOUT

RIGHT, FALSE = UsernamePassword(b"me", b"secret"), UsernamePassword(b"me", b"x")
HERE = ("127.0.0.1", False)


class Checker:
    """Does not decide, or fails."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, fails: bool = False) -> None:
        self._fails = fails

    def requestAvatarId(self, credentials):
        if self._fails:
            raise RuntimeError("secret words")
        return Deferred()


def users() -> InMemoryUsernamePasswordDatabaseDontUse:
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    checker.addUser(b"me", b"secret")
    return checker


def checked(login: Pop3Login, credentials=RIGHT, client="127.0.0.1", in_tls=False) -> str:
    found: list[str] = []
    login.check(credentials, client, in_tls).addCallback(found.append)
    return found[0]


@pytest.mark.parametrize(("client", "refusal"), [("127.0.0.1", ""), ("::1", ""), ("", ""), ("192.0.2.1", NOT_HERE)])
def test_without_a_checker_each_login_from_this_host(client, refusal):
    for in_tls in (True, False):
        assert checked(Pop3Login(None, Clock()), FALSE, client, in_tls) == refusal


@pytest.mark.parametrize(
    ("client", "in_tls", "credentials", "refusal"),
    [
        ("127.0.0.1", False, RIGHT, ""), ("127.0.0.1", False, FALSE, WRONG), ("192.0.2.1", False, RIGHT, NEEDS_TLS),
        ("192.0.2.1", True, RIGHT, ""), ("192.0.2.1", True, FALSE, WRONG),
        ("127.0.0.1", False, UsernamePassword(b"nobody", b"secret"), WRONG),
    ],
)  # fmt: skip
def test_with_a_checker(client, in_tls, credentials, refusal):
    assert checked(Pop3Login(users(), Clock()), credentials, client, in_tls) == refusal


def test_apop():
    login = Pop3Login(users(), Clock())
    assert login.apop
    # The example of RFC 1939 §7.
    challenge = b"<1896.697170952@dbc.mtview.ca.us>"
    digest = b"c4c9334bac560ecc979e58001b3e22fb"
    assert ApopCredentials(challenge, b"mrose", digest).checkPassword(b"tanstaaf")
    right = hashlib.md5(b"<a@b>secret").hexdigest().encode()
    assert checked(login, ApopCredentials(b"<a@b>", b"me", right)) == ""
    for wrong in (right.upper(), b"", b"\xff"):
        assert checked(login, ApopCredentials(b"<a@b>", b"me", wrong)) == WRONG
    assert not Pop3Login(Checker(), Clock()).apop


def test_wrong_logins_of_a_client_are_limited():
    clock = Clock()
    login = Pop3Login(users(), clock)
    with capturedLogs() as logged:
        for _ in range(ATTEMPTS + 1):
            assert checked(login, FALSE) == WRONG
    assert formatEvent(logged[0]) == "pop3: the login of 'me' from 127.0.0.1 was rejected"
    assert checked(login) == TOO_MANY
    assert checked(login, client="::1") == ""
    clock.advance(SECONDS)
    for _ in range(ATTEMPTS * 2):
        assert checked(login) == ""


def test_blocked_clients_are_limited(monkeypatch):
    monkeypatch.setattr(pop3_login, "MOST", 1)
    monkeypatch.setattr(pop3_login, "ATTEMPTS", 1)
    login = Pop3Login(users(), Clock())
    for client in ("127.0.0.1", "127.0.0.2"):
        for _ in range(2):
            checked(login, FALSE, client)
    assert [checked(login, client=client) for client in ("127.0.0.1", "127.0.0.2")] == ["", TOO_MANY]


def test_checks_are_limited(logged_failures):
    clock = Clock()
    login = Pop3Login(Checker(), clock)
    found: list[str] = []
    for _ in range(AT_A_TIME):
        login.check(RIGHT, *HERE).addCallback(found.append)
    assert (checked(login), found) == (BUSY, [])
    clock.advance(TIMEOUT)
    assert (found, len(logged_failures.flush())) == ([BUSY] * AT_A_TIME, AT_A_TIME)
    login.check(RIGHT, *HERE).addCallback(found.append)
    assert len(found) == AT_A_TIME


def test_a_check_that_fails(logged_failures):
    assert checked(Pop3Login(Checker(fails=True), Clock())) == BUSY
    assert len(logged_failures.flush(RuntimeError)) == 1
