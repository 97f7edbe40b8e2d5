"""A login by OAuth 2.0: its arguments, the mechanism, a token that is rejected, and secrets; with scripted servers."""

from __future__ import annotations

import base64

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.logger import formatEvent, globalLogPublisher

from txsmtpx import (
    CommandCancelled,
    Delivered,
    NetworkError,
    NotOffered,
    OAuth2,
    OAuth2Tokens,
    SMTPError,
    SMTPPool,
    TokenFailed,
    connect,
)
from txsmtpx.testing import Outcome
from txsmtpx.wire import oauth2
from txsmtpx.wire.token_cache import TokenCache

URL = "https://login.example.org/token"
REFRESH, SECRET = "the-refresh-token", "the-client-secret"
NO = "535 5.7.8 No"


def made(**how) -> OAuth2:
    return OAuth2(**{"token_endpoint": URL, "client_id": "client", "refresh_token": REFRESH} | how)


class Tokens:
    """A login whose tokens are these, one after another; the last may be an error or a Deferred."""

    def __init__(self, *tokens, username="me@example.org"):
        self.left = list(tokens)
        self.auth = made(username=username)
        self.auth._cache = TokenCache(self._fetch, OAuth2Tokens(), None)

    def _fetch(self, reactor, tokens, now):
        found = self.left.pop(0)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, Deferred):
            return found.addCallback(lambda token: OAuth2Tokens(token, now + 3600))
        return succeed(OAuth2Tokens(found, now + 3600))


def login(net, auth, **how):
    return connect(net, reactor=net.clock, **{"tls": "none", "auth": auth, "allow_insecure_auth": True, **how})


def sent(server) -> list[bytes]:
    """The responses of each AUTH."""
    lines = [line.split() for line in server.lines if line.startswith("AUTH")]
    return [base64.b64decode(each[2]) for each in lines]


# ---- the mechanism

OAUTHBEARER = b"n,a=me@example.org,\x01auth=Bearer one\x01\x01"
XOAUTH2 = b"user=me@example.org\x01auth=Bearer one\x01\x01"


@pytest.mark.parametrize(("offered", "response"), [
    ("OAUTHBEARER", OAUTHBEARER), ("XOAUTH2", XOAUTH2), ("PLAIN XOAUTH2 OAUTHBEARER", OAUTHBEARER),
    ("LOGIN XOAUTH2", XOAUTH2), ("plain xoauth2", XOAUTH2),
])  # fmt: skip
def test_the_mechanism_is_one_that_the_server_offers(network, offered, response):
    net = network(offers=[f"AUTH {offered}"])
    client = net.result(login(net, Tokens("one").auth))
    assert client.authenticated
    assert sent(net.servers[0]) == [response]


def test_without_a_user_name(network):
    net = network(offers=["AUTH XOAUTH2 OAUTHBEARER"])
    net.result(login(net, Tokens("one", username="").auth))
    assert sent(net.servers[0]) == [b"n,,\x01auth=Bearer one\x01\x01"]
    net = network(offers=["AUTH XOAUTH2"])
    with pytest.raises(NotOffered, match=r"XOAUTH2 only, which needs OAuth2\(username=\.\.\.\)"):
        net.result(login(net, Tokens(username="").auth))


def test_a_server_that_offers_neither_costs_no_request(network):
    net = network(offers=["AUTH PLAIN LOGIN"])
    with pytest.raises(NotOffered, match="no mechanism for an access token is offered, only: LOGIN PLAIN") as raised:
        net.result(login(net, Tokens().auth))
    assert raised.value.temporary
    client = net.result(login(net, Tokens().auth, auth_optional=True))
    assert not client.authenticated


def test_no_token_in_the_clear(network):
    net = network(offers=["AUTH XOAUTH2"])
    with pytest.raises(NotOffered, match="a login in the clear needs allow_insecure_auth=True"):
        net.result(login(net, Tokens().auth, allow_insecure_auth=False))
    assert "AUTH" not in net.servers[0].verbs


