"""
The settings of a client's connections.

`txsmtpx.connect` makes one value of its arguments, and so does `txsmtpx.SMTPPool` for all its connections.  A value
that cannot be used is refused when the settings are made, before any connection is opened (guarantee 27).  The defaults
stand here, and nowhere else: the signatures of `connect`, `send_mail` and `SMTPPool` refer to them.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal, get_args

from twisted.internet.ssl import PrivateCertificate

from txsmtpx.dialog.demands import EightBit, check_eight_bit
from txsmtpx.dialog.extension import Extension
from txsmtpx.extensions import registry
from txsmtpx.grammar.domain import to_a_label
from txsmtpx.interfaces import SASLClientLike, provides
from txsmtpx.setting_kinds import Several
from txsmtpx.wire.client_tls import ClientTLS, TrustRoots, UnverifiedTLS, check_trust_roots
from txsmtpx.wire.description import check_host, ehlo_name
from txsmtpx.wire.oauth2 import OAuth2
from txsmtpx.wire.timeouts import Timeouts
from txsmtpx.wire.transcript_recorder import Transcript
from txsmtpx.wire.twisted_internals import IOpenSSLTrustRoot

TLSMode = Literal["opportunistic", "required", "implicit", "none"]
"""
How a connection uses TLS: STARTTLS if it is offered; STARTTLS or failure; TLS from the first octet; no TLS.

