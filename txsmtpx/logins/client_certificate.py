"""A checker of client certificates, for AUTH EXTERNAL."""

from __future__ import annotations

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from txsmtpx.sasl.external import IClientCertificate


@implementer(ICredentialsChecker)
class CertificateChecker:
    """
    A checker that accepts every certificate that TLS has verified, as one of the names in it.

    Example:
        ::

            backend = PortalBackend(Portal(BackendRealm(MemoryBackend()), [CertificateChecker()]))
    """

    credentialInterfaces: tuple[type[IClientCertificate]] = (IClientCertificate,)

    def requestAvatarId(self, credentials: IClientCertificate) -> Deferred[bytes | tuple[()]]:
        """
        Return the user name, if it is in the certificate.

        Args:
            credentials: The certificate.

        Returns:
            The user name.

        Raises:
            UnauthorizedLogin: The certificate has no name, or not this one; the Deferred fails.
        """
        if credentials.username.decode("utf-8") not in credentials.names:
            return fail(UnauthorizedLogin())
        return succeed(credentials.username)
