"""The mechanisms in the box, the best first; to add one, write its file and name it here."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from twisted.cred.credentials import IAnonymous, IUsernamePassword

from txsmtpx.grammar import asciitext
from txsmtpx.interfaces import ICredentialsBackend
from txsmtpx.sasl.anonymous import ANONYMOUS
from txsmtpx.sasl.cram_md5 import CRAM_MD5
from txsmtpx.sasl.external import EXTERNAL
from txsmtpx.sasl.login import LOGIN
from txsmtpx.sasl.mechanism import Mechanism
from txsmtpx.sasl.oauth_bearer import OAUTHBEARER, XOAUTH2
from txsmtpx.sasl.plain import PLAIN
from txsmtpx.sasl.scram import SCRAM
from txsmtpx.setting import SettingError

MECHANISMS: tuple[Mechanism, ...] = (*SCRAM, EXTERNAL, OAUTHBEARER, XOAUTH2, CRAM_MD5, PLAIN, LOGIN, ANONYMOUS)


def satisfied_by(
    backend: Any, require_auth: bool = False, without: Collection[str] = ()
) -> tuple[Mechanism, ...]:
    """
    Those whose credentials ``backend`` takes; before them those of its own, which it has in ``mechanisms``.

    Args:
        require_auth: To be nobody will not do.
        without: Names of mechanisms that are left out.

    Raises:
        SettingError: No mechanism has such a name.
    """
    if ICredentialsBackend.providedBy(backend):
        taken = set(backend.credential_interfaces) - ({IAnonymous} if require_auth else set())
    else:
        taken = {IUsernamePassword}
    known = (*getattr(backend, "mechanisms", ()), *MECHANISMS)
    left_out = _names(without, [each.name for each in known])
    known = tuple([each for each in known if each.name not in left_out])
    return tuple([each for each in known if each.credential_interface in taken and each.suits(backend)])


def _names(given: Collection[str], known: Collection[str]) -> set[str]:
    """
    Raises:
        SettingError: A name is not one of ``known``.
    """
    names = {asciitext.upper(name): name for name in given}
    for name in names:
        if name not in known:
            text = f"must be names of mechanisms, not {names[name]!r}: there are {', '.join(known)}"
            raise SettingError("without_mechanisms", text)
    return set(names)
