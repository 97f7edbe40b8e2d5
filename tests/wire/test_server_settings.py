"""The settings of a server: the keywords of its factory agree with what is declared."""

from __future__ import annotations

import inspect
import re
from typing import get_type_hints

import pytest

from txsmtpx import SMTPServerFactory, SMTPService
from txsmtpx.dialog.settings import DECLARED
from txsmtpx.setting import Setting
from txsmtpx.wire import server_settings
from txsmtpx.wire.server_settings import BY_NAME, ServerKeywords

UNDECLARED = {"backend", "tls", "observers", "reactor"}

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
