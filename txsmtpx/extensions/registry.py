"""The extensions in the box, in the order EHLO says them; to add one, write its file and name it here."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from txsmtpx.dialog.extension import Extension
from txsmtpx.extensions.auth import AUTH
from txsmtpx.extensions.binarymime import BINARYMIME
from txsmtpx.extensions.chunking import CHUNKING
from txsmtpx.extensions.deliverby import DELIVERBY
from txsmtpx.extensions.dsn import DSN
from txsmtpx.extensions.eightbitmime import EIGHTBITMIME
from txsmtpx.extensions.enhancedstatuscodes import ENHANCEDSTATUSCODES
from txsmtpx.extensions.futurerelease import FUTURERELEASE
from txsmtpx.extensions.limits import LIMITS
from txsmtpx.extensions.mtpriority import MT_PRIORITY
from txsmtpx.extensions.pipelining import PIPELINING
from txsmtpx.extensions.prdr import PRDR
from txsmtpx.extensions.requiretls import REQUIRETLS
from txsmtpx.extensions.rrvs import RRVS
from txsmtpx.extensions.size import SIZE
from txsmtpx.extensions.smtputf8 import SMTPUTF8
from txsmtpx.extensions.starttls import STARTTLS
from txsmtpx.extensions.unimplemented import UNSERVED
from txsmtpx.extensions.vrfy_expn import EXPAND, VERIFY
from txsmtpx.extensions.xclient import XCLIENT, XFORWARD
from txsmtpx.grammar import asciitext

EXTENSIONS: tuple[Extension, ...] = (
    PIPELINING,
    SIZE,
    EIGHTBITMIME,
    SMTPUTF8,
    CHUNKING,
    BINARYMIME,
    ENHANCEDSTATUSCODES,
    VERIFY,
    EXPAND,
    LIMITS,
    PRDR,
    DSN,
    REQUIRETLS,
    DELIVERBY,
    MT_PRIORITY,
    RRVS,
    FUTURERELEASE,
    XCLIENT,
    XFORWARD,
    STARTTLS,
    AUTH,
)

KNOWN = (*EXTENSIONS, UNSERVED)
"""Those whose verbs are answered 502 where they are not offered."""

_BY_METHOD = tuple([each for each in EXTENSIONS if each.session_method])
"""Those that a session implements by a method."""


def offered_with(supports: Collection[Extension]) -> tuple[Extension, ...]:
    """Those that the library honours alone, those that a backend supports, and what else it brings along."""
    own = [each for each in supports if each not in EXTENSIONS]
    return (*[each for each in EXTENSIONS if not each.needs_backend or each in supports], *own)


def declared_by(session: object) -> tuple[Extension, ...]:
    """What a session, or a class of sessions, ``supports``, and what its methods say that it does."""
    supports: Collection[Extension] = getattr(session, "supports", ())
    return (*supports, *[each for each in _BY_METHOD if each.kept_by(session)])


def left_alone(without: Any, extra: Collection[Extension] = ()) -> frozenset[str]:
    """
    Return the keywords of the extensions that a client does not use, though a server offers them.

    Args:
        without: Keywords, in any case; of any type, since a caller gives them.
        extra: Extensions that the client understands besides those in the box.

    Returns:
        Those keywords, and those of the extensions that require one of them: SMTPUTF8 requires 8BITMIME.

    Raises:
        ValueError: The client understands no extension of such a name.
        TypeError: These are not keywords.
    """
    if isinstance(without, str | bytes) or not isinstance(without, Collection):
        raise TypeError(f"without is a set of keywords, such as {{'PIPELINING'}}, not {without!r}")
    if not without:
        return frozenset()
    known = {each.keyword: each for each in (*EXTENSIONS, *extra) if each.keyword}
    left: set[str] = set()
    for each in without:
        keyword = asciitext.upper(each) if isinstance(each, str) else each
        if keyword not in known:
            raise ValueError(f"without: no extension is called {each!r}; there are {', '.join(sorted(known))}")
        left.add(keyword)
    while more := {each.keyword for each in known.values() if each.requires & left} - left:
        left |= more
    return frozenset(left)


def named(keyword: str) -> Extension:
    """
    The extension of that keyword.

    Raises:
        ValueError: There is none.
    """
    for extension in EXTENSIONS:
        if extension.keyword == asciitext.upper(keyword):
            return extension
    raise ValueError(f"no extension is called {keyword}")
