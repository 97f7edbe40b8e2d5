"""
How a client verifies a server by TLSA records (DANE: RFC 6698, RFC 7671, RFC 7672).

Theory of operation.  OpenSSL could verify by DANE, but pyOpenSSL does not give access to that.  So OpenSSL accepts any
certificate, and `DANETLS.verify` looks at the certificates that the server has sent, after the handshake.
`txsmtpx.wire.client_handshake` calls it before anything is sent, and the connection fails if they are not right.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import PrivateCertificate
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from txsmtpx.grammar.tlsa import DANE_EE, DANE_TA, FULL, TLSARecord, association, strongest
from txsmtpx.wire.client_tls import TLSResult, chain_fault
from txsmtpx.wire.tls_policy import client_options

NO_MATCH = "no TLSA record matches the certificate"
"""Why a certificate is not accepted whose keys none of the records names."""


@implementer(IOpenSSLClientConnectionCreator)
class DANETLS:
    """
    How a client uses TLS with a server that has TLSA records.

    Attributes:
        refused: What was wrong with the certificates of the last connection; None for nothing.
        result: The same, as reports name it (RFC 8460 §4.3).
        authenticates: As in the arguments.

    Args:
        hostname: The name that has the records, for SNI (RFC 7672 §8.1).
        records: The records; at least one is usable.
        names: The names, one of which must be in the certificate, if an authority is named (RFC 7672 §3.2.2).
        client_certificate: What the client presents if the server asks for a certificate.
        authenticates: False if the name of the server itself may have been forged.
    """

    def __init__(
        self,
        hostname: str,
        records: Sequence[TLSARecord],
        names: Sequence[str],
        client_certificate: PrivateCertificate | None = None,
        authenticates: bool = True,
    ) -> None:
        self.refused: str | None = None
        self.result: TLSResult = "validation-failure"
        self.authenticates: bool = authenticates
        self._hostname = hostname
        self._records = strongest(records)
        self._names = names
        self._options = client_options(client_certificate)

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """
        Create a connection of OpenSSL, which accepts any certificate.

        Args:
            protocol: The TLS protocol.

        Returns:
            The connection (`IOpenSSLClientConnectionCreator`).
        """
        self.refused, self.result = None, "validation-failure"
        connection = SSL.Connection(self._options.getContext(), None)
        connection.set_tlsext_host_name(self._hostname.encode("ascii"))
        return connection

    def verify(self, connection: SSL.Connection) -> None:
        """
        Verify the certificates of a server, and set `refused`.

        Args:
            connection: The connection, whose handshake is complete.
        """
        chain = connection.get_peer_cert_chain() or []
        try:
            self.refused = self._fault(chain) if chain else "the server has presented no certificate"
        except Exception as error:  # of a certificate that is malformed
            self.refused = f"the certificate cannot be verified: {error}"

    def _fault(self, chain: Sequence[crypto.X509]) -> str | None:
        """Return what is wrong with a chain of certificates, the server's first; None for nothing."""
        if _named(chain[:1], [record for record in self._records if record.usage == DANE_EE]):
            return None  # neither its names nor its dates count (RFC 7672 §3.1.1)
        authorities = [record for record in self._records if record.usage == DANE_TA]
        anchors = _named(chain, authorities)
        anchors += [found for found in map(_certificate_in, authorities) if found is not None]
        if not anchors:
            return NO_MATCH
        return self._chain_fault(chain, anchors) or self._name_fault(chain[0].to_cryptography())

    def _chain_fault(self, chain: Sequence[crypto.X509], anchors: Sequence[crypto.X509]) -> str | None:
        """Return what is wrong with a chain that should end in one of the anchors; None for nothing."""
        store = crypto.X509Store()
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)  # an anchor need not be self-signed (RFC 7671 §5.2.2)
        for anchor in anchors:
            store.add_cert(anchor)
        try:
            crypto.X509StoreContext(store, chain[0], list(chain[1:])).verify_certificate()
        except crypto.X509StoreContextError as error:
            self.result, why = chain_fault(error.errors[0])
            if self.result == "certificate-not-trusted":
                return f"the certificate is not signed by an authority of a TLSA record: {error}"
            return why
        return None

    def _name_fault(self, certificate: x509.Certificate) -> str | None:
        for name in self._names:
            try:
                verify_certificate_hostname(certificate, name)
            except (VerificationError, CertificateError, ValueError):  # ValueError: no certificate can have the name
                continue
            return None
        self.result = "certificate-host-mismatch"
        return f"the certificate is for another name than {self._names[0]}"


def _named(chain: Sequence[crypto.X509], records: Sequence[TLSARecord]) -> list[crypto.X509]:
    """
    Return the certificates that records are about.

    The time is that of the certificates plus that of the records, not their product: a domain chooses both, and a
    handshake can have 350 certificates, and an answer of the DNS 1,400 records.

    Returns:
        The certificates, in their order.
    """
    kinds: dict[tuple[int, int], set[bytes]] = {}
    for record in records:
        kinds.setdefault((record.selector, record.matching), set()).add(record.data)
    found = []
    for certificate in chain if kinds else ():
        parsed = certificate.to_cryptography()
        key = parsed.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        octets = (parsed.public_bytes(Encoding.DER), key)
        if any(association(octets[selector], matching) in data for (selector, matching), data in kinds.items()):
            found.append(certificate)
    return found


def _certificate_in(record: TLSARecord) -> crypto.X509 | None:
    """Return the certificate of an authority that a record has in full: the server need not send it."""
    if record.selector != 0 or record.matching != FULL:
        return None
    try:
        return crypto.load_certificate(crypto.FILETYPE_ASN1, record.data)
    except crypto.Error:
        return None
