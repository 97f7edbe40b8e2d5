"""What an issuer is asked, by each grant, and what its answers mean; over HTTP, on loopback."""

from __future__ import annotations

import base64
import socket
import time
from email.utils import formatdate
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey
from pytest_twisted import blockon
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

from tests.issuer import Issuer as Server
from txsmtpx import AssertionKey, Fault, TokenFailed
from txsmtpx.wire.issuer import ASSERTION, JWT_BEARER, Issuer
from txsmtpx.wire.oauth2_tokens import OAuth2Tokens
from txsmtpx.wire.web_answer import WebAnswer
from txsmtpx.wire.web_url import WebURL

KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = ECKey.import_key(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
REFRESH, SECRET = "the-refresh-token", "the-client-secret"
TOKENS = OAuth2Tokens(refresh_token=REFRESH)


def issuer(url="https://login.example.org/token", **how) -> Issuer:
    usual = {
        "grant": "refresh_token", "client_id": "the client", "client_secret": None, "key": None,
        "subject": "me@example.org", "scope": "", "client_authentication": "post", "parameters": {},
        "trust_roots": None, "timeout": 5.0,
    }  # fmt: skip
    return Issuer(WebURL.parsed(url), **usual | how)


def form(made: Issuer, tokens=TOKENS) -> dict[str, str]:
    _, body = made.request(tokens, 1000.0)
    return {name: value for name, (value,) in parse_qs(body.decode(), strict_parsing=True).items()}


def claims(assertion: str) -> dict[str, object]:
    return jwt.decode(assertion, PUBLIC, algorithms=["ES256"]).claims


def test_a_refresh_token():
    assert form(issuer()) == {
        "grant_type": "refresh_token", "refresh_token": REFRESH, "client_id": "the client"
    }  # fmt: skip
    assert form(issuer(client_secret=SECRET, scope="a b", parameters={"audience": "mail"})) == {
        "grant_type": "refresh_token", "refresh_token": REFRESH, "client_id": "the client", "client_secret": SECRET,
        "scope": "a b", "audience": "mail",
    }  # fmt: skip


def test_the_credentials_of_the_client():
    assert form(issuer(grant="client_credentials", client_secret=SECRET, scope="x"), OAuth2Tokens()) == {
        "grant_type": "client_credentials", "client_id": "the client", "client_secret": SECRET, "scope": "x",
    }  # fmt: skip


def test_a_secret_in_the_header():
    made = issuer(client_secret="a&b c:ä", client_id="x:y", client_authentication="basic")
    headers, _ = made.request(TOKENS, 1000.0)
    assert base64.b64decode(dict(headers)["Authorization"].split()[1]) == b"x%3Ay:a%26b+c%3A%C3%A4"
    assert form(made) == {"grant_type": "refresh_token", "refresh_token": REFRESH}


@pytest.mark.parametrize(("grant", "tokens"), [("client_credentials", OAuth2Tokens()), ("refresh_token", TOKENS)])
def test_an_assertion_authenticates_the_client(grant, tokens):
    found = form(issuer(grant=grant, key=AssertionKey(PEM), scope="x"), tokens)
    signed = claims(found.pop("client_assertion"))
    assert (signed["iss"], signed["sub"], signed["aud"]) == ("the client", "the client", "https://login.example.org/token")
    assert "scope" not in signed
    assert found == {
        "grant_type": grant, "client_id": "the client", "client_assertion_type": ASSERTION, "scope": "x",
    } | ({"refresh_token": REFRESH} if tokens.refresh_token else {})  # fmt: skip


def test_an_assertion_about_a_user():
    found = form(issuer(grant="jwt_bearer", key=AssertionKey(PEM), scope="https://mail/"), OAuth2Tokens())
    signed = claims(found.pop("assertion"))
    assert (signed["iss"], signed["sub"], signed["scope"]) == ("the client", "me@example.org", "https://mail/")
    assert found == {"grant_type": JWT_BEARER}


def failure(status, body: bytes, **how) -> TokenFailed:
    return issuer(**how).failure(WebAnswer(status, "Bad", {}, body), TOKENS)


INVALID_GRANT = b'{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}'

REFUSED = [
    (400, INVALID_GRANT,
     "the issuer login.example.org refuses a token: invalid_grant: Token has been expired or revoked; the refresh "
     "token is revoked, expired or another client's; log in at the issuer for a new one"),
    (401, b'{"error": "invalid_client"}',
     "the issuer login.example.org refuses a token: invalid_client; check client_id, and client_secret or key"),
    (400, b'{"error": "invalid_scope"}', "the issuer login.example.org refuses a token: invalid_scope; check scope"),
    (400, b'{"error": "new_error"}',
     "the issuer login.example.org refuses a token: new_error; check the arguments of OAuth2"),
    (404, b"<html>Not Found</html>",
     "the issuer login.example.org answers 404, without an error of OAuth 2.0; check token_endpoint"),
    (302, b"", "the issuer login.example.org answers 302, without an error of OAuth 2.0; check token_endpoint"),
    (400, b'{"error": 5}',
     "the issuer login.example.org answers 400, without an error of OAuth 2.0; check token_endpoint"),
    (204, b"", "the issuer login.example.org answers 204, without an error of OAuth 2.0; check token_endpoint"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "text"), REFUSED, ids=[f"{each[0]} {each[1][:30]!r}" for each in REFUSED])
def test_a_refusal_is_permanent(status, body, text):
    failed = failure(status, body)
    assert (str(failed), failed.temporary, failed.fault, failed.command) == (text, False, Fault.CALLER, "AUTH")


def test_the_hint_for_an_assertion():
    assert str(failure(400, INVALID_GRANT, grant="jwt_bearer")).endswith("; check key, username and scope")


def test_the_code_of_the_error():
    assert (failure(400, INVALID_GRANT).error, failure(503, b"").error) == ("invalid_grant", "")


@pytest.mark.parametrize(("status", "body", "said"), [
    (500, b"", "500"), (503, b"<html>", "503"), (408, b"", "408"), (425, b"", "425"), (429, b"", "429"),
    (502, b'{"error": "invalid_grant"}', "502 invalid_grant"),
    (400, b'{"error": "temporarily_unavailable"}', "400 temporarily_unavailable"),
    (400, b'{"error": "server_error", "error_description": "Later"}', "400 server_error: Later"),
])  # fmt: skip
def test_what_is_temporary(status, body, said):
    failed = failure(status, body)
    assert str(failed) == f"the issuer login.example.org answers {said}"
    assert (failed.temporary, failed.fault) == (True, Fault.SERVER)


@pytest.mark.parametrize("quoted", [REFRESH, SECRET, REFRESH[:10], base64.b64encode(SECRET.encode()).decode()])
def test_an_issuer_that_quotes_a_secret(quoted):
    failed = failure(400, b'{"error": "invalid_grant", "error_description": "no such token: %b"}' % quoted.encode(),
                     client_secret=SECRET)  # fmt: skip
    assert quoted not in f"{failed} {failed!r}"
    assert "invalid_grant: [credentials]" in str(failed)


def test_the_words_of_an_issuer_are_one_short_line():
    failed = failure(400, b'{"error": "x", "error_description": "%b"}' % (b"a\\r\\n\\u2028\\u0000b" + b"c" * 10_000))
    assert str(failed).isprintable()
    assert len(str(failed)) < 500


# ---- over HTTP


@pytest.fixture
def server():
    made = Server()
    blockon(ensureDeferred(made.listen(reactor)))
    yield made
    blockon(ensureDeferred(made.stop()))


async def renewed(server, tokens=TOKENS, **how):
    return await issuer(server.url, **how).renewed(reactor, tokens, time.time())


async def test_tokens_come_over_http(server):
    server.answers = [server.new(refresh_token="rotated")]
    tokens = await renewed(server)
    assert (tokens.access_token, tokens.refresh_token) == ("token-1", "rotated")
    assert 3590 < tokens.expires - time.time() < 3610
    assert server.asked == [{"grant_type": "refresh_token", "refresh_token": REFRESH, "client_id": "the client"}]


async def failed(server, **how) -> TokenFailed:
    with pytest.raises(TokenFailed) as raised:
        await renewed(server, **how)
    assert REFRESH not in f"{raised.value} {raised.value!r}"
    return raised.value


async def test_the_issuer_refuses(server):
    server.answers = [(400, {"error": "invalid_grant"})]
    assert (await failed(server)).error == "invalid_grant"


@pytest.mark.parametrize("answer", [
    b"garbage", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", b"HTTP/1.1 200 OK\r\nContent-Le", None,
], ids=["garbage", "nothing", "half a body", "half a header", "silence"])  # fmt: skip
async def test_half_an_answer_or_none(server, answer):
    server.answers = [answer]
    error = await failed(server, timeout=0.3 if answer is None else 5.0)
    assert (error.temporary, error.fault) == (True, Fault.NETWORK)
    assert str(error).startswith("the issuer 127.0.0.1 gives no answer: ")


@pytest.mark.parametrize("content", [b"garbage", b"[]", {"access_token": "x"}, b" " * 100_000])
async def test_an_answer_without_a_token(server, content):
    server.answers = [(200, content)]
    assert (await failed(server)).temporary


async def test_no_issuer_listens():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(TokenFailed, match=r"the issuer 127\.0\.0\.1 gives no answer") as raised:
            await issuer(f"http://127.0.0.1:{bound.getsockname()[1]}/").renewed(reactor, TOKENS, time.time())
    assert (raised.value.temporary, raised.value.fault) == (True, Fault.NETWORK)


async def test_tls_and_its_certificate(authority):
    made = Server()
    await made.listen(reactor, authority.server("localhost"))
    try:
        assert (await renewed(made, trust_roots=str(authority.path))).access_token == "token-1"
        with pytest.raises(TokenFailed, match="certificate") as raised:
            await renewed(made)
        assert raised.value.temporary
        assert len(made.asked) == 1
    finally:
        await made.stop()


@pytest.mark.parametrize("ahead", [-7200, 7200])
async def test_a_clock_that_is_wrong(server, ahead):
    """The issuer's clock is taken from its answer, and the assertion is made again."""

    def strict(given):
        signed = claims(given["assertion"])
        now = time.time() + ahead
        server.date = formatdate(now, usegmt=True)
        fits = signed["iat"] <= now <= signed["exp"]
        return server.new() if fits else (400, {"error": "invalid_grant", "error_description": "expired"})

    server.answers = [strict, strict]
    tokens = await renewed(server, OAuth2Tokens(), grant="jwt_bearer", key=AssertionKey(PEM))
    assert tokens.access_token == "token-1"
    assert len(server.asked) == 2
    assert tokens.expires - time.time() < 3610


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 01 Jan 1970 00:00:00 GMT"])
async def test_a_refused_assertion_is_tried_at_most_twice(server, date):
    server.date = date
    server.answers = [(400, {"error": "invalid_grant"})] * 5
    assert not (await failed(server, grant="jwt_bearer", key=AssertionKey(PEM))).temporary
    assert len(server.asked) == (2 if "1970" in date else 1)
