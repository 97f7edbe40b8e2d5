"""A checker that accepts every login."""

from __future__ import annotations

import pytest

from tests.sasl.exchanges import DONE, conversation, log_in, portal
from txsmtpx.logins.any_login import AnyLogin
from txsmtpx.sasl.anonymous import Anonymous
from txsmtpx.sasl.cram_md5 import CramMD5
from txsmtpx.sasl.login_mechanism import AuthLogin
from txsmtpx.sasl.mechanisms import satisfied_by
from txsmtpx.sasl.oauth_bearer import OAuthBearer, XOAuth2
from txsmtpx.sasl.plain import Plain


@pytest.mark.parametrize(
    ("client", "username"),
    [
        (Plain("me", "guess"), "me"),
        (AuthLogin("me", "another guess"), "me"),
        (CramMD5("me", "guess"), "me"),
        (OAuthBearer("me", "token"), "me"),
        (XOAuth2("me", "token"), "me"),
        (Anonymous("trace"), None),
    ],
)
def test_each_login_is_accepted(client, username):
    talk = conversation(portal(AnyLogin()))
    assert log_in(talk, client)[-1] == DONE
    assert talk.protocol.dialog.connection.username == username


def test_scram_is_not_offered():
    names = [each.name for each in satisfied_by(portal(AnyLogin()))]
    assert names == ["EXTERNAL", "OAUTHBEARER", "XOAUTH2", "CRAM-MD5", "PLAIN", "LOGIN", "ANONYMOUS"]
