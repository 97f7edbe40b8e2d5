"""A connection to Redis, whose end here is the test; with the real one in tests/interop/test_redis.py."""

from __future__ import annotations

import pytest
import txredisapi
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure

from tests.stores.redis_endpoint import Redis
from txsmtpx import StoreError
from txsmtpx.settling import deferred_call
from txsmtpx.stores import redis_protocol
from txsmtpx.stores.redis_connection import PROBE, RETRY, RedisConnection, writable

NAME = "redis ClientEndpoint"


@pytest.fixture(autouse=True, params=["RedisProtocol", "BaseRedisProtocol"])
def parser(request, monkeypatch):
    """The parser in C, and the one in Python that the library uses without hiredis."""
    if request.param == "RedisProtocol":
        assert txredisapi.RedisProtocol is txredisapi.HiredisProtocol
    monkeypatch.setattr(txredisapi, "RedisProtocol", getattr(txredisapi, request.param))
    redis_protocol.protocol_class.cache_clear()
    yield
    redis_protocol.protocol_class.cache_clear()


@pytest.fixture
def clock():
    clock = Clock()
    yield clock
    assert clock.getDelayedCalls() == []


@pytest.fixture
def redis():
    return Redis()


def connection(redis, clock, username="", password="", database=0):
    return RedisConnection(redis, username, password, database, writable("probe"), 2.0, clock)


def results(deferred):
    """The list to which the result of a Deferred will be added."""
    found = []
    deferred.addBoth(found.append)
    return found


def run(made, *arguments):
    return results(deferred_call(made.run, *(arguments or ("return 1", "key"))))


def text(found):
    """The text of the StoreError that a request has got."""
    (failure,) = found
    assert failure.type is StoreError
    return str(failure.value)


def sent(redis):
    return redis.transport.value().decode().split("\r\n")


def test_nothing_is_sent_before_the_first_request(redis, clock):
    connection(redis, clock)
    assert redis.attempts == 0


def test_a_request(redis, clock):
    made = connection(redis, clock)
    found = run(made, "return 5", "key", "one", "two")
    assert sent(redis) == ["*4", "$4", "EVAL", f"${len(PROBE)}", PROBE, "$1", "1", "$5", "probe", ""]
    redis.transport.clear()
    redis.numbers(1)
    assert sent(redis) == ["*6", "$4", "EVAL", "$8", "return 5", "$1", "1", "$3", "key", "$3", "one", "$3", "two", ""]
    redis.numbers(5)
    assert found == [[5]]
    again = run(made, "return 5", "key")
    assert "EVALSHA" in sent(redis)
    redis.answer("*2", ":7", ":8")
    assert again == [[7, 8]]
    assert redis.attempts == 1


def test_requests_share_a_connection(redis, clock):
    made = connection(redis, clock)
    founds = [run(made) for _ in range(3)]
    redis.numbers(1, 10, 20)
    assert founds == [[[10]], [[20]], []]
    founds += [run(made)]
    redis.numbers(30, 40)
    assert founds == [[[10]], [[20]], [[30]], [[40]]]
    assert redis.attempts == 1


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"password": "secret"}, [["AUTH", "secret"]]),
        ({"username": "me", "password": "secret"}, [["AUTH", "me", "secret"]]),
        ({"database": 3}, [["SELECT", "3"]]),
        ({"password": "secret", "database": 3}, [["AUTH", "secret"], ["SELECT", "3"]]),
    ],
)
def test_before_the_first_script(redis, clock, how, expected):
    found = run(connection(redis, clock, **how))
    for command in expected:
        words = [word for word in sent(redis) if word and word[0] not in "*$"]
        assert words == command
        redis.transport.clear()
        redis.answer("+OK")
    redis.numbers(1, 5)
    assert found == [[5]]


