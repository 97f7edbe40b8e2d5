"""
Access tokens in the form of JWT (RFC 9068), whose signature is checked by the keys of their issuer.

It needs the extra ``txsmtpx[oauth]``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from twisted.cred.checkers import ICredentialsChecker
from zope.interface import implementer

from txsmtpx.arguments import checked_except
from txsmtpx.interfaces import ClientEndpoint, Reactor, clock_of
from txsmtpx.logins.jwk_source import MAX_OCTETS, KeyFile, KeySource, KeyURL
from txsmtpx.logins.jwt_signature import KeyUnknown, signed_claims
from txsmtpx.logins.token_checker import TokenChecker, check_leeway
from txsmtpx.logins.token_rules import LEEWAY, TokenRules
from txsmtpx.logins.token_service import service_url
from txsmtpx.setting import SettingError
from txsmtpx.wire.client_tls import TrustRoots
from txsmtpx.wire.web_request import WebClient

TIMEOUT = 10.0
"""Seconds for a request to the issuer."""


@implementer(ICredentialsChecker)
class JWTChecker(TokenChecker):
    """
    A checker of access tokens that an issuer has signed, for OAUTHBEARER and XOAUTH2.

    Args:
        keys: The public keys of the issuer (RFC 7517): a file, or a URL.  A file is read again after it has changed.  A
            URL is asked again when a token names an unknown key.
        issuer: The issuer, exactly as its tokens name it (``iss``).
        audience: The name of this server in tokens (``aud``).
        scope: The scopes that a token must have, with spaces between; ``""`` for none.
        claim: The claim that is the user name, such as ``"email"``.
        leeway: Seconds by which the clock of the issuer may differ.
        trust_roots: The authorities that have signed the certificate of the URL: the path of a PEM file, or a trust
            root.  ``""``: those of the system.
        endpoint: The endpoint to connect to instead of that of the URL; None for the URL.
        now: Returns the time, in seconds since 1970.
        reactor: The reactor.  None: the global one.

    Attributes:
        token_refusal: The members of the error for a rejected client (RFC 7628 §3.2.2).

    Raises:
        ImportError: joserfc or treq is not installed: ``pip install txsmtpx[oauth]``.
        OSError: The file cannot be read.
        TypeError: An argument has the wrong type.
        ValueError: A value cannot be used.

    Example:
        ::

            tokens = JWTChecker(
                "https://login.example.org/keys", issuer="https://login.example.org", audience="mail", claim="email"
            )
            backend = PortalBackend(Portal(BackendRealm(MemoryBackend()), [tokens]))
    """

    @checked_except("endpoint")
    def __init__(
        self,
        keys: str,
        *,
        issuer: str,
        audience: str,
        scope: str = "",
        claim: str = "sub",
        leeway: float = LEEWAY,
        trust_roots: TrustRoots = "",
        endpoint: ClientEndpoint | None = None,
        now: Callable[[], float] = time.time,
        reactor: Reactor | None = None,
    ) -> None:
        for name, value in (("issuer", issuer), ("audience", audience), ("claim", claim)):
            if not value:
                raise SettingError(name, "is empty; without it, tokens for others would be accepted")
        check_leeway(leeway)
        super().__init__(TokenRules(issuer, audience, scope, claim, leeway, now))
        self._client: WebClient | None = None
        self._keys: KeySource
        if "://" in keys:
            clock = clock_of(reactor)
            self._client = WebClient(
                reactor,
                trust_roots or None,
                timeout=TIMEOUT,
                max_answer_bytes=MAX_OCTETS,
                connections=1,
                endpoint=endpoint,
            )
            self._keys = KeyURL(service_url(keys), self._client, clock)
        else:
            self._keys = KeyFile(keys)

    async def claims(self, token: str) -> Mapping[str, object]:
        """
        Return what a token says, if the issuer has signed it.

        Args:
            token: The token.

        Returns:
            The claims.

        Raises:
            TokenRefused: The issuer has not signed it.
            TokenServiceError: There are no keys, or no newer ones.
        """
        try:
            return signed_claims(token, await self._keys.keys())
        except KeyUnknown:
            return signed_claims(token, await self._keys.newer_keys())

    def stopService(self) -> None:
        """Close the connection to the issuer."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._client is not None:
            self._client.close()

    async def check(self) -> str:
        """
        Read the keys, for ``twistd smtpx --check``.

        Returns:
            How many there are.

        Raises:
            TokenServiceError: They cannot be read.
        """
        found = await self._keys.keys()
        self.stopService()
        return f"keys for signatures: {len(found)}"
