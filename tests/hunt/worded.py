"""
A backend that answers as the words say which it is given (`tests.hunt.model`), and keeps nothing of a connection.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from tests.hunt.model import kind
from txsmtpx import Reply, SMTPError
from txsmtpx.errors import auth_failed
from txsmtpx.interfaces import ICredentialsBackend, ISession
from txsmtpx.testing import BackendCrash


@implementer(ICredentialsBackend)
class Worded:
    """
    See the module.

    Attributes:
        waiting: Words to Deferreds, of what is not decided.
        ended: (resets, logouts) of each session.
    """

    credential_interfaces = (IUsernamePassword,)

    def __init__(self, anonymous: str) -> None:
        self.waiting: dict[str, Deferred[None]] = {}
        self.ended: list[list[int]] = []
        self._anonymous = anonymous
        self._logins = 1000

    def come(self, word: str, value: Any = None, refusal: Any = None) -> Any:
        """What ``word`` says; now, or when it is fired."""

        def decided(_: Any = None) -> Any:
            if kind(word) == "crash":
                raise BackendCrash(word)
            if kind(word) == "no":
                raise refusal or SMTPError(550, (5, 1, 1), word)
            return value() if callable(value) else value

        if not word.startswith(("later", "never")):
            return decided()
        waiting = self.waiting[word] = Deferred()
        return waiting.addCallback(decided)

    def anonymous_login(self, connection: Any) -> Any:
        self._logins += 1
        return self.come(f"{self._anonymous}{self._logins}", self._session)

    def login(self, connection: Any, username: str, password: str) -> Any:
        return self.come(username, self._session, auth_failed())

    def authenticate(self, connection: Any, credentials: Any) -> Any:
        return self.come(credentials.username.decode(), self._session, auth_failed())

    def _session(self) -> Any:
        self.ended.append([0, 0])
        return WordedSession(self, self.ended[-1])


@implementer(ISession)
class WordedSession:
    """Its session."""

    def __init__(self, backend: Worded, ended: list[int]) -> None:
        self._backend = backend
        self._ended = ended
        self._reset = ""

    def mail(self, sender: str, options: Any) -> Any:
        word, _, self._reset = sender.partition("@")[0].split(".")
        return self._backend.come(word, Reply(250, (2, 1, 0), word))

    def rcpt(self, recipient: str, options: Any) -> Any:
        word = recipient.partition(".")[0]
        return self._backend.come(word, Reply(250, (2, 1, 5), word))

    def verify(self, argument: str) -> Any:
        return self._backend.come(argument, argument)

    async def data(self, message: Any, context: Any) -> Any:
        how, _, word = context.sender.split(".")[1].partition("-")
        if how == "read":
            await message.content()
            for recipient in context.recipients if context.connection.lmtp else ():
                delivery = recipient.partition("@")[0].partition(".")[2]
                if not delivery.startswith("none"):
                    context.start_delivery(recipient, maybeDeferred(self._backend.come, delivery, delivery))
        return await maybeDeferred(self._backend.come, word, word)

    def reset(self) -> Any:
        self._ended[0] += 1
        return self._backend.come(self._reset)

    def logout(self) -> None:
        self._ended[1] += 1