@pytest.mark.parametrize("answer", ["-WRONGPASS invalid username-password pair", "-NOAUTH Authentication required."])
def test_a_login_that_fails(redis, clock, answer):
    with capturedLogs() as events:
        found = run(connection(redis, clock, password="secret"))
        redis.answer(answer)
    assert text(found) == f"{NAME}: {answer[1:]}"
    assert redis.transport.disconnecting
    assert [formatEvent(event) for event in events] == [f"{NAME} cannot be used: {answer[1:]}"]


def test_a_replica_fails_before_the_first_request(redis, clock):
    found = run(connection(redis, clock))
    redis.answer("-READONLY You can't write against a read only replica.")
    assert text(found) == f"{NAME}: READONLY You can't write against a read only replica."
    assert redis.transport.disconnecting


def test_a_failure_is_logged_once_and_tried_again_a_second_later(redis, clock):
    redis.connecting = fail(ConnectionRefusedError())
    made = connection(redis, clock)
    with capturedLogs() as events:
        first = text(run(made))
        assert first == f"{NAME}: Connection was refused by other side."
        assert text(run(made)) == first
        assert redis.attempts == 1
        clock.advance(RETRY)
        redis.connecting = fail(ConnectionRefusedError())
        assert text(run(made)) == first
        assert redis.attempts == 2
        clock.advance(RETRY)
        redis.connecting = None
        found = run(made)
        assert "Connection was refused" in text(run(made))  # the attempt of another request still runs
        redis.numbers(1, 5)
        assert found == [[5]]
    assert [formatEvent(event) for event in events] == [
        f"{NAME} cannot be used: Connection was refused by other side.", f"{NAME} is used again",
    ]  # fmt: skip


def test_a_failure_without_a_text(redis, clock):
    redis.connecting = fail(OSError())
    made = connection(redis, clock)
    assert text(run(made)) == text(run(made)) == f"{NAME}: OSError"
    assert redis.attempts == 1


def test_all_requests_wait_for_the_first_attempt(redis, clock):
    redis.connecting = Deferred()
    made = connection(redis, clock)
    founds = [run(made) for _ in range(2)]
    redis.connecting.errback(ConnectionRefusedError())
    assert len({text(found) for found in founds}) == 1
    assert founds[0][0].value is not founds[1][0].value  # no exception is shared


def test_no_connection_in_time(redis, clock):
    redis.connecting = Deferred()
    found = run(connection(redis, clock))
    clock.advance(1.9)
    assert found == []
    clock.advance(0.1)
    assert text(found) == f"{NAME}: no answer within 2 seconds"


def test_no_answer_to_the_first_script_in_time(redis, clock):
    found = run(connection(redis, clock))
    clock.advance(2)
    assert text(found) == f"{NAME}: no answer within 2 seconds"
    assert redis.transport.disconnecting


def connected(redis, clock):
    """A connection that has had an answer."""
    made = connection(redis, clock)
    found = run(made)
    redis.numbers(1, 5)
    assert found == [[5]]
    redis.transport.clear()
    return made


def test_no_answer_in_time(redis, clock):
    made = connected(redis, clock)
    with capturedLogs() as events:
        first = run(made)
        clock.advance(1)
        second = run(made)
        clock.advance(1)
        assert text(first) == f"{NAME}: no answer within 2 seconds"
        assert text(second) == f"{NAME}: Lost connection"
        assert text(run(made)) == text(first)
    assert redis.transport.disconnecting
    assert len(events) == 1
    clock.advance(RETRY)
    found = run(made)
    redis.numbers(1, 6)
    assert found == [[6]]


def test_the_connection_is_lost(redis, clock):
    made = connected(redis, clock)
    found = run(made)
    redis.transport.protocol.connectionLost(Failure(ConnectionDone()))
    assert text(found) == f"{NAME}: Lost connection"
    clock.advance(RETRY)
    found = run(made)
    redis.numbers(1, 6)
    assert found == [[6]]


def test_a_connection_that_is_lost_while_idle_is_opened_at_once(redis, clock):
    made = connected(redis, clock)
    redis.transport.protocol.connectionLost(Failure(ConnectionDone()))
    with capturedLogs() as events:
        found = run(made)
        redis.numbers(1, 6)
    assert (found, events, redis.attempts) == ([[6]], [], 2)


