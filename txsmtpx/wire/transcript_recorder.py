"""
Transcripts: every line both ways, for the log, without credentials.

Theory of operation.  Of the client's lines a transcript shows what `redacted` does.  After a line that may be an AUTH
it shows nothing of either side until the server has answered with something other than 334 (RFC 4954 §4).  Of the reply
that ends a login it shows the text, unless the text repeats credentials.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from txsmtpx.dialog.redaction import Commands, redacted
from txsmtpx.dialog.secrets import HIDDEN, Secrets, masked

log = Logger(__name__)

Transcript = Callable[[str, str, str], None]
"""Takes (session id, "C" or "S", line without its line end)."""


def to_log(session_id: str, speaker: str, line: str) -> None:
    """
    Write a line to the log: the transcript that ``--transcript`` and ``transcript=True`` mean.

    Args:
        session_id: The name of the connection.
        speaker: "C" for the client, "S" for the server.
        line: The line, without its line end.
    """
    log.info("session={session} {speaker}: {line}", session=session_id, speaker=speaker, line=line)


class _OwnCommands:
    """The commands of `SMTPClient`: all are known, and the login itself hides its secrets."""

    def knows(self, verb: str) -> bool:
        return True

    def hides(self, verb: str) -> bool:
        return False


_OWN = _OwnCommands()


class Recorder:
    """
    Writes the lines of one connection to a transcript.  Each end of a connection creates one if it has a transcript.

    Args:
        transcript: The transcript.
        session_id: The name of the connection.
    """

    __slots__ = ("_held", "_secrets", "_session_id", "_transcript")

    def __init__(self, transcript: Transcript, session_id: str) -> None:
        self._transcript = transcript
        self._session_id = session_id
        self._secrets: Secrets | None = None  # of a login that has not been answered
        self._held: list[str] | None = None  # lines of the server that follow octets of a message

    def client(self, line: bytes, response: bool = False, commands: Commands | None = None) -> None:
        """
        Write down a line of the client.

        Args:
            line: The line, without its line end.
            response: True if it is part of a login, so that it is hidden.
            commands: The commands that the server knows; None for those of `SMTPClient`.
        """
        self._transcript(self._session_id, "C", self._of_client(line, response, commands or _OWN))

    def server(self, line: bytes) -> None:
        """
        Write down a line of the server.

        Args:
            line: The line, without its line end.
        """
        shown = self._of_server(line)
        if self._held is None:
            self._transcript(self._session_id, "S", shown)
        else:
            self._held.append(shown)

    def reply(self, octets: bytes) -> None:
        """
        Write down a reply of the server.

        Args:
            octets: All lines of the reply.
        """
        for line in octets[:-2].split(b"\r\n"):
            self.server(line)

    def hold(self) -> None:
        """Hold the lines of the server until `message`: the dialog replies before it returns the end of the message."""
        self._held = []

    def message(self, octets: int) -> None:
        """
        Write down that octets of a message were sent, then the lines that were held.

        Args:
            octets: Their number.
        """
        self._transcript(self._session_id, "C", f"[{octets} octets of a message]")
        held, self._held = self._held or (), None
        for shown in held:
            self._transcript(self._session_id, "S", shown)

    def _of_client(self, line: bytes, response: bool, commands: Commands) -> str:
        if response or self._secrets is not None:
            self._hide(line)
            return "*" if line == b"*" else HIDDEN
        text, hidden = redacted(line, commands)
        if hidden is not None:
            self._hide(hidden)
        return _escaped(text)

    def _of_server(self, line: bytes) -> str:
        secrets = self._secrets
        if secrets is None:
            return printable(line)
        challenge = line[:3] == b"334"
        if line[3:4] != b"-" and not challenge:
            self._secrets = None
        return printable(masked(line) if challenge else secrets.masked(line))

    def _hide(self, line: bytes) -> None:
        if self._secrets is None:
            self._secrets = Secrets()
        self._secrets.add(line)


def printable(line: bytes) -> str:
    """
    Make a line printable.

    Args:
        line: The line, of any octets.

    Returns:
        Its text, with an escape for each control character and for each octet that is no text.
    """
    return _escaped(line.decode("utf-8", "backslashreplace"))


def _escaped(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")


def recorder(transcript: Transcript | bool, session_id: str) -> Recorder | None:
    """
    Return the recorder of a client's connection.

    Args:
        transcript: True for the log, False for none, or a function.
        session_id: The name of the connection in the transcript.

    Returns:
        The recorder; None for none.
    """
    if isinstance(transcript, bool):
        return Recorder(to_log, session_id) if transcript else None
    return Recorder(transcript, session_id)
