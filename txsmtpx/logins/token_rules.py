"""
The claims that an access token must have, after its signature (RFC 7519) or its issuer (RFC 7662) has confirmed it.

Anyone can write a token.  So the type of each value is checked, and no value is in the text of an error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from twisted.cred.error import UnauthorizedLogin

from txsmtpx.grammar import asciitext
from txsmtpx.grammar.mailbox import mailbox_key

LEEWAY = 60.0
"""Seconds by which the clocks of the issuer and of this host may differ, as other verifiers of tokens allow."""

MAX_SECONDS = 1e15
"""Later times are no times.  NaN is none either: it would never be over."""

MAX_NAME = 320
"""Characters of a user name: those of the longest address (RFC 3696, erratum 1690)."""


class TokenRefused(UnauthorizedLogin):
    """A token is not accepted.  The text is for the log, and has nothing of the token."""


@dataclass(frozen=True)
class TokenRules:
    """
    What an access token must say.

    Attributes:
        issuer: The issuer, exactly as tokens name it; "" for any.
        audience: The audience, one of those that tokens name; "" for any.
        scope: The scopes that a token must have, with spaces between; "" for none.
        claim: The claim that is the user name.
        leeway: Seconds by which clocks may differ.
        now: Returns the time, in seconds since 1970.
    """

    issuer: str
    audience: str
    scope: str
    claim: str
    leeway: float = LEEWAY
    now: Callable[[], float] = time.time

    def user(self, claims: Mapping[str, object], wanted: bytes, needs_expiry: bool) -> bytes:
        """
        Return the user of a token.

        Args:
            claims: What the token says.
            wanted: The user that the client names, in UTF-8; ``b""`` if it names none.
            needs_expiry: True if a token without a time at which it expires is not accepted.

        Returns:
            The user name, in UTF-8.

        Raises:
            TokenRefused: The token is not accepted.
        """
        self._check_times(claims, needs_expiry)
        if self.issuer and claims.get("iss") != self.issuer:
            raise TokenRefused("it is of another issuer")
        if self.audience and self.audience not in _texts(claims.get("aud")):
            raise TokenRefused("it is for another audience")
        given = [*_texts(claims.get("scope")), *_texts(claims.get("scp"))]  # scp is the name that Microsoft uses
        if not {*asciitext.words(self.scope)} <= {*asciitext.words(" ".join(given))}:
            raise TokenRefused(f"it lacks a scope of {self.scope}")
        if claims.get("cnf") is not None:
            raise TokenRefused("it is bound to a key of the client, which SMTP does not show (RFC 7800)")
        name = claims.get(self.claim)
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isprintable():
            raise TokenRefused(f"its claim {self.claim} is no user name")
        if wanted and not _same(wanted.decode("utf-8"), name):
            raise TokenRefused("it is of another user than the client names")
        return name.encode("utf-8")

    def _check_times(self, claims: Mapping[str, object], needs_expiry: bool) -> None:
        now = self.now()
        expiry, *beginnings = (_seconds(claims.get(name)) for name in ("exp", "nbf", "iat"))
        if expiry is None and needs_expiry:
            raise TokenRefused("it has no time at which it expires")
        if expiry is not None and expiry <= now - self.leeway:
            raise TokenRefused("it has expired")
        if any(each is not None and each > now + self.leeway for each in beginnings):
            raise TokenRefused("its time is in the future")


def _seconds(value: object) -> float | None:
    """
    Read a NumericDate (RFC 7519 §2).

    Returns:
        The seconds; None for none.

    Raises:
        TokenRefused: It is no number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MAX_SECONDS < value < MAX_SECONDS:
        raise TokenRefused("a time in it is no number of seconds")
    return value


def _texts(value: object) -> list[str]:
    """Return the texts of a claim that is a text or a list of them."""
    several = value if isinstance(value, list) else [value]
    return [each for each in several if isinstance(each, str)]


def _same(one: str, other: str) -> bool:
    """Return whether two names are one: as they are written, or as mail addresses."""
    return one == other or ("@" in one and "@" in other and mailbox_key(one) == mailbox_key(other))
