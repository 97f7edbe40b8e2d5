"""
An issuer of access tokens, which is asked at its token endpoint (RFC 6749 §3.2).

Theory of operation.  A request has a grant, by which the client shows that it may have a token, and the authentication
of the client itself: a secret, an assertion (RFC 7523 §2.2), or neither.  The grants are a refresh token (RFC 6749 §6),
the client's own authentication (§4.4), and an assertion about a user (RFC 7523 §2.1).

An assertion has a time.  If the issuer refuses one, and its clock is another than was assumed, the request is made
once more by the clock of the issuer.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import quote_plus, urlencode

from txsmtpx.dialog.secrets import HIDDEN, Secrets
from txsmtpx.errors import Fault, TokenFailed
from txsmtpx.interfaces import Reactor
from txsmtpx.wire.assertion_key import AssertionKey
from txsmtpx.wire.client_tls import TrustRoots
from txsmtpx.wire.oauth2_tokens import OAuth2Tokens, json_object
from txsmtpx.wire.web_answer import WebAnswer
from txsmtpx.wire.web_url import WebURL

Grant = Literal["refresh_token", "client_credentials", "jwt_bearer"]
"""By a refresh token, by the authentication of the client, or by an assertion that the client signs for a user."""

ClientAuthentication = Literal["post", "basic"]
"""How a client secret is sent: in the body of the request, or in the header Authorization (RFC 6749 §2.3.1)."""

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""The type of an assertion that authenticates the client (RFC 7523 §2.2)."""

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
"""The grant of an assertion about a user (RFC 7523 §2.1)."""

OWN = frozenset(
    {"assertion", "client_assertion", "client_assertion_type", "client_id", "client_secret", "grant_type",
     "refresh_token", "scope"}
)  # fmt: skip
"""Parameters that have arguments of their own."""

SAME_TIME = 30.0
"""Seconds by which two clocks may differ without another attempt."""

_TEMPORARY = frozenset({"server_error", "slow_down", "temporarily_unavailable"})
_LONGEST = 300
"""Characters of the issuer's words in an error."""

_HINTS = {
    "invalid_client": "check client_id, and client_secret or key",
    "invalid_scope": "check scope",
    "unauthorized_client": "the client may not use this grant",
    "unsupported_grant_type": "the issuer does not know this grant",
}


