"""The tokens of programs that use the API (RFC 6750)."""

from __future__ import annotations

import hashlib
import re

_LINE = re.compile(r"([!-9;-~]+)[ \t]+([!-~]+)")
_SHORTEST = 20


class ApiTokens:
    """
    Read a file of tokens.

    Each line has a name, a space and a token of 20 or more characters.  Empty lines, and lines that begin with ``#``,
    are skipped.

    Args:
        path: The path of the file.

    Raises:
        OSError: The file cannot be read.
        ValueError: A line is wrong, or there is no token; the operator gets the text, which has no token.
    """

    def __init__(self, path: str) -> None:
        # Only hashes are kept and compared.  So neither the memory nor the time of a look-up tells a token.
        self._names: dict[bytes, str] = {}
        with open(path, encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                text = line.strip()
                if text and not text.startswith("#"):
                    found = _LINE.fullmatch(text)
                    if found is None or len(found[2]) < _SHORTEST:
                        needs = f"a name, a space and a token of {_SHORTEST} or more characters of ASCII"
                        raise ValueError(f"{path}:{number}: a line needs {needs}")
                    self._names[_digest(found[2].encode("ascii"))] = found[1]
        if not self._names:
            raise ValueError(f"{path} has no token; write a line NAME TOKEN")

    def name_of(self, token: bytes) -> str | None:
        """
        Return the name of a token.

        Args:
            token: The token, as the client has sent it.

        Returns:
            The name; None if there is no such token.
        """
        return self._names.get(_digest(token))


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