def test_a_long_token_waits_for_its_turn(network):
    """RFC 4954 §4: an initial response that makes the line too long is sent after 334."""
    def late(argument):
        yield "334 "
        yield "235 2.7.0 Ok"

    token = "x" * 3000
    net = network(offers=["AUTH XOAUTH2"], AUTH=late)
    assert net.result(login(net, Tokens(token).auth)).authenticated


# ---- a token that is rejected


def challenge(reply=NO):
    def refuse(argument):
        yield "334 eyJzdGF0dXMiOiI0MDEifQ=="
        yield reply

    return refuse


REJECTED = {"535": NO, "a challenge and 535": challenge(), "a challenge and 454": challenge("454 4.7.0 Later")}


@pytest.mark.parametrize("offered", ["OAUTHBEARER", "XOAUTH2"])
@pytest.mark.parametrize("how", REJECTED)
def test_a_rejected_token_is_replaced_once(network, how, offered):
    net = network(offers=[f"AUTH {offered}"], AUTH=[REJECTED[how], None])
    tokens = Tokens("old", "new")
    assert net.result(login(net, tokens.auth)).authenticated
    assert [each.partition(b"Bearer ")[2][:3] for each in sent(net.servers[0])] == [b"old", b"new"]
    assert tokens.auth.tokens.access_token == "new"


@pytest.mark.parametrize("how", REJECTED)
def test_a_new_token_that_is_rejected_ends_the_login(network, how):
    net = network(offers=["AUTH XOAUTH2"], AUTH=[REJECTED[how], REJECTED[how]])
    with pytest.raises(SMTPError, match=r"AUTH: (535 5\.7\.8 No|454 4\.7\.0 Later)"):
        net.result(login(net, Tokens("old", "new").auth))
    assert [each for each in net.servers[0].verbs if each] == ["EHLO", "AUTH", "AUTH", "QUIT"]


@pytest.mark.parametrize("reply", ["454 4.7.0 Temporary failure", "534 5.7.9 Too weak", "530 5.7.0 TLS first"])
def test_another_rejection_is_none_of_the_token(network, reply):
    net = network(offers=["AUTH XOAUTH2"], AUTH=reply)
    tokens = Tokens("old")
    with pytest.raises(SMTPError, match=reply):
        net.result(login(net, tokens.auth))
    assert tokens.auth.tokens.access_token == "old"


def test_a_server_that_closes_after_its_rejection_gets_another_connection(network):
    net = network(offers=["AUTH XOAUTH2"], AUTH=lambda argument: b"535 5.7.8 No\r\n421 4.7.0 Bye\r\n" if b"old" in
                  base64.b64decode(argument.split()[1]) else None)  # fmt: skip
    assert net.result(login(net, Tokens("old", "new").auth)).authenticated
    assert [len(sent(each)) for each in net.servers] == [1, 1]


@pytest.mark.parametrize("reply", ["421 4.7.0 Too many logins", "454 4.7.0 Later\r\n421 4.7.0 Bye"])
def test_a_server_that_closes_and_has_not_rejected_the_token_is_not_tried_again(network, reply):
    net = network(offers=["AUTH XOAUTH2"], AUTH=f"{reply}\r\n".encode())
    tokens = Tokens("one", "two")
    with pytest.raises(SMTPError, match=reply[:3]):
        net.result(login(net, tokens.auth))
    assert len(net.servers) == 1
    assert tokens.auth.tokens.access_token == "one"


def test_a_server_that_closes_always_is_tried_twice(network):
    net = network(offers=["AUTH XOAUTH2"], AUTH=b"535 5.7.8 No\r\n421 4.7.0 Bye\r\n")
    with pytest.raises(SMTPError, match="535"):
        net.result(login(net, Tokens("one", "two", "three").auth))
    assert len(net.servers) == 2


