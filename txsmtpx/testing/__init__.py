"""
What our tests, and our users' tests, are written with.

L{Conversation} is a client that types: an L{txsmtpx.SMTPServer} on a transport in memory, its time a L{Clock}.
L{RecordingBackend} remembers what it was asked and answers what it was told to.  L{Transcript} is a dialog in
a file, with the exact replies (L{txsmtpx.testing.transcript}).
"""

from txsmtpx.testing.conversation import Conversation, Segments, cut_at, one_by_one, whole
from txsmtpx.testing.recording import BackendCrash, RecordingBackend, RecordingSession
from txsmtpx.testing.transcript import Transcript

__all__ = [
    "BackendCrash",
    "Conversation",
    "RecordingBackend",
    "RecordingSession",
    "Segments",
    "Transcript",
    "cut_at",
    "one_by_one",
    "whole",
]
