"""
Helpers for tests of mail programs, and of backends.

`Conversation` is a client in memory that sends lines to a `txsmtpx.SMTPServer` in memory; `Link` can start TLS too.
`Network` connects a `txsmtpx.SMTPClient` to a server in memory.  Their time is a `Clock`.  `RecordingBackend` records
its calls, and returns prepared results.  `ScriptedServer` has prepared replies and failures, for tests of clients.
`MailServer` is a server on a real port, for tests of programs that send mail; the fixtures of pytest
(``pytest_txsmtpx``) start it.  `Transcript` is a dialog in a file, with the exact replies.
"""

from txsmtpx.backends.scripted import ScriptedBackend
from txsmtpx.testing.certificate import Pem, issue
from txsmtpx.testing.conversation import Conversation, Segments, cut_at, one_by_one, whole
from txsmtpx.testing.fixture_types import Connect, ConnectDeferred, MakeScript, MakeServer
from txsmtpx.testing.link import Link
from txsmtpx.testing.mail_server import MailServer
from txsmtpx.testing.network import Network
from txsmtpx.testing.outcome import Outcome
from txsmtpx.testing.recording import BackendCrash, RecordingBackend, RecordingSession
from txsmtpx.testing.script import Script
from txsmtpx.testing.scripted_server import HANG_UP, SILENCE, ScriptedServer
from txsmtpx.testing.thread import Here, ReactorThread
from txsmtpx.testing.transcript import Transcript

__all__ = [
    "HANG_UP",
    "SILENCE",
    "BackendCrash",
    "Connect",
    "ConnectDeferred",
    "Conversation",
    "Here",
    "Link",
    "MailServer",
    "MakeScript",
    "MakeServer",
    "Network",
    "Outcome",
    "Pem",
    "ReactorThread",
    "RecordingBackend",
    "RecordingSession",
    "Script",
    "ScriptedBackend",
    "ScriptedServer",
    "Segments",
    "Transcript",
    "cut_at",
    "issue",
    "one_by_one",
    "whole",
]
