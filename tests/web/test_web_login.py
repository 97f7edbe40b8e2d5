"""The login of the inbox."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure

from tests.inbox.site import Web
from txsmtpx.inbox.api_table import INBOX
from txsmtpx.web.api_tokens import ApiTokens
from txsmtpx.web.site_request import login_of
from txsmtpx.web.web_login import AT_A_TIME, ATTEMPTS, MOST, REMEMBERED, SECONDS, TIMEOUT, WebLogin
from txsmtpx.web.web_resource import WebResource

TOKEN = "0123456789abcdefghij"


class Checker:
    """Accepts me:secret, and counts how often it is asked.  The password "later" is not checked yet."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.later: list[Deferred[bytes]] = []

    def requestAvatarId(self, credentials):
        self.asked.append(credentials.username)
        if credentials.password == b"later":
            self.later.append(Deferred())
            return self.later[-1]
        if credentials.password == b"broken":
            raise RuntimeError("secret words")
        if (credentials.username, credentials.password) != (b"me", b"secret"):
            raise UnauthorizedLogin()
        return credentials.username


def made(checker, tmp_path: Path, **more: object) -> Web:
    file = tmp_path / "tokens"
    file.write_text(f"ci {TOKEN}\n")
    tokens = ApiTokens(str(file))
    return Web(login=lambda clock: WebLogin(INBOX, checker, tokens, clock), proxies=["192.168.1.1"], **more)


@pytest.fixture
def checker() -> Checker:
    return Checker()


@pytest.fixture
def closed(checker: Checker, tmp_path: Path) -> Iterator[Web]:
    """An inbox with a login, behind a proxy with TLS."""
    web = made(checker, tmp_path)
    web.keep(b"Subject: x\r\n\r\n")
    yield web
    web.stop()


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


ME = basic("me", "secret")
TLS = {"X_Forwarded_Proto": "https"}
PATHS = [
    "/",
    "/messages/1",
    "/messages/1/frame",
    "/api/messages",
    "/api/messages/1/source",
    "/api/events",
    "/static/inbox.js",
    "/x",
]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_shown_without_a_login(closed, path):
    said = closed.get(path, **TLS)
    assert (said.status, said.headers["WWW-Authenticate"]) == (401, 'Basic realm="inbox", charset="UTF-8"')
    assert b"Subject" not in said.body
    assert (
        closed.ask("DELETE", "/api/messages", **TLS).status == closed.ask("POST", "/?delete=all", **TLS).status == 401
    )
    assert len(closed.backend.messages) == 1


@pytest.mark.parametrize("path", ["/", "/messages/1", "/api/messages", "/static/inbox.js"])
@pytest.mark.parametrize("value", [ME, ME.replace("Basic", "bASIC"), f"Bearer {TOKEN}", f"bearer  {TOKEN}"])
def test_with_a_login(closed, path, value):
    assert closed.get(path, Authorization=value, **TLS).status == 200
    assert closed.ask("DELETE", "/api/messages/1", Authorization=value, **TLS).status == 204


class Who(WebResource):
    """The name of the user."""

    def __init__(self):
        super().__init__({"GET": ()})

    def get(self, request, parameters):
        return login_of(request).encode()


@pytest.mark.parametrize(("value", "name"), [(ME, "me"), (f"Bearer {TOKEN}", "ci")])
def test_a_request_has_the_name_of_its_user(closed, value, name):
    closed.site.resource._inner.putChild(b"who", Who())
    for _ in range(2):  # the second password is remembered
        assert closed.get("/who", Authorization=value, **TLS).text == name


