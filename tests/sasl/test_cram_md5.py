"""CRAM-MD5 (RFC 2195): a challenge that is never the same, and what is no answer to it."""

from __future__ import annotations

import base64
import hmac
import re

import pytest

from tests.encoding import b64
from tests.sasl.exchanges import CONNECTION, UNIFORM, ask, conversation, portal, users
from txsmtpx import SMTPError
from txsmtpx.sasl.cram_md5 import CRAM_MD5, ChallengeResponse, CramMD5, CramMD5Server


def test_cram_is_never_the_same_and_cannot_be_replayed():
    client = conversation(portal(users()))
    first, second = (base64.b64decode(ask(client, "AUTH CRAM-MD5")[4:]) for _ in range(2) if not ask(client, "*") or 1)
    assert first != second
    digest = hmac.new(b"wonder land", first, "md5").hexdigest()
    assert ask(client, b64(f"alice {digest}".encode())) == UNIFORM


@pytest.mark.parametrize("response", ["", "alice", " 0123", "\xff 0123"])
def test_cram_malformed(response):
    client = conversation(portal(users()))
    ask(client, "AUTH CRAM-MD5")
    assert ask(client, b64(response.encode("latin-1"))).startswith("501 5.5.2")
    assert ask(client, "AUTH CRAM-MD5 =").startswith("501 5.7.0")  # RFC 4954 §4: there is nothing to answer yet
    ask(client, "AUTH CRAM-MD5")
    assert ask(client, "*").startswith("501 5.7.0")
    assert ask(client, "NOOP").startswith("250")


def server():
    return CramMD5Server(CONNECTION, None)


def test_the_challenge_is_a_message_id_of_the_server():
    """RFC 2195 §2."""
    assert re.fullmatch(rb"<\d+\.\d+@mx\.example\.org>", server().next(None))
    assert CRAM_MD5.server_first


def test_the_example_of_the_rfc():
    half = CramMD5("tim", "tanstaaftanstaaf")
    assert half.start() is None
    challenge = b"<1896.697170952@postoffice.reston.mci.net>"
    response = half.next(challenge)
    assert response == b"tim b913a602c7eda7a495b4e6e7334d3890"
    credentials = ChallengeResponse(b"tim", challenge, response.rpartition(b" ")[2])
    assert credentials.checkPassword(b"tanstaaftanstaaf")
    assert credentials.checkPassword("tanstaaftanstaaf")
    assert not credentials.checkPassword(b"tanstaaf")


@pytest.mark.parametrize("case", [bytes.lower, bytes.upper])
def test_the_digest_in_either_case_and_a_name_with_spaces(case):
    half = server()
    challenge = half.next(None)
    digest = hmac.new(b"secret", challenge, "md5").hexdigest().encode()
    credentials = half.next(b"a b " + case(digest))
    assert credentials.username == b"a b"
    assert credentials.checkPassword(b"secret")


@pytest.mark.parametrize("response", [b"", b"alice", b" 0123", b"\xff 0123"])
def test_no_name_and_digest(response):
    half = server()
    half.next(None)
    with pytest.raises(ValueError, match=r"not a name and a digest|utf-8"):
        half.next(response)


def test_a_name_that_saslprep_prohibits_is_a_failed_login():
    half = server()
    half.next(None)
    with pytest.raises(SMTPError, match="535"):
        half.next("al\u200eice 0123".encode())


def test_nothing_secret_is_shown():
    half = CramMD5("alice", "wonder land")
    assert half.secrets == ("wonder land",)
    assert repr(half) == "<CramMD5 'alice'>"
    assert repr(ChallengeResponse(b"alice", b"<1@x>", b"0123")) == "<ChallengeResponse b'alice'>"
