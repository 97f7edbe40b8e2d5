"""
A mail server for the tests of a program that sends mail: on a port of the loopback interface, what it gets in memory.

It runs in a thread of its own, so that ``smtplib`` and whatever else blocks may talk to it; or on a reactor of yours.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint

from txsmtpx.backends.memory import MemoryBackend, Received
from txsmtpx.interfaces import IBackend
from txsmtpx.logins.portal import BackendRealm, PortalBackend
from txsmtpx.testing.certificate import Pem, issue
from txsmtpx.testing.layer import OwnClock
from txsmtpx.testing.thread import PATIENCE, Here, ReactorThread
from txsmtpx.wire.factory import SMTPServerFactory
from txsmtpx.wire.implicit_tls import ImplicitTLSEndpoint
from txsmtpx.wire.server_certificate import Certificate

LAST_WORDS = 1.0
"""Seconds that an open transaction is given at the end."""

_DJANGO_BACKEND = "django.core.mail.backends.smtp.EmailBackend"

_DJANGO_NAMES = {
    "host": "EMAIL_HOST",
    "port": "EMAIL_PORT",
    "username": "EMAIL_HOST_USER",
    "password": "EMAIL_HOST_PASSWORD",
    "use_tls": "EMAIL_USE_TLS",
    "use_ssl": "EMAIL_USE_SSL",
}
"""The options of Django's SMTP backend, and the settings that Django before 6.1 takes them from."""


