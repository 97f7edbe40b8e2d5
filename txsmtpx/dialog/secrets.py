"""
The secrets of a login, and how replies that repeat them are hidden (guarantee 7).

A server may quote in its reply what the client has sent: the line, a password in it, a part of either, whole, cut off,
folded or decoded.  A transcript shows replies, and an error of the client quotes one, without the secrets.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from txsmtpx.grammar import asciitext
from txsmtpx.grammar.reply import Reply

HIDDEN = "[credentials]"
"""The replacement for credentials."""

_MOST = 20
"""Parts of a line that are searched.  If a login has more parts, every reply to it is hidden."""

_LONG = 6
"""Characters of a part, of a secret or of a reply, that is found within a word.  A shorter part must be a word."""

_LONG_LATER = 8
"""The same after the login, where shorter parts are not searched: a reply may hold one by chance."""

_SEPARATORS = re.compile(r"[\x00-\x20,]+")
_FIELDS = re.compile(r"[\x00\x01]+")
_WORDS = re.compile(r"\w+")
_PIECES = re.compile(r"[^\s\"'<>()\[\],;]+")
_STATUS = re.compile(rb"[0-9]{3}(?:[ -][245]\.[0-9]{1,3}\.[0-9]{1,3}(?= )|(?=[ -]|\Z))")


def masked(line: bytes) -> bytes:
    """
    Return a reply line without its text.

    Args:
        line: A line of a reply, without its line end.

    Returns:
        The codes of the line, and `HIDDEN`.

    Example:
        >>> masked(b"535 5.7.8 wrong password: secret")
        b'535 5.7.8 [credentials]'
    """
    status = _STATUS.match(line)
    return HIDDEN.encode("ascii") if status is None else b"%b %b" % (status[0], HIDDEN.encode("ascii"))


class Secrets:
    """
    The secrets of one login or, for a client, of one connection.

    A transcript creates one for each login that it sees.  The client's dialog creates one with the first AUTH.

    Attributes:
        in_login: True if replies belong to a login, so that short secrets are searched too.
    """

    def __init__(self) -> None:
        self.in_login = True
        self._parts: set[str] = set()
        self._too_many = False

    def add(self, line: bytes) -> None:
        """
        Remember a line: its words, and the parts of those that are base64.

        Args:
            line: A line of a login, without its line end.
        """
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
            value = part.rpartition("=")[2]  # of XOAUTH2 and SCRAM, behind "auth=" and "n="
            self._parts |= {each for each in (part, value) if each}
        self._too_many |= len(parts) > _MOST or len(self._parts) > _MOST

    def add_secrets(self, secrets: Iterable[str]) -> None:
        """
        Remember secrets, each as it is and in base64.

        Args:
            secrets: The secrets; an empty one is left out.
        """
        for secret in secrets:
            if secret:
                self._parts |= {secret.lower(), _base64(secret.encode("utf-8")).rstrip("=")}

    def add_response(self, response: bytes, known: bool) -> None:
        """
        Remember the response of a mechanism.

        Args:
            response: The response, which is not in base64.
            known: True if `add_secrets` has got what is secret in it; if not, all of it is.
        """
        if response:
            self._parts.add(_base64(response))
            if not known:
                self.add_secrets(_FIELDS.split(response.decode("utf-8", "replace")))

    def within(self, text: str, username: str = "") -> bool:
        """
        Return whether a text repeats a secret, whole or in part, in upper or lower case.

        Args:
            text: A line of a reply.
            username: A part of the credentials that the text may repeat.

        Returns:
            True too if there are too many secrets to be looked for.
        """
        if self._too_many:
            return True
        text, name = text.lower(), username.lower()
        parts = {part for part in self._parts if not name or part.rpartition("=")[2] != name}
        least = _LONG if self.in_login else _LONG_LATER
        for part in parts:
            if part in text and (len(part) >= least or (self.in_login and _is_word(part, text))):
                return True
        # A reply line has 512 octets: a longer part is cut in two.
        pieces = {each for each in (*_WORDS.findall(text), *_PIECES.findall(text)) if len(each) >= least}
        return any(piece in part for piece in pieces for part in parts)

    def masked(self, line: bytes) -> bytes:
        """
        Return a line of the server, without its text if that repeats a secret.

        Args:
            line: The line, without its line end.

        Returns:
            The line, or its codes and `HIDDEN`.
        """
        text = line.decode("utf-8", "replace")
        return masked(line) if self.within(text) or self.within(_challenge(text)) else line

    def reply(self, reply: Reply) -> Reply:
        """
        Return a reply without the lines that repeat a secret.

        Args:
            reply: A reply of the server.

        Returns:
            The reply itself if no line does; otherwise one with `HIDDEN` in the place of such lines.
        """
        lines = [HIDDEN if self.within(line) or self.within(_challenge(f"{reply.code} {line}")) else line
                 for line in reply.lines]  # fmt: skip
        return reply if lines == list(reply.lines) else Reply(reply.code, reply.enhanced_code, *lines)


def _base64(octets: bytes) -> str:
    """Return ``octets`` in base64 and in lower case, as what is looked for."""
    return asciitext.lower(base64.b64encode(octets).decode("ascii"))


def _is_word(part: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text) is not None


def _challenge(line: str) -> str:
    """Return what ``line`` says to a mechanism, "" if the line is no challenge."""
    if not line.startswith("334 "):
        return ""
    try:
        return base64.b64decode(line[4:], validate=True).decode("utf-8", "replace")
    except ValueError:
        return ""