@dataclass(frozen=True)
class Issuer:
    """
    What is sent to a token endpoint.  `txsmtpx.OAuth2` creates it, and describes the fields; it checks them too.

    Attributes:
        url: The token endpoint.
        grant: The grant.
        client_id: The identifier of the client.
        client_secret: Its secret; None for none.
        key: The key that signs assertions; None for none.
        subject: The user of an assertion.
        scope: The scope; "" for none.
        client_authentication: How the secret is sent.
        parameters: Further parameters.
        trust_roots: What certificates are verified with.
        timeout: The most seconds for a request.
    """

    url: WebURL
    grant: Grant
    client_id: str
    client_secret: str | None = field(repr=False)
    key: AssertionKey | None
    subject: str
    scope: str
    client_authentication: ClientAuthentication
    parameters: Mapping[str, str] = field(repr=False)
    trust_roots: TrustRoots | None
    timeout: float

    async def renewed(self, reactor: Reactor, tokens: OAuth2Tokens, now: float) -> OAuth2Tokens:
        """
        Ask for an access token.

        Args:
            reactor: The reactor.
            tokens: The present tokens, of which the refresh token is used.
            now: The time, in seconds since 1970.

        Returns:
            The new tokens.

        Raises:
            TokenFailed: The issuer gives none.
        """
        from txsmtpx.wire.web_request import WebClient, WebError

        client = WebClient(reactor, self.trust_roots, timeout=self.timeout, connections=1)
        ahead = 0.0
        try:
            while True:
                headers, body = self.request(tokens, now + ahead)
                try:
                    answer = await client.request("POST", self.url, headers, body)
                except WebError as error:
                    text = f"the issuer {self.url.host} gives no answer: {error}"
                    raise TokenFailed(text, temporary=True, fault=Fault.NETWORK) from error
                if answer.status == 200:
                    return self._taken(tokens, answer, now)
                failed = self.failure(answer, tokens)
                other = _clock(answer, now) - now
                if failed.temporary or self.key is None or ahead or abs(other) <= SAME_TIME:
                    raise failed
                ahead = other
        finally:
            client.close()

    def request(self, tokens: OAuth2Tokens, now: float) -> tuple[list[tuple[str, str]], bytes]:
        """
        Return a request.

        Args:
            tokens: The present tokens.
            now: The time of the issuer, in seconds since 1970.

        Returns:
            The headers, and the body.
        """
        form = dict(self.parameters)
        headers = [
            ("Accept", "application/json"),
            ("Connection", "close"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ]
        if self.scope and self.grant != "jwt_bearer":
            form["scope"] = self.scope
        form["grant_type"] = JWT_BEARER if self.grant == "jwt_bearer" else self.grant
        if self.grant == "refresh_token" and tokens.refresh_token is not None:
            form["refresh_token"] = tokens.refresh_token
        if self.key is not None and self.grant == "jwt_bearer":
            form["assertion"] = self.key.signed(self.client_id, self.subject, self.url.text, now, self.scope)
        elif self.key is not None:
            form["client_id"] = self.client_id
            form["client_assertion_type"] = ASSERTION
            form["client_assertion"] = self.key.signed(self.client_id, self.client_id, self.url.text, now)
        elif self.client_secret is not None and self.client_authentication == "basic":
            pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
            headers.append(("Authorization", f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"))
        else:
            form["client_id"] = self.client_id
            if self.client_secret is not None:
                form["client_secret"] = self.client_secret
        return headers, urlencode(form).encode("ascii")

    def _taken(self, tokens: OAuth2Tokens, answer: WebAnswer, now: float) -> OAuth2Tokens:
        try:
            return tokens.after(answer.body, now)
        except ValueError as error:
            raise TokenFailed(f"the issuer {self.url.host} gives no token: {error}", temporary=True) from None

    def failure(self, answer: WebAnswer, tokens: OAuth2Tokens) -> TokenFailed:
        """
        Return the error of an answer that has no token.

        Args:
            answer: The answer.
            tokens: The present tokens, which no error shows.

        Returns:
            The error.  It is temporary for 5xx, 408, 425, 429, and for errors of the issuer itself.
        """
        try:
            found = json_object(answer.body)
        except ValueError:
            found = {}
        code, description = self._words(found.get("error"), tokens), self._words(found.get("error_description"), tokens)
        said = ": ".join(filter(None, (code, description)))
        if answer.status >= 500 or answer.status in (408, 425, 429) or code in _TEMPORARY:
            text = f"the issuer {self.url.host} answers {answer.status}{said and ' '}{said}"
            failed = TokenFailed(text, temporary=True)
        elif not code:
            text = f"the issuer {self.url.host} answers {answer.status}, without an error of OAuth 2.0"
            failed = TokenFailed(f"{text}; check token_endpoint", temporary=False, fault=Fault.CALLER)
        else:
            text = f"the issuer {self.url.host} refuses a token: {said}; {self._hint(code)}"
            failed = TokenFailed(text, temporary=False, fault=Fault.CALLER)
        failed.error = code
        return failed

    def _hint(self, code: str) -> str:
        if code != "invalid_grant":
            return _HINTS.get(code, "check the arguments of OAuth2")
        if self.grant == "refresh_token":
            return "the refresh token is revoked, expired or another client's; log in at the issuer for a new one"
        return "check key, username and scope"

    def _words(self, given: object, tokens: OAuth2Tokens) -> str:
        """Return text of the issuer as one line of a limited length, without secrets."""
        if not isinstance(given, str):
            return ""
        text = "".join(each if each.isprintable() else " " for each in given[:_LONGEST])
        secrets = Secrets()
        secrets.add_secrets(filter(None, (self.client_secret, tokens.refresh_token, tokens.access_token)))
        return HIDDEN if secrets.within(text) else text.rstrip(". ")


def _clock(answer: WebAnswer, now: float) -> float:
    """Return the time of the issuer; ``now`` if its answer has none."""
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (ValueError, OverflowError):
        return now
