"""
What our tests, and our users' tests, are written with.

A client that types, to an `txsmtpx.SMTPServer` in memory: `Conversation`, and `Link` where TLS is to be started.
`Network` joins our client and a server in memory.  Their time is a `Clock`.  `RecordingBackend` remembers what it
was asked and answers what it was told to; `ScriptedServer` says what it is told and fails where it is told, for tests
of clients.  `MailServer` is one of ours on a real port, for tests of programs that send mail; pytest's fixtures give
it (``pytest_txsmtpx``).  `Transcript` is a dialog in a file, with the exact replies (`txsmtpx.testing.transcript`).
"""

from txsmtpx.testing.certificate import Pem, issue
from txsmtpx.testing.conversation import Conversation, Segments, cut_at, one_by_one, whole
from txsmtpx.testing.link import Link
from txsmtpx.testing.mail_server import MailServer
from txsmtpx.testing.network import Network
from txsmtpx.testing.outcome import Outcome
from txsmtpx.testing.recording import BackendCrash, RecordingBackend, RecordingSession
from txsmtpx.testing.script import Script
from txsmtpx.testing.scripted import HANG_UP, SILENCE, ScriptedServer
from txsmtpx.testing.thread import Here, ReactorThread
from txsmtpx.testing.transcript import Transcript

__all__ = [
    "HANG_UP",
    "SILENCE",
    "BackendCrash",
    "Conversation",
    "Here",
    "Link",
    "MailServer",
    "Network",
    "Outcome",
    "Pem",
    "ReactorThread",
    "RecordingBackend",
    "RecordingSession",
    "Script",
    "ScriptedServer",
    "Segments",
    "Transcript",
    "cut_at",
    "issue",
    "one_by_one",
    "whole",
]
