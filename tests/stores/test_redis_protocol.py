"""The protocol of Redis: commands, answers and their limit, with the parser in C and with that in Python."""

from __future__ import annotations

import pytest
import txredisapi
from twisted.internet.testing import StringTransport

from txsmtpx.stores.redis_protocol import protocol_class


@pytest.fixture(params=["RedisProtocol", "BaseRedisProtocol"])
def make(request, monkeypatch):
    monkeypatch.setattr(txredisapi, "RedisProtocol", getattr(txredisapi, request.param))
    protocol_class.cache_clear()

    def make(octets=True, longest=1000):
        protocol = protocol_class()(octets, longest)
        protocol.makeConnection(StringTransport())
        return protocol

    yield make
    protocol_class.cache_clear()


def ask(protocol, *words):
    protocol.transport.clear()
    found = []
    protocol.execute_command(*words).addBoth(found.append)
    return found


def test_a_command(make):
    protocol = make()
    ask(protocol, "XADD", "m\xfc", b"\xff\r\n", 5)
    expected = b"*4\r\n$4\r\nXADD\r\n$3\r\nm\xc3\xbc\r\n$3\r\n\xff\r\n\r\n$1\r\n5\r\n"
    assert protocol.transport.value() == expected


@pytest.mark.parametrize(("octets", "expected"), [(True, b"5"), (False, 5)])
def test_a_text_that_is_a_number(make, octets, expected):
    protocol = make(octets)
    found = ask(protocol, "GET", "x")
    protocol.dataReceived(b"$1\r\n5\r\n")
    assert found == [expected]


def test_an_answer_that_is_longer_than_the_limit(make):
    protocol = make()
    found = ask(protocol, "GET", "x"), ask(protocol, "GET", "y")
    protocol.dataReceived(b"$5000\r\n" + b"x" * 500)
    assert (found, protocol.transport.disconnecting) == (([], []), False)
    protocol.dataReceived(b"x" * 600)
    assert [str(each[0].value) for each in found] == ["an answer of more than 1000 octets"] * 2
    assert protocol.transport.disconnecting


def test_the_limit_is_that_of_one_answer(make):
    protocol = make()
    for _ in range(5):
        found = ask(protocol, "GET", "x")
        protocol.dataReceived(b"$400\r\n" + b"x" * 400 + b"\r\n")
        assert found == [b"x" * 400]
