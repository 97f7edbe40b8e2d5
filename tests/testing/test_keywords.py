"""The keyword arguments that helpers for tests pass on are those of the functions that take them."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from txsmtpx import SMTPServerFactory, connect
from txsmtpx.testing.keywords import (
    ClientKeywords,
    ConnectionKeywords,
    InMemoryServerKeywords,
    ReplyKeywords,
    ScriptKeywords,
)
from txsmtpx.testing.scripted_server import ScriptedServer
from txsmtpx.wire.client_settings import ClientSettings


def keywords(function: Callable[..., object]) -> set[str]:
    found = inspect.signature(function).parameters.values()
    return {each.name for each in found if each.kind is each.KEYWORD_ONLY}


def test_those_of_a_server() -> None:
    assert set(InMemoryServerKeywords.__annotations__) | {"reactor"} == keywords(SMTPServerFactory)


def test_those_of_a_client() -> None:
    assert set(ClientKeywords.__annotations__) == keywords(connect)
    assert set(ConnectionKeywords.__annotations__) == set(inspect.signature(ClientSettings).parameters)


def test_those_of_a_scripted_server() -> None:
    named = set(inspect.signature(ScriptedServer).parameters) - {"verbs"}
    assert set(ScriptKeywords.__annotations__) == named | set(ReplyKeywords.__annotations__)
