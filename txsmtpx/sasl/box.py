"""The mechanisms in the box, the best first; to add one, write its file and name it here."""

from __future__ import annotations

from typing import Any

from twisted.cred.credentials import IAnonymous, IUsernamePassword

from txsmtpx.interfaces import ICredentialsBackend
from txsmtpx.sasl.anonymous import ANONYMOUS
from txsmtpx.sasl.bearer import OAUTHBEARER, XOAUTH2
from txsmtpx.sasl.cram import CRAM_MD5
from txsmtpx.sasl.external import EXTERNAL
from txsmtpx.sasl.login import LOGIN
from txsmtpx.sasl.mechanism import Mechanism
from txsmtpx.sasl.plain import PLAIN
from txsmtpx.sasl.scram import SCRAM

MECHANISMS: tuple[Mechanism, ...] = (*SCRAM, EXTERNAL, OAUTHBEARER, XOAUTH2, CRAM_MD5, PLAIN, LOGIN, ANONYMOUS)


def satisfied_by(backend: Any, require_auth: bool = False) -> tuple[Mechanism, ...]:
    """
    Those whose credentials C{backend} takes; before them those of its own, which it has in C{mechanisms}.

    @param require_auth: to be nobody will not do.
    """
    if ICredentialsBackend.providedBy(backend):
        taken = set(backend.credential_interfaces) - ({IAnonymous} if require_auth else set())
    else:
        taken = {IUsernamePassword}
    known = (*getattr(backend, "mechanisms", ()), *MECHANISMS)
    return tuple(each for each in known if each.credential_interface in taken and each.suits(backend))
