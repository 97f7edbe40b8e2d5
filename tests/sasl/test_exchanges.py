"""The mechanisms with a password, each by both of its halves, and what is logged of all of them."""

from __future__ import annotations

import pytest
from twisted.logger import formatEvent, globalLogPublisher

from tests.encoding import b64
from tests.sasl.exchanges import DONE, UNIFORM, Tokens, conversation, log_in, portal, username, users
from txsmtpx.sasl.cram_md5 import CramMD5
from txsmtpx.sasl.login_mechanism import AuthLogin
from txsmtpx.sasl.oauth_bearer import OAuthBearer, XOAuth2
from txsmtpx.sasl.plain import Plain


@pytest.mark.parametrize("half", [CramMD5, Plain, AuthLogin])
def test_a_password(half):
    client = conversation(portal(users()))
    assert log_in(client, half("alice", "wonder land"))[-1] == DONE
    assert username(client) == "alice"
    for name, password in [("alice", "Wonder land"), ("mallory", "wonder land"), ("alice\u200e", "wonder land")]:
        assert log_in(conversation(portal(users())), half(name, password))[-1] == UNIFORM


@pytest.mark.parametrize("half", [CramMD5, Plain, AuthLogin])
@pytest.mark.parametrize("password", ["wonder\u00a0land", "wonder\u00adland", "won\u00adder land"])
def test_names_and_passwords_are_prepared(half, password):
    """RFC 4013: a space is a space, a soft hyphen nothing; CRAM-MD5 does so at this end only."""
    right = password != "wonder\u00adland" and half is not CramMD5
    answer = log_in(conversation(portal(users())), half("al\u00adice", password))[-1]
    assert answer == (DONE if right else UNIFORM)
    assert log_in(conversation(portal(users())), half("ALICE".lower(), "wonder land"))[-1] == DONE
    assert log_in(conversation(portal(users())), half("bob", "m²"))[-1] == DONE


def test_nothing_secret_is_in_the_log_or_in_the_transcript():
    said = []
    globalLogPublisher.addObserver(said.append)
    try:
        for half in [CramMD5, Plain, AuthLogin]:
            client = conversation(portal(users()), transcript=True)
            log_in(client, half("alice", "wonder land"))
            log_in(conversation(portal(users()), transcript=True), half("alice", "guesswork"))
        for half in [OAuthBearer, XOAuth2]:
            log_in(conversation(portal(Tokens()), transcript=True), half("alice", "guesswork"))
    finally:
        globalLogPublisher.removeObserver(said.append)
    text = "\n".join(f"{formatEvent(event)}\n{event}" for event in said)
    assert "AUTH" in text
    assert "logged in" in text
    for secret in ["wonder land", "guesswork", b64(b"wonder land"), b64(b"guesswork")]:
        assert secret not in text
    assert b64(b"\0alice\0wonder land") not in text
