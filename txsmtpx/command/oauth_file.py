"""The file of ``--relay-oauth``: the arguments of `txsmtpx.OAuth2`, in TOML."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from txsmtpx.wire.description import fault

if TYPE_CHECKING:
    from txsmtpx.wire.oauth2 import OAuth2

_LINE = re.compile(r"\((at line [0-9]+), column [0-9]+\)\Z")

OF_THE_KEY = ("key", "key_id", "certificate")
"""The arguments of `txsmtpx.AssertionKey`."""


def oauth_of(path: str) -> OAuth2:
    """
    Return the login that a file describes.

    Its keys are the arguments of `txsmtpx.OAuth2`.  In place of ``key`` it has the arguments of `txsmtpx.AssertionKey`,
    and in place of ``tokens`` and ``store`` the path of a file, as ``store``.  Paths are relative to the file.

    Args:
        path: The file.

    Returns:
        The login.

    Raises:
        OSError: A file cannot be read.
        ValueError: A value cannot be used, or a package is not installed.  The text has no secret.
    """
    from txsmtpx.wire.assertion_key import AssertionKey
    from txsmtpx.wire.oauth2 import OAuth2
    from txsmtpx.wire.token_file import TokenFile

    with open(path, "rb") as file:
        try:
            found = tomllib.load(file)
        except ValueError as error:  # whose text may quote a secret
            line = _LINE.search(str(error))
            where = f" {line[1]}" if line else ""
            raise ValueError(f'it is no TOML{where}; write lines such as client_id = "..."') from None
    for name in {"key", "certificate", "store", "trust_roots"} & found.keys():
        if not isinstance(found[name], str):
            raise ValueError(f"{name} is the path of a file, not {type(found[name]).__name__}")
        found[name] = os.path.join(os.path.dirname(path), found[name])
    if "tokens" in found:
        raise ValueError("it cannot have tokens; store names a file for them")
    of_key = {name: found.pop(name) for name in OF_THE_KEY if name in found}
    try:
        if of_key:
            found["key"] = cast(Callable[..., AssertionKey], AssertionKey)(**of_key)
        if "store" in found:
            tokens = TokenFile(found.pop("store"))
            newer = tokens.path.exists() and os.path.getmtime(tokens.path) >= os.path.getmtime(path)
            found |= {"tokens": tokens.tokens() if newer else None, "store": tokens.store}
        return cast(Callable[..., OAuth2], OAuth2)(**found)
    except (TypeError, ImportError) as error:
        raise ValueError(fault(error).removeprefix("OAuth2: ").replace("OAuth2 has", "it has")) from None