With TLS, the certificate and its name are verified, unless ``tls_verify`` is False.
"""

Auth = tuple[str, str] | SASLClientLike | OAuth2
"""(username, password) for the strongest mechanism offered, the client half of one, or access tokens."""

EXTENSIONS: Several[Iterable[Extension]] = Several(
    "extensions",
    (),
    "",
    "Extensions that the client supports besides the built-in ones.",
    "a list of Extension objects, such as [txsmtpx.extensions.size.SIZE]",
    (Extension,),
)
WITHOUT: Several[Iterable[str]] = Several(
    "without",
    (),
    "",
    "Keywords of extensions that are not used, though the server offers them.",
    "a set of keywords, such as {'PIPELINING'}",
)
_FLAGS = ("lmtp", "auth_optional", "tls_verify", "allow_insecure_auth")


@dataclass(frozen=True)
class ClientSettings:
    """
    The settings of connections to a server.

    Args:
        lmtp: Use LMTP (RFC 2033).
        tls: The mode of TLS.  None for the one that suits the endpoint: "implicit" for ``tls:``, "none" for UNIX
            sockets and the loopback interface, otherwise "required".
        auth: (username, password), the client half of a SASL mechanism (RFC 4954), or `txsmtpx.OAuth2`; None for no
            login.
        auth_optional: Log in only if the server offers AUTH with a mechanism that ``auth`` fits; otherwise go on
            without a login.
        hostname: The name that the certificate is verified for; "" for that of the endpoint.
        domain: The name of the client in EHLO: a domain or an address literal; "" for the address of its end (RFC 5321
            §4.1.3).
        timeouts: Seconds for each phase, or one number for each of them; None for the defaults of `Timeouts`.
        trust_roots: What certificates are verified with; None for the roots of the system.
        tls_verify: False accepts any certificate, so anyone on the way can read and change the mail.
        client_certificate: The certificate that the client shows; None for none.
        allow_insecure_auth: Log in without TLS, where anyone on the way can read the password.
        transcript: True logs every line; a function is called with every line.  Secrets are hidden.
        extensions: Extensions that the client supports besides the built-in ones.
        without: Keywords of extensions that are not used, though the server offers them.
        eight_bit: What becomes of octets above 127 that the server does not accept: "refuse" or "send".

    Raises:
        TypeError: A value has the wrong type, or there is no such setting.
        ValueError: A value cannot be used, or contradicts another.
    """

    lmtp: bool = False
    tls: TLSMode | None = None
    auth: Auth | None = None
    auth_optional: bool = False
    hostname: str = ""
    domain: str = ""
    timeouts: Timeouts | float | None = None
    trust_roots: TrustRoots | None = None
    tls_verify: bool = True
    client_certificate: PrivateCertificate | None = None
    allow_insecure_auth: bool = False
    transcript: Transcript | bool = False
    extensions: Iterable[Extension] = ()
    without: Iterable[str] = ()
    eight_bit: EightBit = "refuse"

    def __post_init__(self) -> None:
        for name in _FLAGS:
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} is True or False, not {getattr(self, name)!r}")
        _check_hostname(self.hostname)
        if not isinstance(self.transcript, bool) and not callable(self.transcript):
            raise TypeError(f"transcript is True, False or a function, not {self.transcript!r}")
        check_eight_bit(self.eight_bit)
        ehlo_name(self.domain)  # which raises an error if it is wrong, as the next one does
        Timeouts.of(self.timeouts)
        object.__setattr__(self, "extensions", EXTENSIONS.items(self.extensions))
        object.__setattr__(self, "without", frozenset(WITHOUT.items(self.without)))
        if "AUTH" in registry.unused(self.without, self.extensions) and self.auth is not None:
            raise ValueError("without AUTH there is no login: leave out auth")
        self._check_tls()
        _check_auth(self.auth)

    def _check_tls(self) -> None:
        if self.tls is not None and self.tls not in get_args(TLSMode):
            raise ValueError(f"tls is opportunistic, required, implicit or none, not {self.tls!r}")
        for name in ("trust_roots", "client_certificate"):
            if isinstance(getattr(self, name), ssl.SSLContext):
                text = "Twisted does not use the ssl module: give the path of a PEM file as trust_roots"
                raise TypeError(f"{name} cannot be an ssl.SSLContext; {text}")
        roots, certificate = self.trust_roots, self.client_certificate
        if roots is not None and not isinstance(roots, str | os.PathLike) and IOpenSSLTrustRoot(roots, None) is None:
            raise TypeError(f"trust_roots is the path of a PEM file or an IOpenSSLTrustRoot, not {roots!r}")
        if certificate is not None and not isinstance(certificate, PrivateCertificate):
            raise TypeError(f"client_certificate is a twisted.internet.ssl.PrivateCertificate, not {certificate!r}")
        if not self.tls_verify and roots is not None:
            raise ValueError("tls_verify=False verifies no certificate: leave out trust_roots")
        if isinstance(roots, str | os.PathLike):
            check_trust_roots(roots)

    def tls_mode(self, usual: TLSMode) -> TLSMode:
        """
        Return the mode of TLS.

        Args:
            usual: The mode that suits the endpoint.

        Returns:
            The mode.

        Raises:
            ValueError: TLS is required, and STARTTLS, which it needs, is not to be used.
        """
        mode = self.tls or usual
        if mode == "required" and "STARTTLS" in registry.unused(self.without, self.extensions):
            raise ValueError('without STARTTLS there is no TLS: use tls:HOST:PORT, or tls="none" to send in the clear')
        return mode

    def tls_options(self, server: str) -> ClientTLS | UnverifiedTLS:
        """
        Return the options of TLS.

        Args:
            server: The name of the server as the endpoint has it; "" if it has none.

        Returns:
            The options.

        Raises:
            ValueError: There is no name to verify, or it is no domain.
            OSError: The file in `trust_roots` cannot be read.
        """
        name = self.hostname or server
        if not self.tls_verify:
            return UnverifiedTLS(name, self.client_certificate)
        return ClientTLS(name, self.trust_roots, self.client_certificate)


SETTINGS = tuple(each.name for each in fields(ClientSettings))
"""The names of the settings, which are arguments of `connect`, `send_mail`, `SMTPPool` and `RelayBackend` too."""


def _check_hostname(hostname: object) -> None:
    """
    Check the name that a caller gives for the certificate.

    Raises:
        TypeError: It is no text.
        ValueError: It is neither a domain nor an IP address.
    """
    if not isinstance(hostname, str):
        raise TypeError(f"hostname is text, not {hostname!r}")
    if hostname:
        try:
            check_host(to_a_label(hostname))
        except ValueError as error:
            raise ValueError(f"hostname must be a domain or an IP address, not {hostname!r}") from error


def _check_auth(auth: object) -> None:
    """
    Check the login that a caller gives.

    Raises:
        TypeError: It is no login.  The text does not show it, as it may be a secret.
    """
    if isinstance(auth, tuple):
        if len(auth) != 2 or not all(isinstance(each, str) for each in auth):
            raise TypeError("auth is (username, password), both str")
    elif isinstance(auth, type):
        name = auth.__name__
        raise TypeError(f"auth is (username, password), or a mechanism such as Plain: {name} is a class, call it")
    elif auth is not None and not isinstance(auth, OAuth2) and not provides(auth, SASLClientLike):
        raise TypeError(f"auth is (username, password), or a mechanism such as Plain, not {type(auth).__name__}")
