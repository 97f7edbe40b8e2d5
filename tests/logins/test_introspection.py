"""Access tokens about which their issuer is asked."""

from __future__ import annotations

import base64
import json

import pytest
from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent
from zope.interface.verify import verifyObject

from tests.encoding import b64
from tests.filters.daemon import REFUSED
from tests.logins.issuer import AUDIENCE, ISSUER, NOW, Issuer
from tests.logins.test_jwt import DONE, TEMPORARY, bearer, challenge
from tests.sasl.exchanges import UNIFORM, portal, username
from txsmtpx.logins.introspection import IntrospectionChecker
from txsmtpx.testing import Conversation, Outcome

ACTIVE = {"active": True, "username": "alice", "iss": ISSUER, "aud": [AUDIENCE], "exp": NOW + 60, "scope": "smtp"}


class Asking:
    """A server, and its issuer."""

    def __init__(self, secret_file: str, mode: str = "", **how: object) -> None:
        self.issuer = Issuer(mode)
        self.checker = IntrospectionChecker(
            "http://127.0.0.1/introspect", client_id="mail:server", secret_file=secret_file,
            endpoint=self.issuer, reactor=self.issuer.clock, now=lambda: NOW, **how,  # type: ignore[arg-type]
        )  # fmt: skip
        self.client = Conversation(
            portal(self.checker), clock=self.issuer.clock, allow_insecure_auth=True, auth_failure_delay=0
        )
        self.client.ask("EHLO client.example")

    def answered(self, body: object, status: str = "200 OK", given: str = "a+b/c=") -> list[str]:
        """The reply to AUTH after the issuer has answered."""
        self.client.ask(bearer(given))
        self.asked = self.issuer.answer(body if isinstance(body, bytes) else json.dumps(body).encode(), status)
        self.issuer.clock.advance(0)
        return self.client.replies()


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "secret"
    path.write_text("pass word:%\n")
    return str(path)


@pytest.fixture
def asking(secret_file) -> Asking:
    return Asking(secret_file)


def test_a_login(asking):
    assert asking.answered(ACTIVE) == [DONE]
    assert username(asking.client) == "alice"
    head, body = asking.asked.split(b"\r\n\r\n")
    assert head.startswith(b"POST /introspect HTTP/1.1\r\n")
    authorization = base64.b64encode(b"mail%3Aserver:pass+word%3A%25")
    assert b"Authorization: Basic " + authorization in head
    assert b"Content-Type: application/x-www-form-urlencoded" in head
    assert body == b"token=a%2Bb%2Fc%3D&token_type_hint=access_token"


def test_only_the_member_active_is_needed(asking):
    assert asking.answered({"active": True, "username": "alice"}) == [DONE]


@pytest.mark.parametrize("body", [
    {"active": False}, {**ACTIVE, "username": "bob"}, {**ACTIVE, "exp": NOW - 100}, {**ACTIVE, "nbf": NOW + 100},
    {"active": True}, {**ACTIVE, "exp": "soon"},
])  # fmt: skip
def test_a_refusal(asking, body):
    said = asking.answered(body)
    assert challenge(said)["status"] == "invalid_token"
    asking.client.ask(b64("\x01"))
    asking.issuer.clock.advance(0)
    assert asking.client.replies() == [UNIFORM]


@pytest.mark.parametrize("other", [{"iss": "https://other.example"}, {"aud": "other"}, {"scope": ""}])
def test_what_is_asked_for(secret_file, other):
    rules = {"issuer": ISSUER, "audience": AUDIENCE, "scope": "smtp"}
    assert Asking(secret_file, **rules).answered(ACTIVE) == [DONE]
    said = Asking(secret_file, **rules).answered({**ACTIVE, **other})
    assert challenge(said)["openid-configuration"] == f"{ISSUER}/.well-known/openid-configuration"
    assert challenge(said)["scope"] == "smtp"


