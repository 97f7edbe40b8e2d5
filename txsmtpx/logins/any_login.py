"""A checker that accepts every login, for servers that catch mail in development."""

from __future__ import annotations

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IAnonymous, IUsernameHashedPassword, IUsernamePassword
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from txsmtpx.interfaces import Username
from txsmtpx.sasl.external import IClientCertificate
from txsmtpx.sasl.oauth_bearer import IBearerToken


@implementer(ICredentialsChecker)
class AnyLogin:
    """
    Accept each user name with each password or token, and each client certificate that TLS has verified.

    It cannot accept SCRAM.  There the server must prove that it knows the password too, and the client checks that
    (RFC 5802 §3).  A client that supports other mechanisms uses one of them, since the server does not offer SCRAM.

    Example:
        >>> from txsmtpx.sasl.mechanism import UsernamePassword
        >>> AnyLogin().requestAvatarId(UsernamePassword(b"me", b"guess")).result
        b'me'
    """

    credentialInterfaces = (IUsernamePassword, IUsernameHashedPassword, IBearerToken, IClientCertificate, IAnonymous)

    def requestAvatarId(self, credentials: Username) -> Deferred[bytes | tuple[()]]:
        """
        Accept credentials.

        Args:
            credentials: Any.

        Returns:
            The user name; () for an anonymous login.
        """
        return succeed(() if IAnonymous.providedBy(credentials) else credentials.username)
