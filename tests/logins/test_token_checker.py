"""What the checkers of tokens have in common."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from twisted.cred.error import UnauthorizedLogin

from txsmtpx import SMTPError
from txsmtpx.logins.token_checker import TokenChecker, check_leeway
from txsmtpx.logins.token_rules import TokenRefused, TokenRules
from txsmtpx.logins.token_service import TokenServiceError
from txsmtpx.sasl.oauth_bearer import BearerToken
from txsmtpx.testing import Outcome


class Checker(TokenChecker):
    """It knows one token."""

    def __init__(self, issuer: str = "", scope: str = "") -> None:
        super().__init__(TokenRules(issuer, "", scope, "sub", 0, lambda: 0))

    async def claims(self, token: str) -> Mapping[str, object]:
        if token == "down":
            raise TokenServiceError("it is down")
        if token != "right":
            raise TokenRefused("it is wrong")
        return {"sub": "Alice@example.org", "exp": 1}


@pytest.mark.parametrize("named", [b"", b"Alice@example.org", b"alice@EXAMPLE.org"])
def test_the_name_is_that_of_the_token(named):
    credentials = BearerToken(named, "right")
    assert Outcome(Checker().requestAvatarId(credentials)).result() == b"Alice@example.org"
    assert credentials.username == b"Alice@example.org"


@pytest.mark.parametrize(("named", "token"), [(b"", "wrong"), (b"bob", "right")])
def test_it_is_refused(named, token):
    credentials = BearerToken(named, token)
    assert isinstance(Outcome(Checker().requestAvatarId(credentials)).error, UnauthorizedLogin)
    assert credentials.username == named


def test_it_cannot_be_checked():
    error = Outcome(Checker().requestAvatarId(BearerToken(b"", "down"))).error
    assert isinstance(error, SMTPError)
    assert (error.code, error.enhanced_code) == (454, (4, 7, 0))


def test_what_a_client_learns():
    assert Checker().token_refusal == {}
    assert Checker("https://a.example/", "mail smtp").token_refusal == {
        "scope": "mail smtp",
        "openid-configuration": "https://a.example/.well-known/openid-configuration",
    }


def test_leeways():
    for good in (0, 60.0):
        check_leeway(good)
    for bad in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="leeway"):
            check_leeway(bad)