class MailServer:
    """
    A server, from `start` to `stop`; a context manager.

    Attributes:
        host: Where it listens: 127.0.0.1.
        port: The port that it got, 0 before `start`.
        backend: What takes the mail: a `MemoryBackend`, unless it was given another.
        lmtp: Whether it speaks LMTP.
        tls: None, "starttls" or "implicit".
        users: Names to passwords.
        certificate: What it shows, a `Pem`; None without TLS.
        factory: The `SMTPServerFactory`.

    Args:
        backend: An `IBackend`, or a function of the reactor that makes one.
        tls: "starttls" on the plain port, or "implicit", from the first octet on.
        users: Names to passwords; with some, mail is taken from nobody else.
        require_auth: False, and with ``users`` it is taken from others too.
        certificate: None for one of its own.
        where: The thread to run in, or the reactor; None for a thread of its own.
        settings: Of `SMTPServerFactory`, such as ``lmtp``, ``max_message_bytes`` and ``extensions``.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        backend: Any = None,
        *,
        tls: Literal["starttls", "implicit"] | None = None,
        users: Mapping[str, str] | None = None,
        require_auth: bool = True,
        certificate: Pem | None = None,
        where: ReactorThread | Here | None = None,
        **settings: Any,
    ) -> None:
        self.port = 0
        self.tls = tls
        self.users = dict(users or {})
        self.lmtp = bool(settings.get("lmtp", False))
        self.certificate = certificate
        self.backend: Any = MemoryBackend(None, None) if backend is None else backend
        self._own = where is None
        self._where = where
        self._require_auth = require_auth and bool(users)
        self._settings = settings
        self._listening: Any = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    @property
    def messages(self) -> list[Received]:
        """What it has got, the oldest first; see `MemoryBackend.messages`."""
        return list(self.backend.messages)

    @property
    def endpoint(self) -> str:
        """The endpoint string, for clients of this library."""
        return f"{'tls' if self.tls == 'implicit' else 'tcp'}:{self.host}:{self.port}"

    def django_settings(self) -> dict[str, Any]:
        """
        Return the settings with which a Django project sends its mail to this server:
        ``override_settings(**server.django_settings())``.

        Django 6.1 and later gets ``MAILERS``, an earlier one ``EMAIL_HOST`` and the other ``EMAIL_`` settings.  With
        TLS, have the process trust the server: set ``SSL_CERT_FILE`` to ``server.certificate.certificate``.

        Returns:
            Names to values, for the version of Django that is installed.

        Raises:
            ImportError: Django is not installed.
        """
        import django  # type: ignore[import-untyped]

        if django.VERSION >= (6, 1):
            return {"MAILERS": self.django_mailers()}
        options = self._django_options()
        return {"EMAIL_BACKEND": _DJANGO_BACKEND} | {_DJANGO_NAMES[name]: value for name, value in options.items()}

    def django_mailers(self) -> dict[str, Any]:
        """
        Return the same as the value of ``MAILERS``, which Django has from version 6.1 on:
        ``override_settings(MAILERS=server.django_mailers())``.

        Returns:
            One mailer, called ``default``.
        """
        return {"default": {"BACKEND": _DJANGO_BACKEND, "OPTIONS": self._django_options()}}

    def _django_options(self) -> dict[str, Any]:
        """Return the options of Django's SMTP backend."""
        username, password = next(iter(self.users.items()), ("", ""))
        return {
            "host": self.host,
            "port": self.port,
            "username": username,
            "password": password,
            "use_tls": self.tls == "starttls",
            "use_ssl": self.tls == "implicit",
        }

    def clear(self) -> None:
        """Forget what it has got."""
        self.place.call(self.backend.clear)

    def wait_for(self, count: int = 1, patience: float = 10.0) -> Any:
        """
        Wait until it has got so many messages: for programs that send in the background.

        Args:
            patience: Seconds.

        Returns:
            `messages`; where it runs on a reactor of yours, a Deferred of them.

        Raises:
            TimeoutError: It has got less.
        """
        return self.place.call(self._arrived, count, patience, patience=patience + PATIENCE)

    def _arrived(self, count: int, patience: float) -> Deferred[list[Received]]:
        def look(*change: Any) -> None:
            if len(self.backend.messages) >= count and not arrived.called:
                arrived.callback(None)

        def over(result: Any) -> Any:
            self.backend.unsubscribe(look)
            return result

        def too_late(result: Any, seconds: float) -> Any:
            raise TimeoutError(f"{len(self.messages)} of {count} messages in {seconds} seconds")

        arrived: Deferred[None] = Deferred()
        self.backend.subscribe(look)
        look()
        arrived.addTimeout(patience, self.place.reactor, too_late)
        return arrived.addBoth(over).addCallback(lambda _: self.messages)

    @property
    def place(self) -> Any:
        """
        Where it runs: its ``reactor``, and ``call``, which calls a function there.

        Raises:
            RuntimeError: It has not been started.
        """
        if self._where is None:
            raise RuntimeError("the server has not been started")
        return self._where

    def start(self) -> MailServer:
        """Listen."""
        if self._where is None:
            self._where = ReactorThread()
        self.place.call(self._start)
        return self

    def _start(self) -> Deferred[None]:
        reactor = self.place.reactor
        if not IBackend.providedBy(self.backend):
            self.backend = self.backend(reactor)
        backend = self.backend
        if self.users:
            backend = self._with_logins(backend)
        settings = {"allow_insecure_auth": self.tls is None, "reactor": reactor, **self._settings}
        if self.tls == "starttls":
            settings["tls"] = self._shown()
        self.factory = SMTPServerFactory(backend, require_auth=self._require_auth, **settings)
        endpoint: Any = TCP4ServerEndpoint(reactor, 0, interface=self.host)
        if self.tls == "implicit":
            endpoint = ImplicitTLSEndpoint(endpoint, self._shown(), reactor)
        listening: Deferred[Any] = endpoint.listen(OwnClock(self.factory, reactor))
        return listening.addCallback(self._listens)

    def _with_logins(self, backend: Any) -> PortalBackend:
        passwords: Any = InMemoryUsernamePasswordDatabaseDontUse()
        for username, password in self.users.items():
            passwords.addUser(username.encode(), password.encode())
        others = [] if self._require_auth else [AllowAnonymousAccess()]
        return PortalBackend(Portal(BackendRealm(backend), [passwords, *others]))

    def _shown(self) -> Certificate:
        if self.certificate is None:
            self._directory = tempfile.TemporaryDirectory(prefix="txsmtpx-")
            self.certificate = issue(Path(self._directory.name))
        return Certificate(str(self.certificate.certificate), str(self.certificate.key))

    def _listens(self, listening: Any) -> None:
        self._listening = listening
        self.port = listening.getHost().port

    def stop(self) -> Any:
        """
        Listen no more, and end the connections.

        Returns:
            Where it runs on a reactor of yours, a Deferred that fires when all is over.
        """
        stopped = self.place.call(lambda: Deferred.fromCoroutine(self._stop()))
        if self._own:
            self.place.stop()
            self._where = None
        return stopped

    async def _stop(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.stopListening()
            await self.factory.drain(LAST_WORDS)
        directory, self._directory = self._directory, None
        if directory is not None:
            directory.cleanup()
            self.certificate = None

    def __enter__(self) -> MailServer:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()
