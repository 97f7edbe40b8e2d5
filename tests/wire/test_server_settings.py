"""The settings of a server: the keywords of its factory agree with what is declared."""

from __future__ import annotations

import inspect
import re
from ipaddress import ip_network
from typing import get_type_hints

import pytest

from txsmtpx import SMTPServerFactory, SMTPService
from txsmtpx.dialog.settings import DECLARED
from txsmtpx.extensions.size import SIZE
from txsmtpx.setting import Setting
from txsmtpx.wire import server_settings
from txsmtpx.wire.server_settings import (
    BY_NAME,
    EXTENSIONS,
    GREETING_DELAY,
    MAX_CONNECTIONS,
    READ_TIMEOUT,
    TRANSCRIPT,
    TRUSTED_NETWORKS,
    WITHOUT_MECHANISMS,
    ServerKeywords,
)

UNDECLARED = {"backend", "tls", "observers", "policy", "reactor"}

KEYWORDS = inspect.signature(SMTPServerFactory).parameters


def test_each_keyword_is_declared():
    declared = {each.name for each in (*DECLARED, *server_settings.DECLARED)}
    assert set(KEYWORDS) - UNDECLARED == declared


@pytest.mark.parametrize("name", sorted(set(KEYWORDS) - UNDECLARED))
def test_the_default_is_the_declared_one(name: str):
    assert KEYWORDS[name].default is BY_NAME[name].default


def test_the_service_has_the_declared_default():
    assert inspect.signature(SMTPService).parameters["shutdown_timeout"].default == BY_NAME["shutdown_timeout"].default


def test_the_type_of_the_keywords_is_that_of_the_signature():
    hints = get_type_hints(SMTPServerFactory.__init__)
    keywords = get_type_hints(ServerKeywords)
    assert keywords == {name: hints[name] for name in KEYWORDS if name != "backend"}


def test_each_declaration_accepts_its_default():
    for name, setting in BY_NAME.items():
        if setting.default is not None:
            setting.check(setting.default)
        else:
            assert name == "extensions"


@pytest.mark.parametrize("setting", BY_NAME.values(), ids=lambda setting: setting.name)
def test_help_is_a_sentence(setting: Setting[object]):
    assert re.fullmatch(r"[A-Z].*\.", setting.help)
    assert not re.search(r"\b(who|whom|he|nobody|somebody|those)\b", setting.help)
    assert max(len(part.split()) for part in re.split(r"[:;(]", setting.help)) <= 20


@pytest.mark.parametrize("value", [True, False, print, lambda session, who, line: None, lambda *words: None])
def test_a_transcript(value):
    TRANSCRIPT.check(value)


@pytest.mark.parametrize("value", [None, 1, "yes", lambda line: None, lambda a, b, c, d: None])
def test_no_transcript(value):
    with pytest.raises(
        TypeError, match=r"^transcript must be True, False or a function of three arguments: session id, "
    ):
        TRANSCRIPT.check(value)


@pytest.mark.parametrize(("setting", "value", "right"), [
    (EXTENSIONS, [SIZE], True), (EXTENSIONS, (), True), (EXTENSIONS, ["SIZE"], False), (EXTENSIONS, SIZE, False),
    (WITHOUT_MECHANISMS, {"LOGIN"}, True), (WITHOUT_MECHANISMS, "LOGIN", False), (WITHOUT_MECHANISMS, [7], False),
    (TRUSTED_NETWORKS, ["10.0.0.0/8", ip_network("::/8")], True), (TRUSTED_NETWORKS, "10.0.0.0/8", False),
    (TRUSTED_NETWORKS, [b"10.0.0.0/8"], False), (MAX_CONNECTIONS, 0, True), (MAX_CONNECTIONS, -1, False),
    (READ_TIMEOUT, 0.5, True), (READ_TIMEOUT, "300", False), (GREETING_DELAY, -1, False),
])  # fmt: skip
def test_what_the_settings_of_the_wire_accept(setting, value, right):
    if right:
        setting.check(value)
    else:
        with pytest.raises((TypeError, ValueError), match=f"^{setting.name} must be "):
            setting.check(value)


def test_no_setting_is_declared_twice():
    every = [*DECLARED, *server_settings.DECLARED, server_settings.SHUTDOWN_TIMEOUT]
    assert [each.name for each in every] == list(BY_NAME)
