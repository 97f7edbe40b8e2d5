"""Conversations with a server in memory, at the points from which several folders of tests go on."""

from __future__ import annotations

from typing import Any

from txsmtpx import IServerObserver, OpenBackend, Session
from txsmtpx.interfaces import ISession
from txsmtpx.testing import Conversation


def greeted(backend: Any = None, **settings: Any) -> Conversation:
    """Return a conversation whose greeting has been read."""
    client = Conversation(backend, **settings)
    client.replies()
    return client


def served_by(session: ISession, **settings: Any) -> Conversation:
    """Return a conversation with a server whose every session is ``session``."""
    return Conversation(OpenBackend(lambda connection: session), **settings)


def observed(observer: IServerObserver, session: ISession | None = None, **settings: Any) -> Conversation:
    """Return a conversation that ``observer`` observes; the session accepts everything by default."""
    return served_by(session or Session(), observers=[observer], **settings)
