"""The token that connections share: one request for all, each of which can be cancelled; before it expires; stored."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from txsmtpx.errors import TokenFailed
from txsmtpx.testing import Outcome
from txsmtpx.wire.oauth2_tokens import OAuth2Tokens
from txsmtpx.wire.token_cache import EARLY, PAUSE, STORE_TIMEOUT, TokenCache


class Login:
    """A cache, whose requests the test answers."""

    def __init__(self, tokens=OAuth2Tokens(), store=None):  # noqa: B008  # it is frozen
        self.clock = Clock()
        self.clock.advance(1000)
        self.requests = []
        self.cache = TokenCache(self._fetch, tokens, store, self.clock.seconds)

    def _fetch(self, reactor, tokens, now):
        assert reactor is self.clock
        assert now == self.clock.seconds()
        self.requests.append((Deferred(lambda _: self.cancelled.append(tokens)), tokens.refresh_token))
        return self.requests[-1][0]

    cancelled: list[object]

    def token(self):
        return Outcome(self.cache.token(self.clock))

    def answer(self, token="token", seconds=3600.0, refresh_token=None):
        request, _ = self.requests.pop(0)
        request.callback(OAuth2Tokens(token, self.clock.seconds() + seconds, refresh_token))

    def fail(self, **how):
        self.requests.pop(0)[0].errback(TokenFailed("no token", **how))


@pytest.fixture
def login():
    made = Login()
    made.cancelled = []
    return made


def test_one_request_for_all_connections(login):
    waiting = [login.token() for _ in range(5)]
    assert len(login.requests) == 1
    assert not any(each.fired for each in waiting)
    login.answer("one")
    assert [each.result() for each in waiting] == ["one"] * 5
    assert login.token().result() == "one"
    assert login.requests == []


def test_a_token_is_replaced_before_it_expires(login):
    login.token()
    login.answer("one", 3600)
    login.clock.advance(3600 - EARLY - 1)
    assert login.token().result() == "one"
    login.clock.advance(1)
    both = [login.token(), login.token()]
    login.answer("two")
    assert [each.result() for each in both] == ["two", "two"]


def test_half_of_a_short_life(login):
    login.token()
    login.answer("one", 60)
    login.clock.advance(29)
    assert login.token().result() == "one"
    login.clock.advance(1)
    login.token()
    assert len(login.requests) == 1


@pytest.mark.parametrize("seconds", [0, -5])
def test_a_token_that_has_expired_already_is_used_once(login, seconds):
    first = login.token()
    login.answer("one", seconds)
    assert first.result() == "one"
    assert not login.token().fired
    assert len(login.requests) == 1


def test_a_token_without_an_end(login):
    login.token()
    login.answer("one", float("inf"))
    login.clock.advance(1e9)
    assert login.token().result() == "one"


def test_a_waiting_connection_that_is_cancelled_leaves_the_others(login):
    deferreds = [login.cache.token(login.clock) for _ in range(3)]
    outcomes = list(map(Outcome, deferreds))
    deferreds[1].cancel()
    assert isinstance(outcomes[1].error, CancelledError)
    login.answer("one")
    assert [outcomes[0].result(), outcomes[2].result()] == ["one", "one"]
    assert login.cancelled == []


def test_if_all_are_cancelled_so_is_the_request(login):
    deferreds = [login.cache.token(login.clock) for _ in range(2)]
    outcomes = list(map(Outcome, deferreds))
    for each in deferreds:
        each.cancel()
    assert [type(each.error) for each in outcomes] == [CancelledError] * 2
    assert len(login.cancelled) == 1
    login.requests.clear()
    again = login.token()
    login.answer("two")
    assert again.result() == "two"


def test_a_request_with_a_refresh_token_is_not_cancelled():
    """The issuer may have replaced the refresh token, and the next request needs the new one."""
    login = Login(OAuth2Tokens(refresh_token="old"))
    login.cancelled = []
    waiting = login.cache.token(login.clock)
    gone = Outcome(waiting)
    waiting.cancel()
    assert isinstance(gone.error, CancelledError)
    assert login.cancelled == []
    later = login.token()
    assert len(login.requests) == 1
    login.answer("one", 3600, "new")
    assert later.result() == "one"
    assert login.cache.tokens.refresh_token == "new"


def test_a_connection_that_is_cancelled_by_another_one(login):
    deferreds = [login.cache.token(login.clock) for _ in range(2)]
    deferreds[0].addCallback(lambda token: deferreds[1].cancel())
    gone = Outcome(deferreds[1])
    login.answer("one")
    assert isinstance(gone.error, CancelledError)


def test_a_failure_is_that_of_each(login):
    waiting = [login.token() for _ in range(2)]
    login.fail(temporary=True)
    errors = [each.error for each in waiting]
    assert [str(each) for each in errors] == ["no token"] * 2
    assert [each.temporary for each in errors] == [True, True]
    assert errors[0] is not errors[1]
    again = login.token()
    login.answer("one")
    assert again.result() == "one"


def test_what_cannot_be_replaced_is_used_until_it_expires(login):
    login.token()
    login.answer("one", 3600)
    login.clock.advance(3600 - EARLY)
    first = login.token()
    login.fail(temporary=True)
    assert first.result() == "one"
    assert login.token().result() == "one"
    assert login.requests == []
    login.clock.advance(PAUSE)
    second = login.token()
    login.fail(temporary=False)
    assert second.result() == "one"
    login.clock.advance(EARLY)
    third = login.token()
    login.fail(temporary=True)
    assert isinstance(third.error, TokenFailed)


def test_a_rejected_token_is_used_no_longer(login):
    login.token()
    login.answer("one")
    login.cache.reject("one")
    first, second = login.token(), login.token()
    login.cache.reject("one")  # by another connection
    login.answer("two")
    login.cache.reject("one")  # by a slow one
    assert [first.result(), second.result(), login.token().result()] == ["two"] * 3
    assert login.requests == []


def test_a_rejected_token_is_not_used_though_there_is_no_other(login):
    login.token()
    login.answer("one")
    login.cache.reject("one")
    again = login.token()
    login.fail(temporary=True)
    assert isinstance(again.error, TokenFailed)


def test_the_tokens_are_stored_before_they_are_used():
    stored = []
    waits: Deferred[None] = Deferred()
    login = Login(OAuth2Tokens(refresh_token="old"), lambda tokens: stored.append(tokens) or waits)
    token = login.token()
    assert login.requests[0][1] == "old"
    login.answer("one", 3600, "new")
    assert [(each.access_token, each.refresh_token, each.expires) for each in stored] == [("one", "new", 4600)]
    later = login.token()
    assert not token.fired
    assert not later.fired
    waits.callback(None)
    assert token.result() == later.result() == "one"
    assert login.requests == []
    login.cache.reject("one")
    login.token()
    assert login.requests[0][1] == "new"


def test_a_coroutine_stores():
    stored = []

    async def store(tokens):
        stored.append(tokens.access_token)

    login = Login(store=store)
    token = login.token()
    login.answer("one")
    assert (token.result(), stored) == ("one", ["one"])


@pytest.fixture
def logged():
    from twisted.logger import formatEvent, globalLogPublisher

    lines = []
    observe = lines.append
    globalLogPublisher.addObserver(observe)
    yield lambda: [formatEvent(each) for each in lines]
    globalLogPublisher.removeObserver(observe)


@pytest.mark.parametrize(("error", "why"), [
    (OSError(28, "No space left on device", "tokens.json"), "[Errno 28] No space left on device: 'tokens.json'"),
    (KeyError("a secret"), "KeyError"),
])  # fmt: skip
def test_what_cannot_be_stored_is_used_all_the_same(logged, error, why):
    def store(tokens):
        raise error

    login = Login(store=store)
    token = login.token()
    login.answer("one")
    assert token.result() == "one"
    assert logged() == [f"the tokens of OAuth 2.0 were not stored: {why}"]


def test_a_store_that_hangs(logged):
    login = Login(store=lambda tokens: Deferred())
    token = login.token()
    login.answer("one")
    login.clock.advance(STORE_TIMEOUT - 1)
    assert not token.fired
    login.clock.advance(1)
    assert token.result() == "one"
    assert logged() == ["the tokens of OAuth 2.0 were not stored: TimeoutError"]


def test_tokens_of_an_earlier_process():
    login = Login(OAuth2Tokens("stored", 1000 + EARLY + 1, "refresh"))
    assert login.token().result() == "stored"
    login.clock.advance(1)
    login.token()
    assert login.requests[0][1] == "refresh"


def test_a_callback_that_asks_again(login):
    again = []
    login.cache.token(login.clock).addCallback(lambda token: again.append(login.token()))
    login.answer("one", 0)
    assert len(login.requests) == 1
    login.answer("two")
    assert again[0].result() == "two"
