"""
What a caller gives for connections to a server.

`connect` makes one value of its arguments, `SMTPPool` one for all its connections.  What cannot be used is refused when
the value is made, before any connection is opened.
"""

from __future__ import annotations

import ssl
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from txsmtpx.dialog.demands import EightBit, check_eight_bit
from txsmtpx.dialog.extension import Extension
from txsmtpx.extensions import registry
from txsmtpx.interfaces import ISASLClient
from txsmtpx.wire.client_tls import ClientTLS, UnverifiedTLS
from txsmtpx.wire.description import ehlo_name
from txsmtpx.wire.timeouts import Timeouts
from txsmtpx.wire.transcript import Transcript

TLSMode = Literal["opportunistic", "required", "implicit", "none"]
"""
STARTTLS where it is offered; STARTTLS or failure; TLS from the first octet; none at all.  Whenever there is TLS, the
certificate and its name are verified, unless ``tls_verify`` is False.
"""

Auth = tuple[str, str] | ISASLClient
"""(username, password) for the strongest mechanism offered, or the client half of one."""

_FLAGS = ("lmtp", "auth_optional", "tls_verify", "allow_insecure_auth")


@dataclass(frozen=True)
class ClientSettings:
    """
    The parameters of `txsmtpx.connect`, which describes them.

    Raises:
        TypeError: A value has the wrong type, or there is no such parameter.
        ValueError: A value cannot be used, or contradicts another.
    """

    lmtp: bool = False
    tls: TLSMode | None = None
    auth: Auth | None = None
    auth_optional: bool = False
    hostname: str = ""
    domain: str = ""
    timeouts: Timeouts | float | None = None
    trust_roots: Any = None
    tls_verify: bool = True
    client_certificate: Any = None
    allow_insecure_auth: bool = False
    transcript: Transcript | bool = False
    extensions: Sequence[Extension] = ()
    without: Collection[str] = ()
    eight_bit: EightBit = "refuse"

    def __post_init__(self) -> None:
        for name in _FLAGS:
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} is True or False, not {getattr(self, name)!r}")
        if not isinstance(self.hostname, str):
            raise TypeError(f"hostname is text, not {self.hostname!r}")
        if not isinstance(self.transcript, bool) and not callable(self.transcript):
            raise TypeError(f"transcript is True, False or a function, not {self.transcript!r}")
        check_eight_bit(self.eight_bit)
        ehlo_name(self.domain)  # which raises an error if it is wrong, as the next two do
        Timeouts.of(self.timeouts)
        without = registry.left_alone(self.without, self.extensions)
        if "AUTH" in without and self.auth is not None:
            raise ValueError("without AUTH there is no login: leave out auth")
        if self.tls not in (None, "opportunistic", "required", "implicit", "none"):
            raise ValueError(f"tls is opportunistic, required, implicit or none, not {self.tls!r}")
        for name in ("trust_roots", "client_certificate"):
            if isinstance(getattr(self, name), ssl.SSLContext):
                text = "Twisted does not use the ssl module: give the path of a PEM file as trust_roots"
                raise TypeError(f"{name} cannot be an ssl.SSLContext; {text}")
        if not self.tls_verify and self.trust_roots is not None:
            raise ValueError("tls_verify=False verifies no certificate: leave out trust_roots")
        if isinstance(self.auth, tuple):
            if len(self.auth) != 2 or not all(isinstance(each, str) for each in self.auth):
                raise TypeError("auth is (username, password), both str")  # the values may be secrets
        elif self.auth is not None and not hasattr(self.auth, "start"):
            kind = type(self.auth).__name__
            raise TypeError(f"auth is (username, password), or a mechanism such as Plain, not {kind}")

    def tls_mode(self, usual: TLSMode) -> TLSMode:
        """
        Return the mode of TLS.

        Args:
            usual: The mode that suits the endpoint.

        Raises:
            ValueError: TLS is required, and STARTTLS, which it needs, is not to be used.
        """
        mode = self.tls or usual
        if mode == "required" and "STARTTLS" in registry.left_alone(self.without, self.extensions):
            raise ValueError('without STARTTLS there is no TLS: use tls:HOST:PORT, or tls="none" to send in the clear')
        return mode

    def tls_options(self, server: str) -> ClientTLS | UnverifiedTLS:
        """
        Return the options of TLS.

        Args:
            server: The name of the server as the endpoint has it; "" if it has none.

        Raises:
            ValueError: There is no name to verify, or it is no domain.
            OSError: The file in `trust_roots` cannot be read.
        """
        name = self.hostname or server
        if not self.tls_verify:
            return UnverifiedTLS(name, self.client_certificate)
        return ClientTLS(name, self.trust_roots, self.client_certificate)