def test_a_server_that_closes_while_the_second_token_is_fetched(network):
    """What it has replied is not lost."""
    second: Deferred[str] = Deferred()
    net = network(offers=["AUTH XOAUTH2"], AUTH=NO)
    tokens = Tokens("old", second)
    outcome = Outcome(net.greeted(allow_insecure_auth=True).authenticate(tokens.auth))
    net.flush()
    assert not outcome.fired
    net.servers[0].transport.loseConnection()
    net.flush()
    assert str(outcome.error) == "AUTH: 535 5.7.8 No"
    assert second.called  # it was cancelled


# ---- an issuer that fails


def test_no_token_no_login(network):
    net = network(offers=["AUTH XOAUTH2"])
    error = TokenFailed("the issuer answers 503", temporary=True)
    outcome = Outcome(login(net, Tokens(error).auth))
    net.flush()
    assert isinstance(outcome.error, TokenFailed)
    assert outcome.error.delivered is Delivered.NO
    assert net.servers[0].verbs == ["EHLO", "QUIT"]


def test_the_server_is_lost_while_the_token_is_fetched(network):
    net = network(offers=["AUTH XOAUTH2"])
    outcome = Outcome(login(net, Tokens(Deferred()).auth))
    net.flush()
    net.servers[0].transport.loseConnection()
    net.flush()
    assert isinstance(outcome.error, NetworkError)
    assert outcome.error.command == "AUTH"


def test_a_login_that_is_cancelled_leaves_the_others(network):
    token: Deferred[str] = Deferred()
    net = network(offers=["AUTH XOAUTH2"])
    tokens = Tokens(token)
    first, second = login(net, tokens.auth), login(net, tokens.auth)
    outcomes = Outcome(first), Outcome(second)
    net.flush()
    first.cancel()
    net.flush()
    assert isinstance(outcomes[0].error, CommandCancelled)
    assert net.servers[0].verbs == ["EHLO", "QUIT"]
    token.callback("one")
    net.flush()
    assert outcomes[1].result().authenticated
    assert tokens.left == []


def test_a_pool_fetches_one_token_for_all_connections(network):
    net = network(offers=["AUTH XOAUTH2"])
    token: Deferred[str] = Deferred()
    pool = SMTPPool(net, tls="none", auth=Tokens(token).auth, allow_insecure_auth=True, reactor=net.clock, size=5)
    results = [Outcome(pool.send("a@example.org", ["b@example.net"], b"x\r\n")) for _ in range(5)]
    net.flush()
    assert len(net.servers) == 5
    token.callback("one")
    net.flush()
    assert [len(each.result().accepted) for each in results] == [1] * 5
    net.result(pool.stopService())


# ---- secrets


def test_no_secret_in_a_transcript_an_error_or_the_log(network):
    lines, events = [], []
    globalLogPublisher.addObserver(events.append)
    net = network(offers=["AUTH XOAUTH2"], AUTH=["535 5.7.8 No such token: the-access-token", NO])
    auth = Tokens("the-access-token", "another-token").auth
    try:
        with pytest.raises(SMTPError) as raised:
            net.result(login(net, auth, transcript=lambda *line: lines.append(line)))
    finally:
        globalLogPublisher.removeObserver(events.append)
    text = f"{lines} {raised.value!r} {auth!r} {vars(auth)} {[formatEvent(each) for each in events]}"
    encoded = base64.b64encode(b"user=me@example.org\x01auth=Bearer the-access-token\x01\x01").decode()
    for secret in ("the-access-token", "another-token", encoded[40:60]):
        assert secret not in text
    assert "[credentials]" in text


def test_the_representation():
    assert repr(made(username="me@example.org")) == "<OAuth2 'me@example.org' at login.example.org>"
    text = f"{vars(made(client_secret=SECRET))} {made(client_secret=SECRET).tokens}"
    assert REFRESH not in text
    assert SECRET not in text
    assert "hidden" not in f"{vars(made(parameters={'password': 'hidden'}))}"


# ---- arguments

