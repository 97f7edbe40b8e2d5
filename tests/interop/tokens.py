"""A backend, by its dotted name, that knows one bearer token."""

from __future__ import annotations

from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, fail, succeed

from tests.interop.clients import PASSWORD, USER
from txsmtpx import BackendRealm, MemoryBackend, PortalBackend
from txsmtpx.sasl.oauth_bearer import IBearerToken


class Tokens:
    """The token is the password of the other tests."""

    credentialInterfaces = (IBearerToken,)

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes]:
        if (credentials.username, credentials.token) != (USER.encode(), PASSWORD):
            return fail(UnauthorizedLogin())
        return succeed(credentials.username)


def backend() -> PortalBackend:
    return PortalBackend(Portal(BackendRealm(MemoryBackend()), [Tokens()]))