WRONG = [basic("me", "wrong"), basic("you", "secret"), basic("", ""), "Basic", "Basic x", "Basic !!!", "Basic bWU=",
         "Bearer x", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Digest x", "Basic \xff"]  # fmt: skip


@pytest.mark.parametrize("value", WRONG)
def test_a_wrong_login(closed, value):
    said = closed.get("/api/messages", Authorization=value, **TLS)
    assert (said.status, said.json["error"]) == (401, "The name or the password is wrong.")


def test_a_rejection_is_logged_without_the_password(closed):
    with capturedLogs() as log:
        closed.get("/", Authorization=basic("m\ne", "hunter2"), X_Forwarded_For="192.0.2.7", **TLS)
    assert [formatEvent(event) for event in log] == ["web inbox: the login of 'm\\ne' from 192.0.2.7 was rejected"]


def test_a_password_is_checked_once_in_a_while(closed, checker):
    for _ in range(ATTEMPTS * 3):
        assert closed.get("/", Authorization=ME, **TLS).status == 200
    assert len(checker.asked) == 1
    closed.clock.advance(REMEMBERED + 1)
    assert closed.get("/", Authorization=ME, **TLS).status == 200
    assert len(checker.asked) == 2
    assert b"secret" not in repr(vars(closed.site.resource._login)).encode()


def test_what_is_remembered_is_limited(checker, tmp_path):
    users = InMemoryUsernamePasswordDatabaseDontUse()
    web = made(users, tmp_path)
    for number in range(3):
        users.addUser(f"u{number}".encode(), b"p")
    login = web.site.resource._login
    for number in range(MOST):
        login._accepted[b"%d" % number] = 1e9
    for number in range(3):
        web.get("/", Authorization=basic(f"u{number}", "p"), **TLS)
    assert len(login._accepted) == MOST
    web.stop()


def test_attempts_are_limited_for_each_client(closed, checker):
    for client, number in (("192.0.2.7", ATTEMPTS + 5), ("192.0.2.8", 1)):
        codes = [
            closed.get("/", Authorization=basic("me", f"{n}"), X_Forwarded_For=client, **TLS).status
            for n in range(number)
        ]
        assert codes == [401] * min(number, ATTEMPTS) + [429] * max(0, number - ATTEMPTS)
    assert len(checker.asked) == ATTEMPTS + 1
    said = closed.get("/", Authorization=ME, X_Forwarded_For="192.0.2.7", **TLS)
    assert (said.status, int(said.headers["Retry-After"]) <= SECONDS) == (429, True)
    assert closed.get("/", Authorization=f"Bearer {TOKEN}", X_Forwarded_For="192.0.2.7", **TLS).status == 200
    closed.clock.advance(SECONDS)
    assert closed.get("/", Authorization=ME, X_Forwarded_For="192.0.2.7", **TLS).status == 200


def test_tokens_are_limited_too(closed):
    codes = [closed.get("/api", Authorization=f"Bearer {n}", **TLS).status for n in range(ATTEMPTS + 1)]
    assert codes == [401] * ATTEMPTS + [429]


def test_no_password_without_tls(closed, checker):
    """A client is not asked for it, and it is not checked."""
    for fields in ({}, {"Authorization": ME}, {"X_Forwarded_Proto": "http"}):
        said = closed.get("/", X_Forwarded_For="192.0.2.7", **fields)
        assert (said.status, said.headers["WWW-Authenticate"]) == (403, None)
        assert "needs HTTPS" in said.text
    assert checker.asked == []


@pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
def test_a_client_of_this_host_needs_no_tls(closed, client):
    assert closed.get("/", Authorization=ME, X_Forwarded_For=client).status == 200


def test_a_check_that_takes_time(closed, checker):
    line = closed.line("GET", "/api/messages/1", Authorization=basic("me", "later"), **TLS)
    assert line.answer is None
    checker.later[0].callback(b"me")
    assert line.answer.json["subject"] == "x"
    line = closed.line("GET", "/", Authorization=basic("you", "later"), **TLS)
    checker.later[1].errback(UnauthorizedLogin())
    assert line.answer.status == 401


def test_a_client_that_goes_meanwhile(closed, checker):
    line = closed.line("GET", "/", Authorization=basic("me", "later"), **TLS)
    line.protocol.connectionLost(Failure(ConnectionDone()))
    checker.later[0].callback(b"me")
    closed.clock.work()
    assert line.transport.value() == b""
    assert closed.get("/", Authorization=ME, **TLS).status == 200


def test_checks_at_the_same_time_are_limited_and_end(closed, checker, logged_failures):
    lines = [
        closed.line("GET", "/", Authorization=basic("me", "later"), X_Forwarded_For=f"192.0.2.{n}", **TLS)
        for n in range(AT_A_TIME + 1)
    ]
    assert [line.answer and line.answer.status for line in lines] == [None] * AT_A_TIME + [503]
    closed.clock.advance(TIMEOUT)
    closed.clock.work()
    assert [line.answer.status for line in lines] == [503] * (AT_A_TIME + 1)
    assert closed.get("/", Authorization=ME, X_Forwarded_For="192.0.2.99", **TLS).status == 200
    assert len(logged_failures.flush()) == AT_A_TIME


def test_a_checker_that_fails(closed, logged_failures):
    said = closed.get("/", Authorization=basic("me", "broken"), **TLS)
    assert said.status == 503
    assert "secret" not in said.text
    assert len(logged_failures.flush(RuntimeError)) == 1


def test_pages_of_other_sites_log_in_too(checker, tmp_path):
    web = made(checker, tmp_path, origins=["https://app.example.org"])
    fields = {"Origin": "https://app.example.org", "Sec_Fetch_Site": "cross-site", **TLS}
    assert web.ask("OPTIONS", "/api/messages", Access_Control_Request_Method="GET", **fields).status == 204
    said = web.get("/api/messages", **fields)
    assert (said.status, said.headers["Access-Control-Allow-Origin"]) == (401, "https://app.example.org")
    assert web.get("/api/messages", Authorization=f"Bearer {TOKEN}", **fields).status == 200
    web.stop()
