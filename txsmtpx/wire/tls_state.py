"""What the TLS of a connection has negotiated (RFC 8446), and the channel bindings of a login."""

from __future__ import annotations

from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from OpenSSL import SSL, crypto


class TLSState:
    """
    What a connection has negotiated.  The server and the client each create one when the handshake is complete.

    Attributes:
        version: The version of TLS, such as "TLSv1.3".
        cipher: OpenSSL's name of the cipher.
        peer_certificate: The certificate of the other end; None if it presented none.
        verified: True if there is one, and a trusted authority has signed it.
        peer_names: The names in it: e-mail addresses, DNS names, the common name.
        bindings: The channel bindings of a login (`channel_bindings`); none when the connection is lost.

    Args:
        connection: The connection of OpenSSL.
        server: True if this is the server's end.
    """

    def __init__(self, connection: SSL.Connection, server: bool = False) -> None:
        self.version: str = connection.get_protocol_version_name()
        self.cipher: str | None = connection.get_cipher_name()
        self.peer_certificate: crypto.X509 | None = connection.get_peer_certificate()
        asked = bool(connection.get_verify_mode() & SSL.VERIFY_PEER)
        self.verified: bool = self.peer_certificate is not None and asked
        peer = self.peer_certificate
        self.peer_names: tuple[str, ...] = () if peer is None else _names(peer.to_cryptography())
        self._connection: SSL.Connection | None = connection
        self._server = server

    @cached_property
    def bindings(self) -> dict[str, bytes]:
        """The channel bindings; computed at the first use, since most connections never need them."""
        return {} if self._connection is None else channel_bindings(self._connection, self._server)

    @property
    def cipher_bits(self) -> int:
        """The secret bits of the cipher; 0 when the connection is lost."""
        return 0 if self._connection is None else self._connection.get_cipher_bits() or 0

    def lost(self) -> None:
        """
        Free the connection of OpenSSL, tens of KiB, when it is lost.

        The garbage collector would free it some dozens of connections later.
        """
        self._connection = None

    def __repr__(self) -> str:
        return f"<TLSState {self.version} {self.cipher}>"


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        alternative = names.get_values_for_type(x509.RFC822Name) + names.get_values_for_type(x509.DNSName)
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    except x509.ExtensionNotFound:
        alternative, common = [], certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    except ValueError:  # a field is malformed, and the authority has signed it all the same
        return ()
    return tuple(dict.fromkeys([*alternative, *(str(each.value) for each in common)]))


def channel_bindings(connection: SSL.Connection, server: bool = False) -> dict[str, bytes]:
    """
    Return the channel bindings of a connection, the best first.

    tls-exporter (RFC 9266) belongs to this connection alone.  In TLS 1.2 it needs the extended master secret.  OpenSSL
    does not say whether that was used, so there it is left out.  tls-server-end-point (RFC 5929 §4.1) is the hash of
    the server's certificate.

    Args:
        connection: The connection of OpenSSL.
        server: True if this is the server's end, whose own certificate is hashed.

    Returns:
        The name of each binding, with its octets.
    """
    bindings = {}
    if connection.get_protocol_version_name() == "TLSv1.3":
        bindings["tls-exporter"] = connection.export_keying_material(b"EXPORTER-Channel-Binding", 32)
    look = connection.get_certificate if server else connection.get_peer_certificate
    certificate = look(as_cryptography=True)
    algorithm = None if certificate is None else certificate.signature_hash_algorithm
    if certificate is not None and algorithm is not None:
        weak = algorithm.name in ("md5", "sha1")
        bindings["tls-server-end-point"] = certificate.fingerprint(SHA256() if weak else algorithm)
    return bindings
