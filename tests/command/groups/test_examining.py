"""What users of the web inbox may do with a message beyond reading it."""

from __future__ import annotations

from typing import cast

from twisted.internet.testing import MemoryReactorClock

from txsmtpx.command.groups.examining import CHROMIUM, EXAMINING, REMOTE, SPAM, tools_of
from txsmtpx.command.groups.web_inbox import WEB
from txsmtpx.command.option import Values
from txsmtpx.command.sockets import Sockets


def tools(**given: object):
    values = {REMOTE: (), SPAM: None, CHROMIUM: None} | {
        option: given[option.name] for option in EXAMINING if option.name in given
    }
    return tools_of(cast(Values, values), cast(Sockets, MemoryReactorClock()))


def test_nothing_is_allowed_by_default():
    made = tools()
    assert (made.remote, made.html, made.spam, made.screenshots) == (None, None, None, None)


def test_each_option_allows_one_thing():
    made = tools(**{"web-remote": ["public"], "web-spam": "spamd:tcp:127.0.0.1:9", "web-chromium": "sh"})
    assert None not in (made.remote, made.html, made.spam, made.screenshots)


def test_the_options_are_those_of_the_inbox():
    assert set(EXAMINING) <= set(WEB.options)
