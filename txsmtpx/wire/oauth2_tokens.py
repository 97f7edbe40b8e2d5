"""The tokens that an issuer of OAuth 2.0 gives (RFC 6749 §5.1)."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass

from txsmtpx.grammar import asciitext

_TOKEN = re.compile(r"[!-~]+")
"""What appendix A.12 of RFC 6749 allows, without spaces.  Any other character could end the response of AUTH early."""


@dataclass(frozen=True)
class OAuth2Tokens:
    """
    Tokens, as `txsmtpx.OAuth2` keeps them.  The representation shows none.

    Attributes:
        access_token: The token for the mail server; "" for none.
        expires: The time when it expires, in seconds since 1970 (``time.time()``).  Infinite if the issuer names none.
        refresh_token: The token by which the issuer gives the next access token; None for none.

    Example:
        >>> OAuth2Tokens("secret", 1700000000.0, "another secret")
        OAuth2Tokens(expires=1700000000.0)
    """

    access_token: str = ""
    expires: float = math.inf
    refresh_token: str | None = None

    def __repr__(self) -> str:
        return f"OAuth2Tokens(expires={self.expires})"

    def after(self, body: bytes, asked: float) -> OAuth2Tokens:
        """
        Return the tokens after an answer of the issuer.

        Args:
            body: The answer, in JSON.
            asked: The time when the issuer was asked, as ``expires``.

        Returns:
            The tokens.  The refresh token is the present one, if the answer has none.

        Raises:
            ValueError: The answer has no token that can be used.  The text has no part of the answer.

        Example:
            >>> answer = b'{"access_token": "secret", "token_type": "Bearer", "expires_in": 3600}'
            >>> OAuth2Tokens(refresh_token="another").after(answer, 1000.0)
            OAuth2Tokens(expires=4600.0)
        """
        answer = json_object(body)
        access_token, rotated = _token(answer.get("access_token")), _token(answer.get("refresh_token"))
        if not access_token:
            raise ValueError("the answer has no access_token that can be used")
        kind = answer.get("token_type")
        if not isinstance(kind, str) or asciitext.lower(kind) != "bearer":
            raise ValueError("the answer has a token_type other than Bearer")
        refresh_token = self.refresh_token and (rotated or self.refresh_token)
        return OAuth2Tokens(access_token, asked + _seconds(answer.get("expires_in")), refresh_token)


def json_object(body: bytes) -> dict[str, object]:
    """
    Parse an answer of an issuer.

    Args:
        body: The answer.

    Returns:
        The object.

    Raises:
        ValueError: It is no object in JSON.  The text has no part of the answer.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError("the answer is no JSON object")
    return found


def _token(value: object) -> str:
    """Return a token of an answer; "" if it is none."""
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else ""


def _seconds(given: object) -> float:
    """Return a lifetime.  Some issuers write the number as text."""
    try:
        seconds = float(given)  # type: ignore[arg-type]  # any other type raises TypeError
    except (TypeError, ValueError, OverflowError):
        return math.inf
    return math.inf if math.isnan(seconds) else max(seconds, 0.0)
