"""
What logs and transcripts show of a client's command line: no credentials.

A client sends credentials with AUTH, with a misspelled AUTH, and after the server has refused its AUTH. Therefore

 - a command that the server knows is shown, but nothing behind AUTH;
 - of any other line only the length is shown.
"""

from __future__ import annotations

import re
from typing import Protocol

from txsmtpx.dialog.secrets import HIDDEN
from txsmtpx.grammar import asciitext
from txsmtpx.sasl.mechanisms import MECHANISMS

_OTHER_MECHANISMS = ("DIGEST-MD5", "GS2-KRB5", "GSS-SPNEGO", "GSSAPI", "KERBEROS_V4", "NTLM", "OTP")
"""Mechanisms that clients use and this library does not have."""

_MECHANISMS = frozenset({*(each.name for each in MECHANISMS), *_OTHER_MECHANISMS})

_BLANKS = b" \t\r\x0b\x0c"

_VERB = re.compile(rb"[A-Za-z0-9_-]*")
_MECHANISM = re.compile(rb"[ \t]+([A-Za-z0-9_-]+)")
_AUTH_WITHIN = re.compile(rb"(?<![A-Za-z0-9])AUTH(?=[\x00-\x20=:])", re.IGNORECASE)
_ADDRESS = re.compile(rb"=(?:<>(?: |\Z)|[^ ]*@)")  # which base64 cannot be


class Commands(Protocol):
    """The commands of a server, such as its `Table`, by their names in upper case."""

    def knows(self, verb: str) -> bool:
        """
        Look up a word.

        Args:
            verb: The word, in upper case.

        Returns:
            True if it is a command.
        """

    def hides(self, verb: str) -> bool:
        """
        Look up a command.

        Args:
            verb: The word, in upper case.

        Returns:
            True if its argument is a secret (`Verb.secret`).
        """


def redacted(line: bytes, commands: Commands) -> tuple[str, bytes | None]:
    """
    Return what may be shown of a command line, and the octets of it that may be credentials.

    Args:
        line: The line, without its line end.
        commands: The commands of the server.

    Returns:
        The text, with "[credentials]" where something is hidden. The hidden octets are b"" for an AUTH with nothing
        behind its mechanism, and None for a line that is not a part of a login.
    """
    word = _VERB.match(line)[0]  # type: ignore[index]  # it matches the empty word
    verb = _name(word)
    if verb == "AUTH":
        return _parted(line, _end_of_mechanism(line))
    if line[len(word) : len(word) + 1].strip(_BLANKS) or not commands.knows(verb):
        return f"[unknown command, {len(line)} octets]", line
    if commands.hides(verb):
        return _parted(line, len(word))
    end = _end_of_command(line, verb == "MAIL")
    return _parted(line, end) if line[end:].strip(_BLANKS) else (_text(line), None)


def _end_of_command(line: bytes, mail: bool) -> int:
    """The index behind what may be an AUTH within a command."""
    found = _AUTH_WITHIN.search(line)
    while mail and found is not None and (address := _ADDRESS.match(line, found.end())):
        found = _AUTH_WITHIN.search(line, address.end())  # that was the parameter of MAIL (RFC 4954 §5)
    return len(line) if found is None else found.end()


def _end_of_mechanism(line: bytes) -> int:
    """The index behind AUTH and its mechanism, if that is the name of one: clients send secrets in its place."""
    mechanism = _MECHANISM.match(line, 4)
    return mechanism.end() if mechanism is not None and _name(mechanism[1]) in _MECHANISMS else 4


def _parted(line: bytes, end: int) -> tuple[str, bytes]:
    """The line up to `end`, and the rest of it."""
    shown, hidden = _text(line[:end]), line[end:]
    return (f"{shown} {HIDDEN}" if hidden.strip(_BLANKS) else shown), hidden


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace")


def _name(word: bytes) -> str:
    """A word of ASCII in upper case."""
    return asciitext.upper(word.decode("ascii"))
