"""
The credentials of one login, to be found again where somebody repeats them.

A server may quote in its reply what the client has sent: the line, a password in it, a part of either.  A transcript
shows replies, and no credentials.
"""

from __future__ import annotations

import base64
import binascii
import re

HIDDEN = "[credentials]"
"""What stands in the place of credentials."""

_MOST = 20
"""Parts of credentials that are looked for; of a login in more parts every reply is hidden."""

_LONG = 6
"""Characters of what is found within a word, be it a part of credentials or of the reply; less is found as a word."""

_SEPARATORS = re.compile(r"[\x00-\x20,]+")
_WORDS = re.compile(r"\w+")


class Secrets:
    """The lines that a client has sent in one login; a transcript creates one for each."""

    def __init__(self) -> None:
        self._parts: set[str] = set()
        self._too_many = False

    def add(self, line: bytes) -> None:
        """Remember the credentials in C{line}: its words, and the parts of those that are base64."""
        words = line.split(None, _MOST)
        self._too_many |= len(words) > _MOST
        for word in words:
            self._remember(word)
            try:
                self._remember(base64.b64decode(word, validate=True))
            except binascii.Error:
                continue

    def _remember(self, octets: bytes) -> None:
        parts = _SEPARATORS.split(octets.decode("utf-8", "replace").lower(), _MOST)
        for part in parts:
            key, _, value = part.rpartition("=")  # of XOAUTH2 and SCRAM, "auth=" and "n="
            self._parts |= {each for each in (part, value if key else "") if each}
        self._too_many |= len(parts) > _MOST or len(self._parts) > _MOST

    def within(self, text: str, username: str = "") -> bool:
        """
        Return whether C{text} repeats credentials, whole or in part, in any case.

        @param username: a part of the credentials that C{text} may repeat.
        """
        if self._too_many:
            return True
        text, name = text.lower(), username.lower()
        parts = {part for part in self._parts if not name or part.rpartition("=")[2] != name}
        words = set(_WORDS.findall(text))
        if any(part in words or (len(part) >= _LONG and part in text) for part in parts):
            return True
        # A reply line has 512 octets: a longer part is cut in two.
        return any(word in part for word in words if len(word) >= _LONG for part in parts)