@pytest.mark.parametrize(("body", "status"), [
    (b"", "500 Broken"), (b"", "401 Unauthorized"), (b"", "302 Found"), (b"", "204 No Content"), (b"<html>", "200 OK"),
    ([ACTIVE], "200 OK"), ({}, "200 OK"), ({"active": "true"}, "200 OK"), ({"active": 1}, "200 OK"),
    (b"[" * 9999, "200 OK"), (b"\xff", "200 OK"),
])  # fmt: skip
def test_an_answer_that_is_none_is_a_temporary_failure(asking, body, status):
    assert asking.answered(body, status) == [TEMPORARY]
    assert username(asking.client) is None


@pytest.mark.parametrize("how", ["refused", "hangs", "hangs up", "half an answer"])
def test_no_answer_is_a_temporary_failure(secret_file, how):
    asking = Asking(secret_file, REFUSED if how == "refused" else "")
    asking.client.ask(bearer("token"))
    if how == "half an answer":
        asking.issuer.pipe.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    if how.startswith("ha") and how != "hangs":
        asking.issuer.pipe.hang_up()
    asking.issuer.clock.pump([1] * 12)
    assert asking.client.replies() == [TEMPORARY]


def test_a_client_that_has_gone(asking):
    asking.client.ask(bearer("token"))
    asking.client.protocol.dialog.connection.abort()
    asking.client.hang_up()


def test_the_log_has_no_secret(asking):
    """Guarantee 7."""
    with capturedLogs() as events:
        asking.answered(b"", "401 Unauthorized", "guesswork")
    text = "\n".join(f"{formatEvent(event)}\n{event}" for event in events)
    assert "http://127.0.0.1/introspect: its status is 401; check the client ID and the secret" in text
    for secret in ("guesswork", "pass word", "pass+word", b64("mail%3Aserver:pass+word%3A%25")):
        assert secret not in text
    assert "pass word" not in repr(vars(asking.checker))


@pytest.mark.parametrize(("body", "status", "text"), [
    ({"active": False}, "200 OK", ""), (b"", "401 Unauthorized", "check the client ID"),
    (ACTIVE, "200 OK", "does not exist"),
])  # fmt: skip
def test_the_check(asking, body, status, text):
    outcome = Outcome(Deferred.fromCoroutine(asking.checker.check()))
    asking.issuer.answer(body if isinstance(body, bytes) else json.dumps(body).encode(), status)
    if text:
        assert text in str(outcome.error)
    else:
        assert outcome.result() == "it answers"


def test_it_is_a_checker(asking):
    assert verifyObject(ICredentialsChecker, asking.checker)
    asking.checker.startService()
    asking.checker.stopService()


@pytest.mark.parametrize(("other", "text"), [
    ({"client_id": ""}, r"^client_id is empty$"), ({"claim": ""}, r"^claim is empty$"),
    ({"secret_file": ""}, r"^secret_file is empty$"),
    ({"url": "https://mail:hidden@login.example.org/"}, r"^'https://login\.example\.org/' had a login; give client_id"),
    ({"timeout": 0.0}, r"^timeout must be"), ({"leeway": -1.0}, r"^leeway must be"),
    ({"url": "http://login.example.org/"}, "must begin with https"), ({"url": "login"}, "is no URL of a web server"),
    ({"trust_roots": "/nowhere"}, "trust_roots '/nowhere' cannot be used"),
])  # fmt: skip
def test_what_cannot_be_used(secret_file, other, text):
    """Guarantee 27."""
    with pytest.raises(ValueError, match=text):
        IntrospectionChecker(**{"url": "https://x.example/", "client_id": "x", "secret_file": secret_file, **other})


@pytest.mark.parametrize("content", ["", "\n", "one\ntwo\n"])
def test_a_secret_is_one_line(tmp_path, content):
    path = tmp_path / "secret"
    path.write_text(content)
    with pytest.raises(ValueError, match=f"^{path}: the file has the password in its only line$"):
        IntrospectionChecker("https://x.example/", client_id="x", secret_file=str(path))
