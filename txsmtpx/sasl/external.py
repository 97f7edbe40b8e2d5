"""EXTERNAL (RFC 4422, appendix A): the client is authenticated outside of SASL, by its TLS certificate."""

from __future__ import annotations

from twisted.cred.credentials import ICredentials
from zope.interface import Attribute, implementer

from txsmtpx.arguments import checked
from txsmtpx.interfaces import Connection, ISASLClient, ISASLServer
from txsmtpx.sasl.mechanism import Mechanism


class IClientCertificate(ICredentials):
    """A client certificate that TLS has verified, and the user that the client asks to act as."""

    username: bytes = Attribute("The authorization identity, or else the first of ``names``; a checker may set it.")
    authorization: str = Attribute("The user to act as; \"\" if the certificate decides.")
    names: tuple[str, ...] = Attribute("The names in it: e-mail addresses, DNS names, the common name.")
    certificate: object = Attribute("The certificate, an `OpenSSL.crypto.X509`.")


@implementer(IClientCertificate)
class ClientCertificate:
    """
    The credentials.  See `IClientCertificate` for the attributes.

    Args:
        certificate: The certificate, an `OpenSSL.crypto.X509`.
        names: The names in it.
        authorization: The user to act as; "" if the certificate decides.
    """

    def __init__(self, certificate: object, names: tuple[str, ...], authorization: str) -> None:
        self.certificate = certificate
        self.names = names
        self.authorization = authorization
        self.username: bytes = (authorization or next(iter(names), "")).encode("utf-8")

    def __repr__(self) -> str:
        return f"<ClientCertificate {self.username!r} of {self.names!r}>"


@implementer(ISASLServer)
class ExternalServer:
    """
    The server's half.  TLS has done the authentication.

    Args:
        connection: The connection, within TLS.
        backend: The backend.
    """

    def __init__(self, connection: Connection, backend: object) -> None:
        self._tls = connection.tls

    def next(self, response: bytes | None) -> bytes | ClientCertificate:
        """
        Handle the only response.

        Args:
            response: The authorization identity; None if the client has sent none yet.

        Returns:
            An empty challenge, then the credentials.

        Raises:
            ValueError: The authorization identity is not UTF-8, or holds a NUL.
        """
        if response is None:
            return b""
        if b"\0" in response:
            raise ValueError("NUL in an authorization identity")
        assert self._tls is not None  # see _verified
        return ClientCertificate(self._tls.peer_certificate, tuple(self._tls.peer_names), response.decode("utf-8"))


def _verified(connection: Connection) -> bool:
    """Return whether TLS has verified the client.  Behind a proxy that sends XCLIENT, TLS is that of the proxy."""
    return connection.proxy is None and connection.tls is not None and connection.tls.verified


EXTERNAL = Mechanism("EXTERNAL", IClientCertificate, ExternalServer, available=_verified)


@implementer(ISASLClient)
class External:
    """
    EXTERNAL (RFC 4422, appendix A), the client's half.

    Example:
        >>> External().start()
        b''

    Args:
        authorization: The user to act as; "" if the server derives it from the certificate.
    """

    name = "EXTERNAL"

    @checked
    def __init__(self, authorization: str = "") -> None:
        self._authorization = authorization
        self.secrets: tuple[str, ...] = ()

    def start(self) -> bytes:
        """
        Return the initial response.

        Returns:
            The authorization identity.
        """
        return self._authorization.encode("utf-8")

    def next(self, challenge: bytes) -> bytes:
        """
        Return the response to a challenge: the authorization identity again.

        Args:
            challenge: A challenge, which the server need not send.

        Returns:
            The authorization identity.
        """
        return self._authorization.encode("utf-8")
