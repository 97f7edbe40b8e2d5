"""The options that each web site has; `test_web_inbox` and `test_web_queue` use them."""

from __future__ import annotations

import pytest

from txsmtpx.command.groups.web_site import site_options
from txsmtpx.command.option import OptionError


def test_their_names_begin_with_the_port():
    made = site_options("queue-web", "the site of the queue")
    names = [each.name for each in (made.host, made.path, made.proxy, made.auth, made.tokens)]
    assert names == ["queue-web-host", "queue-web-path", "queue-web-proxy", "queue-web-auth", "queue-web-tokens"]
    assert "the site of the queue" in made.auth.help
    assert made.auth.secret


def test_a_login_shows_no_password():
    made = site_options("web", "the web inbox")
    assert made.auth.shown(("memory:me:secret",)) == "memory"


def test_a_path_is_checked():
    made = site_options("web", "the web inbox")
    assert made.path.read("/mail") == "/mail"
    with pytest.raises(OptionError, match="must be a path"):
        made.path.read("mail")
