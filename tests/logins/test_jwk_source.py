"""Where keys come from: a file, and a URL that is asked again, but not for each token."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent

from tests.filters.daemon import REFUSED
from tests.logins.issuer import KEY, OTHER, Issuer, jwks
from tests.sasl.exchanges import now
from txsmtpx.logins.jwk_set import PublicKey
from txsmtpx.logins.jwk_source import COOLDOWN, MAX_AGE, MAX_OCTETS, KeyFile, KeySource, KeyURL
from txsmtpx.logins.token_service import TokenServiceError
from txsmtpx.testing import Outcome
from txsmtpx.wire.web_url import WebURL


class Source:
    """A URL, and its issuer."""

    def __init__(self, mode: str = "") -> None:
        self.issuer = Issuer(mode, max_answer_bytes=MAX_OCTETS)
        self.clock = self.issuer.clock
        self.keys = KeyURL(WebURL.parsed("http://login.example.org/keys?key=7"), self.issuer.client, self.clock)


def asked(source: KeySource, newer: bool = False) -> Outcome[Sequence[PublicKey]]:
    return Outcome(Deferred.fromCoroutine(source.newer_keys() if newer else source.keys()))


def names(outcome: Outcome[Sequence[PublicKey]]) -> list[str | None]:
    return [each.kid for each in outcome.result()]


def test_a_file(tmp_path):
    path = tmp_path / "keys.json"
    path.write_bytes(jwks(KEY))
    source = KeyFile(str(path), now)
    assert names(asked(source)) == names(asked(source, newer=True)) == ["one"]
    path.write_bytes(jwks(KEY, OTHER))
    assert names(asked(source)) == ["one", "two"]
    path.write_bytes(b"nonsense")
    with capturedLogs() as events:
        assert names(asked(source)) == ["one", "two"]
    assert "this is no set of keys" in str(formatEvent(events[0]))


@pytest.mark.parametrize(("octets", "text"), [
    (b"[]", "this is no set of keys"), (b" " * (MAX_OCTETS + 1), f"the file has more than {MAX_OCTETS} octets"),
])  # fmt: skip
def test_a_file_that_is_none(tmp_path, octets, text):
    path = tmp_path / "keys.json"
    path.write_bytes(octets)
    with pytest.raises(ValueError, match=f"{path}: {text}"):
        KeyFile(str(path), now)


def test_a_url_is_asked_once():
    source = Source()
    outcomes = [asked(source.keys), asked(source.keys), asked(source.keys, newer=True)]
    request = source.issuer.answer(jwks(KEY))
    assert request.startswith(b"GET /keys?key=7 HTTP/1.1\r\n")
    assert b"Accept: application/json\r\n" in request
    for each in [*outcomes, asked(source.keys)]:
        assert names(each) == ["one"]
    assert not source.issuer.pipe.asked


def test_an_unknown_key_asks_again_but_not_each_time():
    source = Source()
    first = asked(source.keys)
    source.issuer.answer(jwks(KEY))
    assert first.fired
    for _ in range(3):
        assert names(asked(source.keys, newer=True)) == ["one"]
    source.clock.advance(COOLDOWN)
    outcomes = [asked(source.keys, newer=True), asked(source.keys, newer=True)]
    assert names(asked(source.keys)) == ["one"]  # these need not wait
    source.issuer.answer(jwks(KEY, OTHER))
    assert [names(each) for each in outcomes] == [["one", "two"]] * 2
    assert names(asked(source.keys)) == ["one", "two"]


def test_old_keys_are_asked_for_again_and_used_meanwhile():
    source = Source()
    asked(source.keys)
    source.issuer.answer(jwks(KEY))
    source.clock.advance(MAX_AGE)
    assert names(asked(source.keys)) == ["one"]
    source.issuer.answer(jwks(OTHER))
    assert names(asked(source.keys)) == ["two"]


FAILURES = [
    (b"", "404 Not Found", "its status is 404"), (b"", "302 Found", "its status is 302"),
    (b"<html>", "200 OK", r"this is no set of keys \(RFC 7517\)"),
    (b'{"keys": []}', "200 OK", "the set has no public key for signatures"),
    (b"x" * (MAX_OCTETS + 1), "200 OK", "the answer has more than"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "text"), FAILURES)
def test_no_keys(body, status, text):
    source = Source()
    outcome = asked(source.keys)
    source.issuer.answer(body, status)
    with pytest.raises(TokenServiceError, match=f"^no keys from http://login.example.org/keys: {text}"):
        outcome.result()
    with pytest.raises(TokenServiceError, match=text):
        asked(source.keys).result()
    source.clock.advance(COOLDOWN)
    again = asked(source.keys)
    source.issuer.answer(jwks(KEY))
    assert names(again) == ["one"]


def test_the_issuer_cannot_be_reached():
    outcome = asked(Source(REFUSED).keys)
    assert isinstance(outcome.error, TokenServiceError)


def test_the_issuer_hangs():
    source = Source()
    outcome = asked(source.keys)
    source.clock.pump([1] * 31)
    assert isinstance(outcome.error, TokenServiceError)
    assert not source.clock.getDelayedCalls()


def test_an_unknown_key_while_the_issuer_fails():
    """The key may be a new one, so the token is not refused; known keys still count."""
    source = Source()
    asked(source.keys)
    source.issuer.answer(jwks(KEY))
    source.clock.advance(COOLDOWN)
    outcome = asked(source.keys, newer=True)
    source.issuer.answer(b"", "503 Unavailable")
    assert isinstance(outcome.error, TokenServiceError)
    assert isinstance(asked(source.keys, newer=True).error, TokenServiceError)
    assert names(asked(source.keys)) == ["one"]


def test_one_that_waits_is_cancelled():
    source = Source()
    given = Deferred.fromCoroutine(source.keys.keys())
    outcome, other = Outcome(given), asked(source.keys)
    given.cancel()
    assert outcome.fired
    source.issuer.answer(jwks(KEY))
    assert names(other) == ["one"]


def test_the_log_names_the_url_without_its_secrets():
    """Guarantee 7."""
    source = Source()
    with capturedLogs() as events:
        asked(source.keys)
        source.issuer.answer(b"", "500 Broken")
        source.clock.advance(COOLDOWN)
        asked(source.keys)
        source.issuer.answer(jwks(KEY))
    assert [formatEvent(each) for each in events] == [
        "no keys from http://login.example.org/keys: its status is 500",
        "the keys at http://login.example.org/keys can be read again",
    ]
