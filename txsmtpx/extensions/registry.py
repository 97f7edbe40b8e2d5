"""The extensions of the package.  A new extension is one file, and its name is added to `EXTENSIONS` here."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from txsmtpx.dialog.extension import Extension, supported_by
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
from txsmtpx.extensions.unimplemented import UNIMPLEMENTED
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
"""The extensions of the package, in the order of EHLO."""

KNOWN = (*EXTENSIONS, UNIMPLEMENTED)
"""The extensions whose commands are answered by 502 if they are not offered."""

_BY_METHOD = tuple([each for each in EXTENSIONS if each.session_type is not None])
"""Those that a session implements by a method."""


def offered_with(supports: Collection[Extension]) -> tuple[Extension, ...]:
    """
    Return the extensions that a server offers by default.

    Args:
        supports: The extensions that the backend supports.

    Returns:
        Those that the library implements alone, and those that the backend supports.  Extensions of the backend's own
        come last.
    """
    own = [each for each in supports if each not in EXTENSIONS]
    return (*[each for each in EXTENSIONS if not each.needs_backend or each in supports], *own)


def declared_by(session: object) -> tuple[Extension, ...]:
    """
    Return the extensions that a session supports.

    Args:
        session: A session, or a class of sessions.

    Returns:
        Those of its attribute ``supports``, and those whose ``session_type`` it provides.
    """
    return (*supported_by(session), *[each for each in _BY_METHOD if each.kept_by(session)])


def unused(without: Iterable[str], extra: Iterable[Extension] = ()) -> frozenset[str]:
    """
    Return the keywords of the extensions that a client does not use, though a server offers them.

    Args:
        without: Keywords, in any case.
        extra: Extensions that the client implements besides those of the package.

    Returns:
        Those keywords, and those of the extensions that require one of them.  For example, SMTPUTF8 requires 8BITMIME.

    Raises:
        ValueError: The client implements no extension of such a name.
    """
    if not without:
        return frozenset()
    known = {each.keyword: each for each in (*EXTENSIONS, *extra) if each.keyword}
    left: set[str] = set()
    for each in without:
        keyword = asciitext.upper(each)
        if keyword not in known:
            raise ValueError(f"without: no extension is called {each!r}; there are {', '.join(sorted(known))}")
        left.add(keyword)
    while more := {each.keyword for each in known.values() if each.requires & left} - left:
        left |= more
    return frozenset(left)


def extension_named(keyword: str) -> Extension:
    """
    Return the extension of a keyword.

    Args:
        keyword: The keyword, in any case.

    Returns:
        The extension.

    Raises:
        ValueError: There is none.
    """
    for extension in EXTENSIONS:
        if extension.keyword == asciitext.upper(keyword):
            return extension
    raise ValueError(f"no extension is called {keyword}")
