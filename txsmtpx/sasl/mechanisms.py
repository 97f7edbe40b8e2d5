"""The mechanisms of the package, the best first.  A new mechanism is a file, and its name here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import overload

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


class ChangingMechanisms(Sequence[Mechanism]):
    """
    Mechanisms that change, such as those that Dovecot offers.

    Args:
        now: Returns the mechanisms of this moment.
    """

    def __init__(self, now: Callable[[], tuple[Mechanism, ...]]) -> None:
        self._now = now

    def __iter__(self) -> Iterator[Mechanism]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    @overload
    def __getitem__(self, index: int) -> Mechanism: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Mechanism]: ...

    def __getitem__(self, index: int | slice) -> Mechanism | Sequence[Mechanism]:
        return self._now()[index]


def satisfied_by(backend: object, require_auth: bool = False, without: Collection[str] = ()) -> Sequence[Mechanism]:
    """
    Return the mechanisms whose credentials a backend accepts.

    Args:
        backend: The backend.  Its own ``mechanisms`` (`MechanismSupport`) come first.  They replace others of the same
            name.
        require_auth: True if an anonymous login does not suffice.
        without: Names of mechanisms that are left out.

    Returns:
        The mechanisms, in the order in which the server advertises them.  If the backend's own change
        (`ChangingMechanisms`), so do these.

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
    left_out = _names(without, [each.name for each in (*own, *MECHANISMS)])

    def now() -> tuple[Mechanism, ...]:
        names = {each.name for each in own}
        known = (*own, *(each for each in MECHANISMS if each.name not in names))
        fitting = (each for each in known if each.credential_interface in taken and each.suits(backend))
        return tuple([each for each in fitting if each.name not in left_out])

    return ChangingMechanisms(now) if isinstance(own, ChangingMechanisms) else now()


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
