"""
Transcripts: every line both ways, for the log, without credentials.

Theory of operation.  Credentials are where AUTH is, where something like AUTH is, and where a client goes on with them
although the server has refused its AUTH.  So a transcript shows of the client's lines

 - commands of the server, which begin with a word that the server knows, but nothing behind AUTH;
 - of any other line its length alone.

After a line that may be an AUTH it shows nothing of either side until the server has answered with something other than
334 (RFC 4954 §4).  Of the reply that ends a login it shows the text, unless the text repeats credentials.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from twisted.logger import Logger

from txsmtpx.dialog.secrets import HIDDEN, Secrets
from txsmtpx.grammar import asciitext
from txsmtpx.sasl.box import MECHANISMS

log = Logger(__name__)

Transcript = Callable[[str, str, str], None]
"""Takes (session id, "C" or "S", line without its line end)."""

_OTHER_MECHANISMS = ("NTLM", "GSSAPI", "GSS-SPNEGO", "DIGEST-MD5", "KERBEROS_V4")
"""Those that clients try besides ours."""

_MECHANISMS = frozenset({*(each.name for each in MECHANISMS), *_OTHER_MECHANISMS})

_BLANKS = b" \t\r\x0b\x0c"

_VERB = re.compile(rb"[A-Za-z0-9_-]*")
_MECHANISM = re.compile(rb"[ \t]+([A-Za-z0-9_-]+)")
_AUTH_WITHIN = re.compile(rb"(?<![A-Za-z0-9])AUTH(?=[\x00-\x20=:])", re.IGNORECASE)
_ADDRESS = re.compile(rb"=(?:<>(?: |\Z)|[^ ]*@)")  # which base64 cannot be
_STATUS = re.compile(rb"[0-9]{3}(?:[ -][245]\.[0-9]{1,3}\.[0-9]{1,3}(?= )|(?=[ -]|\Z))")


def to_log(session_id: str, speaker: str, line: str) -> None:
    """The transcript that C{--transcript} means."""
    log.info("session={session} {speaker}: {line}", session=session_id, speaker=speaker, line=line)


class Recorder:
    """Writes the lines of one connection to a transcript; created by each end that has a transcript."""

    __slots__ = ("_knows", "_secrets", "_session_id", "_transcript")

    def __init__(
        self, transcript: Transcript, session_id: str, knows: Callable[[str], bool] = lambda verb: True
    ) -> None:
        """
        @param knows: whether a word in upper case is a command of the server.
        """
        self._transcript = transcript
        self._session_id = session_id
        self._knows = knows
        self._secrets: Secrets | None = None  # of a login that has not been answered

    def client(self, line: bytes, response: bool = False) -> None:
        """
        Write down a line of the client.

        @param line: without its line end.
        @param response: whether it is part of a login.
        """
        self._transcript(self._session_id, "C", self._of_client(line, response))

    def server(self, line: bytes) -> None:
        """Write down a line of the server, without its line end."""
        self._transcript(self._session_id, "S", self._of_server(line))

    def message(self, octets: int) -> None:
        """Write down that so many octets of a message were sent."""
        self._transcript(self._session_id, "C", f"[{octets} octets of a message]")

    def _of_client(self, line: bytes, response: bool) -> str:
        if response or self._secrets is not None:
            self._hide(line)
            return "*" if line == b"*" else HIDDEN
        word = _VERB.match(line)[0]  # type: ignore[index]  # it matches the empty word
        verb = _name(word)
        if verb == "AUTH":
            return self._auth(line)
        if line[len(word) : len(word) + 1].strip(_BLANKS) or not self._knows(verb):
            self._hide(line)
            return f"[unknown command, {len(line)} octets]"
        return self._command(line, verb == "MAIL")

    def _command(self, line: bytes, mail: bool) -> str:
        """A command of the server's, up to what may be an AUTH in it."""
        found = _AUTH_WITHIN.search(line)
        while mail and found is not None and (address := _ADDRESS.match(line, found.end())):
            found = _AUTH_WITHIN.search(line, address.end())  # that was the parameter of MAIL (RFC 4954 §5)
        if found is None or not line[found.end() :].strip(_BLANKS):
            return printable(line)
        self._hide(line[found.end() :])
        return f"{printable(line[: found.end()])} {HIDDEN}"

    def _auth(self, line: bytes) -> str:
        """AUTH, with its mechanism if that is the name of one."""
        mechanism = _MECHANISM.match(line, 4)
        end = 4
        if mechanism is not None and _name(mechanism[1]) in _MECHANISMS:
            end = mechanism.end()
        self._hide(line[end:])
        shown = printable(line[:end])
        return f"{shown} {HIDDEN}" if line[end:].strip(_BLANKS) else shown

    def _of_server(self, line: bytes) -> str:
        secrets = self._secrets
        if secrets is None:
            return printable(line)
        challenge = line[:3] == b"334"
        if line[3:4] != b"-" and not challenge:
            self._secrets = None
        if not challenge and not secrets.within(line.decode("utf-8", "replace")):
            return printable(line)
        status = _STATUS.match(line)
        return f"{status[0].decode('ascii')} {HIDDEN}" if status is not None else HIDDEN

    def _hide(self, line: bytes) -> None:
        if self._secrets is None:
            self._secrets = Secrets()
        self._secrets.add(line)


def _name(word: bytes) -> str:
    """A word of ASCII in upper case."""
    return asciitext.upper(word.decode("ascii"))


def printable(line: bytes) -> str:
    """Any line, without control characters."""
    return line.decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii")
