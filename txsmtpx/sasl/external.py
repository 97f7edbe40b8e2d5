"""
EXTERNAL: RFC 4422 appendix A, who we are is known by other means, such as the client certificate.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.credentials import ICredentials
from zope.interface import Attribute, implementer

from txsmtpx.interfaces import ISASLClient, ISASLServer
from txsmtpx.sasl.mechanism import Mechanism


class IClientCertificate(ICredentials):
    """A certificate that TLS has verified, and whom its owner wants to act as."""

    username: bytes = Attribute("``authorization``, or else the first of ``names``; a checker may set it.")
    authorization: str = Attribute("Whom the client wants to act as, \"\" where it leaves that to the certificate.")
    names: tuple[str, ...] = Attribute("Those in the certificate: e-mail addresses, DNS names, the common name.")
    certificate: Any = Attribute("An `OpenSSL.crypto.X509`.")


@implementer(IClientCertificate)
class ClientCertificate:
    """See `IClientCertificate`."""

    def __init__(self, certificate: Any, names: tuple[str, ...], authorization: str) -> None:
        self.certificate = certificate
        self.names = names
        self.authorization = authorization
        self.username = (authorization or next(iter(names), "")).encode("utf-8")

    def __repr__(self) -> str:
        return f"<ClientCertificate {self.username!r} of {self.names!r}>"


@implementer(ISASLServer)
class ExternalServer:
    """The server half; what it needs has been done by TLS."""

    def __init__(self, connection: Any, backend: Any) -> None:
        self._tls = connection.tls

    def next(self, response: bytes | None) -> bytes | ClientCertificate:
        """
        Raises:
            ValueError: The authorization identity is no UTF-8, or holds a NUL.
        """
        if response is None:
            return b""
        if b"\0" in response:
            raise ValueError("NUL in an authorization identity")
        return ClientCertificate(self._tls.peer_certificate, self._tls.peer_names, response.decode("utf-8"))


EXTERNAL = Mechanism(
    "EXTERNAL",
    IClientCertificate,
    ExternalServer,
    # Behind a proxy that says XCLIENT the certificate is the proxy's.
    available=lambda connection: connection.proxy is None and bool(getattr(connection.tls, "verified", False)),
)


@implementer(ISASLClient)
class External:
    """
    EXTERNAL (RFC 4422, appendix A), the client half.

    Args:
        authorization: Whom to act as, "" for whom the server takes us for.
    """

    name = "EXTERNAL"

    def __init__(self, authorization: str = "") -> None:
        self._authorization = authorization
        self.secrets = ()

    def start(self) -> bytes:
        """All there is to say."""
        return self._authorization.encode("utf-8")

    def next(self, challenge: bytes) -> bytes:
        """A server that asks nevertheless hears the same."""
        return self._authorization.encode("utf-8")