WRONG = [
    ({"refresh_token": None}, "OAuth2 needs refresh_token, client_secret or key"),
    ({"refresh_token": ""}, "an empty client_secret or refresh_token cannot be used"),
    ({"client_secret": ""}, "an empty client_secret or refresh_token cannot be used"),
    ({"grant": "client_credentials"}, "grant='client_credentials' uses no refresh_token: leave it out"),
    ({"grant": "refresh_token", "refresh_token": None}, "grant='refresh_token' needs refresh_token"),
    ({"grant": "jwt_bearer", "refresh_token": None, "client_secret": SECRET}, "'jwt_bearer' needs key and username"),
    ({"grant": "password"}, "must be 'refresh_token', 'client_credentials', 'jwt_bearer' or None, not 'password'"),
    ({"client_id": ""}, "client_id is empty"),
    ({"username": "a\x01b"}, "username must have no control characters"),
    ({"token_endpoint": "login.example.org"}, "token_endpoint: 'login.example.org' is no URL of a web server"),
    ({"token_endpoint": "http://login.example.org/"}, "would send secrets in the clear; write https://"),
    ({"token_endpoint": "http://127.example.org/"}, "would send secrets in the clear"),
    ({"token_endpoint": "https://a:hidden@login.example.org/"}, "had a login; give client_id and client_secret"),
    ({"parameters": {"client_secret": "x"}}, "parameters cannot have client_secret"),
    ({"timeout": 0}, "timeout is a number of seconds above 0, not 0"),
    ({"timeout": float("nan")}, "timeout is a number of seconds above 0"),
    ({"client_authentication": "header"}, "client_authentication must be 'post' or 'basic', not 'header'"),
]


@pytest.mark.parametrize(("how", "why"), WRONG)
def test_values_that_cannot_be_used(how, why):
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # the text is compared below
        made(**how)
    assert why in str(raised.value)
    assert not {REFRESH, SECRET, "hidden"} & set(str(raised.value).split())


@pytest.mark.parametrize(("how", "why"), [
    ({"refresh_tokens": REFRESH}, "OAuth2 has no argument refresh_tokens; did you mean refresh_token?"),
    ({"refresh_token": REFRESH.encode()}, "OAuth2: refresh_token must be text or None, not bytes"),
    ({"client_secret": 5}, "OAuth2: client_secret must be text or None, not int"),
    ({"store": "tokens.json"}, "store is a function, not str"),
    ({"key": "the-refresh-token"}, "key is an AssertionKey, not str"),
    ({"parameters": {"password": [REFRESH]}}, "parameters is a mapping of text to text; 'password' is list"),
    ({"parameters": "the-refresh-token"}, "parameters is a mapping of text to text, not str"),
    ({"tokens": "token"}, "OAuth2: tokens must be"),
])  # fmt: skip
def test_wrong_types(how, why):
    with pytest.raises(TypeError) as raised:
        made(**how)
    assert why in str(raised.value)
    assert REFRESH not in str(raised.value)


def test_without_treq(monkeypatch):
    monkeypatch.setattr(oauth2, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'txsmtpx\[oauth\]'"):
        made()


def test_trust_roots_that_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.pem' cannot be used: No such file"):
        made(trust_roots=tmp_path / "nowhere.pem")


def test_loopback_may_have_http():
    for host in ("127.0.0.1", "localhost", "[::1]"):
        made(token_endpoint=f"http://{host}:80/token")


def test_tokens_of_an_earlier_process():
    auth = made(tokens=OAuth2Tokens("a", 5.0, "rotated"))
    assert (auth.tokens.access_token, auth.tokens.refresh_token) == ("a", "rotated")
    assert made(tokens=OAuth2Tokens("a", 5.0)).tokens.refresh_token == REFRESH


@pytest.mark.parametrize("auth", [OAuth2, "a token", b"a token"])
def test_what_is_no_login(network, auth):
    with pytest.raises(TypeError, match="auth is"):
        login(network(), auth)


