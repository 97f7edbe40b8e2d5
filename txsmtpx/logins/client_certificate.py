"""
A checker for AUTH EXTERNAL: whoever shows a certificate is who it says.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from txsmtpx.sasl.external import IClientCertificate


@implementer(ICredentialsChecker)
class CertificateChecker:
    """Takes everybody whom the authority has signed for, by the first of the names in the certificate or any other."""

    credentialInterfaces = (IClientCertificate,)

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """
        The name.

        Raises:
            UnauthorizedLogin: By the Deferred, there is none in it, or not this one.
        """
        if credentials.username.decode("utf-8") not in credentials.names:
            return fail(UnauthorizedLogin())
        return succeed(credentials.username)