@pytest.mark.parametrize("answer", ["-OOM command not allowed", "-READONLY a replica", "-LOADING the dataset"])
def test_an_error_of_all_commands_closes_the_connection(redis, clock, answer):
    made = connected(redis, clock)
    found = run(made)
    redis.answer(answer)
    assert text(found) == text(run(made)) == f"{NAME}: {answer[1:]}"
    assert redis.transport.disconnecting


def test_an_error_of_one_command_does_not(redis, clock):
    made = connected(redis, clock)
    found = run(made)
    redis.answer("-WRONGTYPE Operation against a key holding the wrong kind of value")
    assert text(found).startswith(f"{NAME}: WRONGTYPE ")
    found = run(made)
    redis.numbers(6)
    assert found == [[6]]


@pytest.mark.parametrize("answer", ["+OK", ":x", "*-7", "*1", "5", "x" * 70_000])
def test_what_is_no_answer_of_redis(redis, clock, answer):
    made = connected(redis, clock)
    found = run(made)
    redis.answer(answer)
    if answer == "*1":
        redis.answer("+OK")
    clock.advance(2 if answer == "5" else 0)
    redis.transport.protocol.connectionLost(Failure(ConnectionDone()))  # if the library has closed it
    assert text(found)
    assert redis.transport.disconnecting


def test_a_script_that_redis_has_lost(redis, clock):
    made = connected(redis, clock)
    found = run(made)
    assert "EVALSHA" in sent(redis)
    redis.transport.clear()
    redis.answer("-NOSCRIPT No matching script. Please use EVAL.")
    assert "EVAL" in sent(redis)
    redis.numbers(6)
    assert found == [[6]]


def test_a_client_that_goes(redis, clock):
    """Its answer is for no other request."""
    made = connected(redis, clock)
    going = deferred_call(made.run, "return 1", "key")
    gone = results(going)
    other = run(made)
    going.cancel()
    redis.numbers(6, 7)
    assert "CancelledError" in str(gone)
    assert other == [[7]]


def test_a_client_that_goes_while_others_wait_for_the_connection(redis, clock):
    made = connection(redis, clock)
    going = deferred_call(made.run, "return 1", "key")
    gone = results(going)
    other = run(made)
    going.cancel()
    redis.numbers(1, 7)
    assert "CancelledError" in str(gone)
    assert other == [[7]]


def test_close(redis, clock):
    made = connected(redis, clock)
    made.close()
    assert redis.transport.disconnecting
    made.close()
    found = run(made)
    redis.numbers(1, 6)
    assert found == [[6]]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"username": "me"}, "a password is needed for the user 'me'"),
        ({"database": -1}, "database is a number from 0, not -1"),
    ],
)
def test_what_cannot_be_used(redis, clock, how, expected):
    with pytest.raises(ValueError, match=expected):
        connection(redis, clock, **how)


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan")])
def test_no_time(redis, clock, timeout):
    with pytest.raises(ValueError, match="timeout is a number of seconds above 0"):
        RedisConnection(redis, "", "", 0, "probe", timeout, clock)


def test_without_txredisapi(redis, clock, monkeypatch):
    monkeypatch.setattr("txsmtpx.stores.redis_connection.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'txsmtpx\[redis\]'"):
        connection(redis, clock)


def test_no_secret_is_shown(redis, clock):
    assert "secret" not in repr(connection(redis, clock, password="secret"))


def test_an_answer_without_end(redis, clock):
    """What is held has a limit; answers that are complete do not count."""
    made = RedisConnection(redis, "", "", 0, writable("probe"), 2.0, clock, longest=1000)
    found = run(made)
    for _ in range(100):
        redis.numbers(1)
        found = run(made)
    redis.numbers(1)
    redis.transport.protocol.dataReceived(b"*1\r\n$100000\r\n" + b"x" * 990)
    assert text(found) == f"{NAME}: an answer of more than 1000 octets"
    assert redis.transport.disconnecting
