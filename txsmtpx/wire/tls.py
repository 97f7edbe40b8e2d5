"""
TLS: what a connection has agreed on, and certificates that can be read again while connections live.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

PROTOCOLS = [b"smtp", b"lmtp"]
"""
For clients that offer ALPN: Twisted ends the handshake of one that offers what a server does not name.
There is no registered name; these are what HAProxy's users and submission clients write.
"""


class TLSState:
    """
    What was negotiated.

    @ivar version: such as "TLSv1.3".
    @ivar cipher: its OpenSSL name.
    @ivar peer_certificate: the client's certificate, None where it showed none.
    """

    def __init__(self, connection: SSL.Connection) -> None:
        self.version = connection.get_protocol_version_name()
        self.cipher = connection.get_cipher_name()
        self.peer_certificate: crypto.X509 | None = connection.get_peer_certificate()

    def __repr__(self) -> str:
        return f"<TLSState {self.version} {self.cipher}>"


class Certificate:
    """
    A certificate and its key in files, for C{SMTPServerFactory(tls=...)}.

    Connections take the options of the moment; L{reload} makes new ones and leaves those in use alone.
    """

    def __init__(self, certificate: str, key: str | None = None) -> None:
        """
        @param certificate: path of a PEM file: the certificate, then its chain.
        @param key: path of a PEM file with the key; None when it stands in the first.
        @raise ValueError: a file does not hold what it should, or key and certificate do not belong together.
        @raise OSError: a file cannot be read.
        """
        self._certificate = certificate
        self._key = key or certificate
        self.reload()

    def reload(self) -> None:
        """
        Read the files again.

        @raise ValueError: see above; what was there before stays in force.
        @raise OSError: likewise.
        """
        self.creator = ConnectionCreator(_options(self._certificate, self._key))


def _options(certificate: str, key: str) -> CertificateOptions:
    with open(certificate, "rb") as file:
        pem = file.read()
    with open(key, "rb") as file:
        key_pem = file.read()
    try:
        blocks = [b"-----BEGIN CERTIFICATE" + block for block in pem.split(b"-----BEGIN CERTIFICATE")[1:]]
        chain = [crypto.load_certificate(crypto.FILETYPE_PEM, block) for block in blocks]
        private = crypto.load_privatekey(crypto.FILETYPE_PEM, key_pem)
        options = CertificateOptions(
            privateKey=private,
            certificate=chain[0],
            extraCertChain=chain[1:],
            raiseMinimumTo=TLSVersion.TLSv1_2,
            acceptableProtocols=PROTOCOLS,
        )
        options.getContext().check_privatekey()
    except IndexError:
        raise ValueError(f"no certificate in {certificate}") from None
    except (crypto.Error, SSL.Error, ValueError) as error:
        raise ValueError(f"{certificate} and {key} are no certificate with its key ({error})") from error
    return options


@implementer(IOpenSSLServerConnectionCreator)
class ConnectionCreator:
    """A side of TLS for each connection, from one context."""

    def __init__(self, options: Any) -> None:
        self._context = options.getContext()

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """An OpenSSL connection (L{IOpenSSLServerConnectionCreator})."""
        return SSL.Connection(self._context, None)


class _Fixed(Certificate):
    """Options that someone else looks after."""

    def __init__(self, creator: Any) -> None:
        self.creator = creator

    def reload(self) -> None:
        """There is nothing to read."""


def adopt(tls: Any) -> Certificate | None:
    """
    What a user gave for TLS.

    @param tls: None, a L{Certificate}, an C{IOpenSSLServerConnectionCreator}, or a context factory such as
        C{CertificateOptions}.
    @raise TypeError: something else.
    """
    if tls is None or isinstance(tls, Certificate):
        return tls
    if IOpenSSLServerConnectionCreator.providedBy(tls):
        return _Fixed(tls)
    if hasattr(tls, "getContext"):
        return _Fixed(ConnectionCreator(tls))
    raise TypeError(f"nothing to make TLS connections with: {tls!r}")
