"""
Access tokens in any form, about which their issuer is asked (RFC 7662).

It needs the extra ``txsmtpx[oauth]``.
"""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Callable, Mapping
from urllib.parse import quote_plus, urlencode

from twisted.cred.checkers import ICredentialsChecker
from zope.interface import implementer

from txsmtpx.arguments import checked_except
from txsmtpx.interfaces import ClientEndpoint, Reactor
from txsmtpx.logins.token_checker import TokenChecker, check_leeway
from txsmtpx.logins.token_rules import LEEWAY, TokenRefused, TokenRules
from txsmtpx.logins.token_service import TokenServiceError, json_object, service_url
from txsmtpx.setting import SettingError
from txsmtpx.wire.client_tls import TrustRoots
from txsmtpx.wire.web_request import WebClient, WebError

TIMEOUT = 10.0
"""Seconds for an answer."""

CONNECTIONS = 10
"""Requests at a time.  Further ones wait, within `TIMEOUT`."""


@implementer(ICredentialsChecker)
class IntrospectionChecker(TokenChecker):
    """
    A checker of access tokens that asks the issuer about each, for OAUTHBEARER and XOAUTH2.

    Args:
        url: The introspection endpoint of the issuer.
        client_id: The name by which this server authenticates (RFC 6749 §2.3.1).
        secret_file: The file with its password.
        issuer: The issuer that an answer must name (``iss``); ``""`` for any.  A rejected client learns it too.
        audience: The audience that an answer must name (``aud``); ``""`` for any.
        scope: The scopes that a token must have, with spaces between; ``""`` for none.
        claim: The member of the answer that is the user name.
        leeway: Seconds by which the clock of the issuer may differ.
        timeout: Seconds for an answer.
        trust_roots: The authorities that have signed the certificate of the URL: the path of a PEM file, or a trust
            root.  ``""``: those of the system.
        endpoint: The endpoint to connect to instead of that of the URL; None for the URL.
        now: Returns the time, in seconds since 1970.
        reactor: The reactor.  None: the global one.

    Attributes:
        token_refusal: The members of the error for a rejected client (RFC 7628 §3.2.2).

    Raises:
        ImportError: treq is not installed: ``pip install txsmtpx[oauth]``.
        OSError: The file cannot be read.
        TypeError: An argument has the wrong type.
        ValueError: A value cannot be used.

    Example:
        ::

            tokens = IntrospectionChecker(
                "https://login.example.org/introspect", client_id="mail", secret_file="/etc/txsmtpx/secret"
            )
            backend = PortalBackend(Portal(BackendRealm(MemoryBackend()), [tokens]))
    """

    @checked_except("endpoint")
    def __init__(
        self,
        url: str,
        *,
        client_id: str,
        secret_file: str,
        issuer: str = "",
        audience: str = "",
        scope: str = "",
        claim: str = "username",
        leeway: float = LEEWAY,
        timeout: float = TIMEOUT,
        trust_roots: TrustRoots = "",
        endpoint: ClientEndpoint | None = None,
        now: Callable[[], float] = time.time,
        reactor: Reactor | None = None,
    ) -> None:
        for name, value in (("client_id", client_id), ("secret_file", secret_file), ("claim", claim)):
            if not value:
                raise SettingError(name, "is empty")
        if not 0 < timeout < math.inf:
            raise ValueError(f"timeout must be a number of seconds greater than 0, not {timeout!r}")
        check_leeway(leeway)
        super().__init__(TokenRules(issuer, audience, scope, claim, leeway, now))
        self._url = service_url(url)
        if self._url.authorization is not None:
            raise ValueError(f"{self._url.shown!r} had a login; give client_id and secret_file only")
        self._authorization = _basic(client_id, _secret(secret_file))
        self._client = WebClient(
            reactor, trust_roots or None, timeout=timeout, connections=CONNECTIONS, endpoint=endpoint
        )

    @property
    def needs_expiry(self) -> bool:
        """False: the issuer has just called the token active."""
        return False

    async def claims(self, token: str) -> Mapping[str, object]:
        """
        Ask the issuer about a token.

        Args:
            token: The token.

        Returns:
            The members of its answer.

        Raises:
            TokenRefused: The token is not active.
            TokenServiceError: The issuer has no answer that can be used.
        """
        try:
            return await self._claims(token)
        except TokenServiceError as error:
            raise TokenServiceError(f"{self._url.shown}: {error}") from error

    async def _claims(self, token: str) -> Mapping[str, object]:
        headers = [
            ("Accept", "application/json"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Authorization", self._authorization),
        ]
        form = urlencode({"token": token, "token_type_hint": "access_token"}).encode("ascii")
        try:
            answer = await self._client.request("POST", self._url, headers, form)
        except WebError as error:
            raise TokenServiceError(str(error)) from error
        if answer.status != 200:
            hint = "; check the client ID and the secret" if answer.status in (401, 403) else ""
            raise TokenServiceError(f"its status is {answer.status}{hint}")
        found = json_object(answer.body)
        if found.get("active") is not True:
            if found.get("active") is not False:
                raise TokenServiceError("its answer lacks the member active")
            raise TokenRefused("it is not active")
        return found

    def stopService(self) -> None:
        """Close the connections to the issuer."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._client.close()

    async def check(self) -> str:
        """
        Ask about a token that does not exist, for ``twistd smtpx --check``.

        Returns:
            That the issuer has answered.

        Raises:
            TokenServiceError: It has not.
        """
        try:
            await self.claims("txsmtpx-check")
        except TokenRefused:
            return "it answers"
        finally:
            self.stopService()
        raise TokenServiceError(f"{self._url.shown}: it calls a token active that does not exist")


def _secret(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        found = file.read(4096).strip("\r\n")
    if not found or "\n" in found:
        raise ValueError(f"{path}: the file has the password in its only line")
    return found


def _basic(name: str, password: str) -> str:
    """Return the value of Authorization, whose two parts are encoded as those of a form are (RFC 6749 §2.3.1)."""
    pair = f"{quote_plus(name)}:{quote_plus(password)}"
    return f"Basic {base64.b64encode(pair.encode('ascii')).decode('ascii')}"
