"""What the checkers of access tokens have in common: whom a token is of, and what the client is told without one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

from twisted.application.service import Service
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txsmtpx.errors import SMTPError
from txsmtpx.grammar import replies
from txsmtpx.logins.token_rules import TokenRefused, TokenRules
from txsmtpx.logins.token_service import TokenServiceError
from txsmtpx.sasl.oauth_bearer import IBearerToken

log = Logger(__name__)


class NamedToken(Protocol):
    """The type of `IBearerToken`, whose user name the checker sets."""

    username: bytes

    @property
    def token(self) -> str:
        """The token."""


class TokenChecker(Service):
    """
    A checker of access tokens.  `JWTChecker` and `IntrospectionChecker` derive from it.

    Args:
        rules: What a token must say.

    Attributes:
        token_refusal: The members of the error for a rejected client (RFC 7628 §3.2.2): the scope, and the URL of the
            issuer's configuration.
    """

    credentialInterfaces: tuple[type[IBearerToken]] = (IBearerToken,)

    def __init__(self, rules: TokenRules) -> None:
        self._rules = rules
        found = f"{rules.issuer.rstrip('/')}/.well-known/openid-configuration" if rules.issuer else ""
        members = {"scope": rules.scope, "openid-configuration": found}
        self.token_refusal: Mapping[str, str] = {name: value for name, value in members.items() if value}

    async def claims(self, token: str) -> Mapping[str, object]:
        """
        Return what a token says, if it can be trusted.

        Args:
            token: The token.

        Returns:
            The claims.

        Raises:
            TokenRefused: The token cannot be trusted.
            TokenServiceError: That is not known.
        """
        raise NotImplementedError

    @property
    def needs_expiry(self) -> bool:
        """True if a token must say when it expires."""
        return True

    def requestAvatarId(self, credentials: NamedToken) -> Deferred[bytes | tuple[()]]:
        """
        Return the user of a token.

        Args:
            credentials: The token.  They get the user name.

        Returns:
            The user name, in UTF-8.

        Raises:
            UnauthorizedLogin: The token is not accepted; the Deferred fails.
            SMTPError: It cannot be checked now: 454 4.7.0; the Deferred fails.
        """
        return Deferred.fromCoroutine(self._checked(credentials))

    async def _checked(self, credentials: NamedToken) -> bytes | tuple[()]:
        try:
            claims = await self.claims(credentials.token)
            credentials.username = self._rules.user(claims, credentials.username, self.needs_expiry)
        except TokenRefused as refused:
            log.info("a token of {user!r} is refused: {why}", user=_text(credentials), why=str(refused))
            raise UnauthorizedLogin() from refused
        except TokenServiceError as error:
            log.error("a token of {user!r} cannot be checked: {why}", user=_text(credentials), why=str(error))
            raise SMTPError.from_reply(replies.TEMPORARY_LOGIN_FAILURE_454) from error
        return credentials.username


def _text(credentials: NamedToken) -> str:
    return credentials.username.decode("utf-8", "replace")


def check_leeway(seconds: float) -> None:
    """
    Check a leeway.

    Args:
        seconds: The leeway.

    Raises:
        ValueError: It is negative or not finite.
    """
    if not 0 <= seconds < math.inf:
        raise ValueError(f"leeway must be a number of seconds, 0 or more, not {seconds!r}")
