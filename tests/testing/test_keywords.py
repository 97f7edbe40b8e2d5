"""The keyword arguments that helpers for tests pass on are those of the functions that take them."""

from __future__ import annotations

import inspect

from txsmtpx.wire.channel import ClientChannel

from txsmtpx import SMTPClient, SMTPServerFactory, connect
from txsmtpx.dialog.settings import Settings
from txsmtpx.testing.keywords import AnswerKeywords, ClientKeywords, ConnectionKeywords, ScriptKeywords, ServerKeywords
from txsmtpx.testing.scripted import ScriptedServer


def parameters(function: object) -> set[str]:
    names = {each.name for each in inspect.signature(function).parameters.values() if each.kind is each.KEYWORD_ONLY}  # type: ignore[arg-type]
    return names - {"reactor", "clock"}


def test_those_of_a_server() -> None:
    here = set(ServerKeywords.__annotations__)
    taken = parameters(SMTPServerFactory)
    further = set(inspect.signature(Settings).parameters) - {
        "backend", "clock", "from_thread", "tables", "mechanisms", "tls_available", "session_ids", "queue_ids",
    }  # fmt: skip
    assert here == taken | further


def test_those_of_a_client() -> None:
    assert set(ClientKeywords.__annotations__) - {"reactor"} == parameters(connect)


def test_those_of_a_connection() -> None:
    assert set(ConnectionKeywords.__annotations__) == parameters(ClientChannel)
    assert issubclass(SMTPClient, ClientChannel)


def test_those_of_a_scripted_server() -> None:
    named = set(inspect.signature(ScriptedServer).parameters) - {"verbs"}
    assert set(ScriptKeywords.__annotations__) == named | set(AnswerKeywords.__annotations__)
