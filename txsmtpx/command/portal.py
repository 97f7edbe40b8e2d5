"""
The portal behind ``--auth``: `twisted.cred`, with several checkers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred
from zope.interface import implementer

from txsmtpx.command.option import OptionError
from txsmtpx.interfaces import Connection, IBackend
from txsmtpx.logins.portal import BackendRealm, PortalBackend
from txsmtpx.sasl.scram_verifier import HASHES


@implementer(ICredentialsChecker)
class OneOfThem:
    """Several checkers, of which one must know who it is; a portal by itself asks but one for each interface."""

    def __init__(self, checkers: Any) -> None:
        self._checkers = checkers
        self.credentialInterfaces = tuple({each for checker in checkers for each in checker.credentialInterfaces})
        scram = [checker for checker in checkers if hasattr(checker, "scram_verifier")]
        if len(scram) > 1:  # it must be known whose verifier is shown before anybody has proved anything
            raise OptionError("auth", "scram: goes once")
        if scram:
            self.scram_verifier = scram[0].scram_verifier
            self.scram_mechanisms = getattr(scram[0], "scram_mechanisms", tuple(HASHES))

    @inlineCallbacks
    def requestAvatarId(self, credentials: Any) -> Generator[Deferred[Any], Any, Any]:
        """
        Raises:
            UnauthorizedLogin: None of them does.
        """
        for checker in self._checkers:
            if any(interface.providedBy(credentials) for interface in checker.credentialInterfaces):
                with contextlib.suppress(UnauthorizedLogin):
                    return (yield maybeDeferred(checker.requestAvatarId, credentials))
        raise UnauthorizedLogin()


class PortalOrAnybody(PortalBackend):
    """``--auth``: a portal for those who log in; the others get in too, unless that was forbidden."""

    def __init__(self, backend: IBackend, checkers: Any, require_auth: bool) -> None:
        super().__init__(Portal(BackendRealm(backend), [OneOfThem(checkers)]))
        self.supports = getattr(backend, "supports", ())
        self.one_process = getattr(backend, "one_process", False)
        self._backend = backend
        self._require_auth = require_auth

    def anonymous_login(self, connection: Connection) -> Any:
        """A session; where a login is required, for whom a proxy has logged in (XCLIENT LOGIN)."""
        if self._require_auth and connection.username is None:
            return super().anonymous_login(connection)
        return self._backend.anonymous_login(connection)
