"""Access tokens that an issuer has signed, from the first octet of AUTH to the last of its reply."""

from __future__ import annotations

import json

import pytest
from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent
from zope.interface.verify import verifyObject

from tests.encoding import b64
from tests.filters.daemon import REFUSED
from tests.logins.dovecot import decoded
from tests.logins.issuer import AUDIENCE, ISSUER, KEY, NOW, OTHER, Issuer, jwks, token
from tests.sasl.exchanges import DONE, UNIFORM, ask, conversation, log_in, portal, username
from txsmtpx.logins.jwt import JWTChecker
from txsmtpx.sasl.oauth_bearer import BearerToken, OAuthBearer, XOAuth2
from txsmtpx.testing import Conversation, Outcome

TEMPORARY = "454 4.7.0 Temporary authentication failure"
RULES = {"issuer": ISSUER, "audience": AUDIENCE, "now": lambda: NOW}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "keys.json"
    path.write_bytes(jwks(KEY))
    return str(path)


@pytest.fixture
def client(path) -> Conversation:
    return conversation(portal(JWTChecker(path, **RULES)))


def challenge(said: list[str]) -> dict[str, str]:
    """The error before a 535."""
    (line,) = [each for each in said if each.startswith("334 ")]
    found: dict[str, str] = json.loads(decoded(line[4:]))
    return found


@pytest.mark.parametrize("half", [OAuthBearer, XOAuth2])
def test_a_login(client, half):
    assert log_in(client, half("alice", token())) == [DONE]
    assert username(client) == "alice"


def test_the_client_need_not_name_its_user(client):
    assert client.ask("AUTH OAUTHBEARER " + b64(f"n,,\x01auth=Bearer {token()}\x01\x01"))[-1] == DONE
    assert username(client) == "alice"


@pytest.mark.parametrize("half", [OAuthBearer, XOAuth2])
@pytest.mark.parametrize("refused", [
    token(exp=NOW - 1000), token(aud="other"), token(OTHER), "nonsense", token(sub="bob"),
])  # fmt: skip
def test_a_refusal_names_the_issuer(client, half, refused):
    """RFC 7628 §3.2.2: the error, the client's dummy response, then 535."""
    said = log_in(client, half("alice", refused))
    assert challenge(said)["openid-configuration"] == f"{ISSUER}/.well-known/openid-configuration"
    assert challenge(said)["status"] == ("invalid_token" if half is OAuthBearer else "401")
    assert said[-1] == UNIFORM


def test_a_refusal_names_the_scope(path):
    client = conversation(portal(JWTChecker(path, scope="smtp", **RULES)))
    said = log_in(client, OAuthBearer("alice", token()))
    assert challenge(said)["scope"] == "smtp"
    again = conversation(portal(JWTChecker(path, scope="smtp", **RULES)))
    assert log_in(again, OAuthBearer("alice", token(scope="smtp"))) == [DONE]


def test_a_client_without_a_token_learns_where_it_can_get_one(client):
    """RFC 7628 §4.3."""
    said = client.ask("AUTH OAUTHBEARER " + b64("n,a=alice,\x01auth=\x01\x01"))
    assert challenge(said)["openid-configuration"] == f"{ISSUER}/.well-known/openid-configuration"
    assert ask(client, b64("\x01")) == UNIFORM
    assert client.protocol.dialog.failed_logins == 1


def test_the_log_says_why_and_has_no_token(path):
    """Guarantee 7."""
    with capturedLogs() as events:
        client = conversation(portal(JWTChecker(path, **RULES)), transcript=True)
        log_in(client, OAuthBearer("alice", token(exp=NOW - 1000)))
    text = "\n".join(f"{formatEvent(event)}\n{event}" for event in events)
    assert "a token of 'alice' is refused: it has expired" in text
    assert token(exp=NOW - 1000).split(".")[1] not in text


async def test_a_key_is_added_to_the_file(path, tmp_path):
    checker = JWTChecker(path, **RULES)
    (tmp_path / "keys.json").write_bytes(jwks(KEY, OTHER))
    assert await checker.requestAvatarId(BearerToken(b"", token(OTHER))) == b"alice"


class Asking:
    """A server whose keys are at a URL."""

    def __init__(self, mode: str = "") -> None:
        self.issuer = Issuer(mode)
        self.checker = JWTChecker(
            "http://127.0.0.1/keys", endpoint=self.issuer, reactor=self.issuer.clock, **RULES  # type: ignore[arg-type]
        )
        self.backend = portal(self.checker)

    def client(self) -> Conversation:
        client = Conversation(self.backend, clock=self.issuer.clock, allow_insecure_auth=True, auth_failure_delay=0)
        client.ask("EHLO client.example")
        return client


def bearer(text: str) -> str:
    return "AUTH OAUTHBEARER " + b64(f"n,a=alice,\x01auth=Bearer {text}\x01\x01")


def test_keys_at_a_url():
    asking = Asking()
    client = asking.client()
    assert client.ask(bearer(token())) == []
    asking.issuer.answer(jwks(KEY))
    assert client.replies() == [DONE]


def test_a_new_key():
    asking = Asking()
    first, second = asking.client(), asking.client()
    first.ask(bearer(token()))
    asking.issuer.answer(jwks(KEY))
    asking.issuer.clock.advance(31)
    assert second.ask(bearer(token(OTHER))) == []
    asking.issuer.answer(jwks(OTHER))
    assert second.replies() == [DONE]


@pytest.mark.parametrize(("body", "status"), [(b"", "500 Broken"), (b"nonsense", "200 OK"), (b"[" * 9999, "200 OK")])
def test_no_keys_are_a_temporary_failure(body, status):
    asking = Asking()
    client = asking.client()
    client.ask(bearer(token()))
    asking.issuer.answer(body, status)
    asking.issuer.clock.advance(0)
    assert client.replies() == [TEMPORARY]


@pytest.mark.parametrize("how", ["refused", "hangs", "hangs up"])
def test_no_answer_is_a_temporary_failure(how):
    asking = Asking(REFUSED if how == "refused" else "")
    client = asking.client()
    client.ask(bearer(token()))
    if how == "hangs up":
        asking.issuer.pipe.hang_up()
        asking.issuer.pipe.hang_up()  # a GET is sent twice
    asking.issuer.clock.pump([1] * 12)
    assert client.replies() == [TEMPORARY]


def test_the_check():
    asking = Asking()
    outcome = Outcome(Deferred.fromCoroutine(asking.checker.check()))
    asking.issuer.answer(jwks(KEY, OTHER))
    assert outcome.result() == "keys for signatures: 2"


def test_it_is_a_checker(path):
    assert verifyObject(ICredentialsChecker, JWTChecker(path, **RULES))


@pytest.mark.parametrize(("other", "text"), [
    ({"issuer": ""}, r"^issuer is empty; without it, tokens for others would be accepted$"),
    ({"audience": ""}, r"^audience is empty"), ({"claim": ""}, r"^claim is empty"),
    ({"leeway": -1.0}, r"^leeway must be a number of seconds, 0 or more, not -1\.0$"),
    ({"keys": "http://login.example.org/keys"}, "must begin with https"),
    ({"keys": "https://login.example.org/keys", "trust_roots": "/nowhere"}, "trust_roots '/nowhere' cannot be used"),
])  # fmt: skip
def test_what_cannot_be_used(path, other, text):
    """Guarantee 27."""
    with pytest.raises(ValueError, match=text):
        JWTChecker(**{"keys": path, **RULES, **other})


def test_a_file_that_is_missing():
    with pytest.raises(FileNotFoundError):
        JWTChecker("/nonexistent/keys.json", **RULES)
