"""The login of a client by OAuth 2.0, with access tokens that it fetches and renews itself: `OAuth2`."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping
from importlib.util import find_spec
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from txsmtpx.arguments import checked_except
from txsmtpx.errors import NotOffered
from txsmtpx.interfaces import Reactor
from txsmtpx.sasl.oauth_bearer import OAuthBearer, XOAuth2
from txsmtpx.wire.assertion_key import AssertionKey
from txsmtpx.wire.client_tls import TrustRoots, check_trust_roots
from txsmtpx.wire.description import is_loopback
from txsmtpx.wire.issuer import OWN, ClientAuthentication, Grant, Issuer
from txsmtpx.wire.oauth2_tokens import OAuth2Tokens
from txsmtpx.wire.token_cache import Store, TokenCache
from txsmtpx.wire.web_url import WebURL


class OAuth2:
    """
    A login by OAuth 2.0, the argument ``auth`` of the client, of a pool and of a relay.

    It asks the issuer for an access token, keeps it for all connections, and renews it before it expires.  If a server
    rejects the token, the login is tried once more with a new one.  The mechanism is OAUTHBEARER or XOAUTH2, whichever
    the server offers.  The representation shows no secret.

    Args:
        username: The user, such as the address of the mailbox.  XOAUTH2 needs one; with "", OAUTHBEARER names none.
        token_endpoint: The URL of the token endpoint of the issuer (RFC 6749 §3.2), with https.  Only on the loopback
            interface, it may have http.
        client_id: The identifier of the client at the issuer.
        refresh_token: The refresh token (RFC 6749 §6); None for none.
        client_secret: The secret of the client; None for none.
        key: The key that signs assertions (RFC 7523), instead of a secret; None for none.
        grant: "refresh_token"; "client_credentials" (RFC 6749 §4.4); or "jwt_bearer", an assertion about the user
            (RFC 7523 §2.1).  None: by the refresh token if there is one, otherwise by the client's credentials.
        scope: The scope that is asked for; "" for none.
        client_authentication: "post" sends the secret in the body of the request, "basic" in its header Authorization.
        parameters: Further parameters of the request, such as ``{"audience": "mail"}``.
        tokens: Tokens of an earlier process, as `store` got them; None for none.  Their refresh token takes the place
            of `refresh_token`.
        store: It gets the tokens after each request, before the first login with them.  The issuer may replace the
            refresh token, and accept the old one no longer.  It may return a Deferred or be a coroutine function.
        trust_roots: The authorities for the certificate of the issuer; None for the roots of the system.
        timeout: The most seconds for a request.

    Attributes:
        username: As in the arguments.
        is_stored: True with ``store``.

    Raises:
        ImportError: treq is not installed.
        TypeError: An argument is unknown or has the wrong type.
        ValueError: A value cannot be used, or contradicts another.

    Example:
        ::

            auth = OAuth2(
                "me@example.org",
                token_endpoint="https://login.example.org/token",
                client_id="the client",
                refresh_token="the token",
            )
            await send_mail("tcp:mail.example.org:587", sender, recipients, body, auth=auth)
    """

    @checked_except("trust_roots", "store", "key", "parameters")
    def __init__(
        self,
        username: str = "",
        *,
        token_endpoint: str,
        client_id: str,
        refresh_token: str | None = None,
        client_secret: str | None = None,
        key: AssertionKey | None = None,
        grant: Grant | None = None,
        scope: str = "",
        client_authentication: ClientAuthentication = "post",
        parameters: Mapping[str, str] | None = None,
        tokens: OAuth2Tokens | None = None,
        store: Store | None = None,
        trust_roots: TrustRoots | None = None,
        timeout: float = 30.0,
    ) -> None:
        if find_spec("treq") is None:
            raise ImportError("treq is not installed: pip install 'txsmtpx[oauth]'")
        if not username.isprintable():
            raise ValueError(f"username must have no control characters, not {username!r}")
        tokens = tokens or OAuth2Tokens()
        if tokens.refresh_token is None:
            tokens = OAuth2Tokens(tokens.access_token, tokens.expires, refresh_token)
        grant = grant or ("client_credentials" if tokens.refresh_token is None else "refresh_token")
        if key is not None and not isinstance(key, AssertionKey):
            raise TypeError(f"key is an AssertionKey, not {type(key).__name__}")
        _check_grant(grant, tokens.refresh_token, client_secret, key, username)
        _check_parameters(parameters)
        if store is not None and not callable(store):
            raise TypeError(f"store is a function, not {type(store).__name__}")
        if not 0 < timeout < math.inf:
            raise ValueError(f"timeout is a number of seconds above 0, not {timeout}")
        if isinstance(trust_roots, str | os.PathLike):
            check_trust_roots(trust_roots)
        self.username = username
        self.is_stored: bool = store is not None
        self._issuer = Issuer(
            url=_endpoint(token_endpoint),
            grant=grant,
            client_id=_present("client_id", client_id),
            client_secret=client_secret,
            key=key,
            subject=username,
            scope=scope,
            client_authentication=client_authentication,
            parameters=dict(parameters or {}),
            trust_roots=trust_roots,
            timeout=timeout,
        )
        if grant != "refresh_token":
            tokens = OAuth2Tokens(tokens.access_token, tokens.expires)
        self._cache = TokenCache(self._issuer.renewed, tokens, store)

    @property
    def tokens(self) -> OAuth2Tokens:
        """The present tokens."""
        return self._cache.tokens

    def mechanism(self, offered: Collection[str]) -> type[OAuthBearer]:
        """
        Return the client half of the mechanism that a server offers.

        Args:
            offered: The mechanisms that the server offers.

        Returns:
            `OAuthBearer` if the server offers it, otherwise `XOAuth2`.

        Raises:
            NotOffered: The server offers neither, or only XOAUTH2, and there is no user name.
        """
        if OAuthBearer.name in offered:
            return OAuthBearer
        if XOAuth2.name not in offered:
            text = f"no mechanism for an access token is offered, only: {' '.join(sorted(offered)) or 'none'}"
            raise NotOffered(text, command="AUTH", temporary=True)
        if not self.username:
            raise NotOffered("the server offers XOAUTH2 only, which needs OAuth2(username=...)", command="AUTH")
        return XOAuth2

    def token(self, reactor: Reactor) -> Deferred[str]:
        """
        Return an access token.

        Args:
            reactor: The reactor of the connection that needs it.

        Returns:
            A Deferred of the token.  To cancel it does not cancel those of other connections.

        Raises:
            TokenFailed: There is no token; the Deferred fails.
        """
        return self._cache.token(cast(IReactorTime, reactor))

    def reject(self, token: str) -> None:
        """
        Use an access token no longer, since a server has rejected it.

        Args:
            token: The token.
        """
        self._cache.reject(token)

    def __repr__(self) -> str:
        return f"<OAuth2 {self.username!r} at {self._issuer.url.host}>"


def _check_grant(
    grant: Grant, refresh_token: str | None, client_secret: str | None, key: AssertionKey | None, username: str
) -> None:
    """
    Check that a grant has what it needs, and no more.

    Raises:
        ValueError: It has not.
    """
    if client_secret is not None and key is not None:
        raise ValueError("give client_secret or key, not both: each of them authenticates the client")
    if client_secret == "" or refresh_token == "":
        raise ValueError("an empty client_secret or refresh_token cannot be used: leave it out")
    if grant == "refresh_token" and refresh_token is None:
        raise ValueError("grant='refresh_token' needs refresh_token")
    if grant != "refresh_token" and refresh_token is not None:
        raise ValueError(f"grant={grant!r} uses no refresh_token: leave it out")
    if grant == "client_credentials" and client_secret is None and key is None:
        raise ValueError("OAuth2 needs refresh_token, client_secret or key")
    if grant == "jwt_bearer" and (key is None or not username):
        raise ValueError("grant='jwt_bearer' needs key and username")


def _check_parameters(parameters: Mapping[str, str] | None) -> None:
    """
    Check further parameters.  No text shows a value, which may be a secret.

    Raises:
        TypeError: They are no mapping of text to text.
        ValueError: OAuth2 has an argument for one of them.
    """
    if parameters is not None and not isinstance(parameters, Mapping):
        raise TypeError(f"parameters is a mapping of text to text, not {type(parameters).__name__}")
    for name, value in (parameters or {}).items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"parameters is a mapping of text to text; {name!r} is {type(value).__name__}")
        if name in OWN:
            raise ValueError(f"parameters cannot have {name}, which has an argument of its own, or is fixed")


def _present(name: str, text: str) -> str:
    if not text:
        raise ValueError(f"{name} is empty")
    return text


def _endpoint(text: str) -> WebURL:
    """
    Parse the URL of a token endpoint.

    Returns:
        The URL.

    Raises:
        ValueError: It cannot be used.  The text has no password.
    """
    try:
        url = WebURL.parsed(text)
    except ValueError as error:
        raise ValueError(f"token_endpoint: {error}") from None
    if url.authorization is not None:
        raise ValueError(f"token_endpoint: {url.shown} had a login; give client_id and client_secret")
    if not url.tls and not is_loopback(url.host):
        raise ValueError(f"token_endpoint: {url.shown} would send secrets in the clear; write https://")
    return url
