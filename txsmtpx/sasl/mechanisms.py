"""The mechanisms of the package, the best first.  A new mechanism is a file, and its name here."""

from __future__ import annotations

from collections.abc import Collection

from twisted.cred.credentials import IAnonymous, IUsernamePassword

from txsmtpx.grammar import asciitext
from txsmtpx.interfaces import ICredentialsBackend, MechanismSupport, provides
from txsmtpx.sasl.anonymous import ANONYMOUS
from txsmtpx.sasl.cram_md5 import CRAM_MD5
from txsmtpx.sasl.external import EXTERNAL
from txsmtpx.sasl.login_mechanism import LOGIN
from txsmtpx.sasl.mechanism import Mechanism
from txsmtpx.sasl.oauth_bearer import OAUTHBEARER, XOAUTH2
from txsmtpx.sasl.plain import PLAIN
from txsmtpx.sasl.scram import SCRAM
from txsmtpx.setting import SettingError, shown

MECHANISMS: tuple[Mechanism, ...] = (*SCRAM, EXTERNAL, OAUTHBEARER, XOAUTH2, CRAM_MD5, PLAIN, LOGIN, ANONYMOUS)


def satisfied_by(
    backend: object, require_auth: bool = False, without: Collection[str] = ()
) -> tuple[Mechanism, ...]:
    """
    Return the mechanisms whose credentials a backend accepts.

    Args:
        backend: The backend.  Its own ``mechanisms`` come first (`MechanismSupport`).
        require_auth: True if an anonymous login does not suffice.
        without: Names of mechanisms that are left out.

    Returns:
        The mechanisms, in the order in which the server advertises them.

    Raises:
        SettingError: No mechanism has such a name.
        TypeError: ``mechanisms`` of the backend are anything else.
    """
    if ICredentialsBackend.providedBy(backend):
        taken = set(backend.credential_interfaces) - ({IAnonymous} if require_auth else set())
    else:
        taken = {IUsernamePassword}
    own = backend.mechanisms if provides(backend, MechanismSupport[Mechanism]) else ()
    if not isinstance(own, Collection) or not all(isinstance(each, Mechanism) for each in own):
        name = type(backend).__qualname__
        raise TypeError(f"{name}.mechanisms must be a tuple of Mechanism objects, such as (PLAIN,), not {shown(own)}")
    known = (*own, *MECHANISMS)
    left_out = _names(without, [each.name for each in known])
    known = tuple([each for each in known if each.name not in left_out])
    return tuple([each for each in known if each.credential_interface in taken and each.suits(backend)])


def _names(given: Collection[str], known: Collection[str]) -> set[str]:
    """
    Return names in upper case.

    Returns:
        The names.

    Raises:
        SettingError: A name is not one of ``known``.
    """
    names = {asciitext.upper(name): name for name in given}
    for name in names:
        if name not in known:
            text = f"must be names of mechanisms, not {names[name]!r}: there are {', '.join(known)}"
            raise SettingError("without_mechanisms", text)
    return set(names)
