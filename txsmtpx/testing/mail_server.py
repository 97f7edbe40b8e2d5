"""
A mail server for the tests of programs that send mail: on a port of the loopback interface, with its mail in memory.

It runs in a thread of its own, so that ``smtplib`` and other blocking clients can connect; or on the caller's reactor.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Unpack, cast

from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort, IReactorTime, IStreamServerEndpoint
from twisted.internet.task import Clock as MemoryClock

from txsmtpx.arguments import checked
from txsmtpx.backends.memory import MemoryBackend
from txsmtpx.backends.received import Received
from txsmtpx.interfaces import BackendLike, Clock, provides
from txsmtpx.logins.portal import BackendRealm, PortalBackend
from txsmtpx.settling import deferred_call
from txsmtpx.testing.certificate import NoCertificate, Pem, issue
from txsmtpx.testing.framework_settings import (
    DjangoMailer,
    FlaskSettings,
    SMTPOptions,
    django_mailers,
    django_settings,
    flask_settings,
    smtp_options,
)
from txsmtpx.testing.layer import OwnClock
from txsmtpx.testing.message_store import KeepsMessages, arrival
from txsmtpx.testing.thread import PATIENCE, Here, ReactorThread
from txsmtpx.wire.factory import SMTPServerFactory
from txsmtpx.wire.implicit_tls import ImplicitTLSEndpoint
from txsmtpx.wire.server_certificate import Certificate
from txsmtpx.wire.server_settings import BasicServerKeywords, ServerTLS

LAST_WORDS = 1.0
"""Seconds after which open transactions are aborted at the end."""

NOT_STARTED = "the server has not been started, or was stopped: use it in a with statement, or call start()"

class _TrialClock(MemoryClock):
    """A clock for a factory that makes no connections.  It has threads, so that the global reactor is not asked."""

    def callFromThread(self, function: Callable[..., object], *args: object) -> None:
        raise NotImplementedError


class MailServer:
    """
    A mail server, from `start` to `stop`; a context manager.

    Args:
        backend: The backend; or a class or function that is called with the reactor and returns the backend.  None: a
            `MemoryBackend`.
        tls: "starttls" offers STARTTLS.  "implicit" uses TLS from the first octet on.  None: no TLS.
        users: The passwords by user name.  With some, mail is accepted from them only.
        require_auth: True accepts mail only after a login.  None: True with ``users``, otherwise False.
        certificate: The certificate.  None: a new one.
        where: The thread in which it runs, or the reactor.  None: a thread of its own.
        settings: The other arguments of `txsmtpx.SMTPServerFactory`, such as ``lmtp`` and ``max_message_bytes``.

    Attributes:
        host: The address: 127.0.0.1.
        port: The port; 0 before `start`.
        lmtp: True for LMTP.
        tls: As in the arguments.
        users: The passwords by user name.
        certificate: The certificate; None without TLS.
        factory: The `txsmtpx.SMTPServerFactory`, from `start` on.

    Raises:
        TypeError: An argument is unknown or has the wrong type.
        ValueError: A value cannot be used.

    Example:
        ::

            with MailServer(tls="starttls") as server:
                send_newsletter(port=server.port, ca_file=server.certificate.certificate)
                assert server.messages[0].sender == "news@example.org"
    """

    host = "127.0.0.1"

    @checked
    def __init__(
        self,
        backend: BackendLike | Callable[[Clock], BackendLike] | None = None,
        *,
        tls: Literal["starttls", "implicit"] | None = None,
        users: Mapping[str, str] | None = None,
        require_auth: bool | None = None,
        certificate: Pem | None = None,
        where: ReactorThread | Here | None = None,
        **settings: Unpack[BasicServerKeywords],
    ) -> None:
        if certificate is not None and tls is None:
            raise ValueError("MailServer: certificate has no effect without tls")
        if require_auth and not users and backend is None:
            raise ValueError("MailServer: require_auth needs users, such as users={'me': 'secret'}")
        self.port: int = 0
        self.tls = tls
        self.users: dict[str, str] = dict(users or {})
        self.lmtp: bool = settings.get("lmtp", False)
        self.certificate = certificate
        self._backend = MemoryBackend(None, None) if backend is None else backend
        self._own = where is None
        self._where = where
        self._require_auth = bool(users) if require_auth is None else require_auth
        self._settings = settings
        self._listening: IListeningPort | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        # Settings that cannot be used are refused here, and not when it starts.
        self._factory(MemoryBackend(), _TrialClock(), NoCertificate() if tls == "starttls" else None)

    @property
    def backend(self) -> BackendLike:
        """
        The backend.

        Raises:
            RuntimeError: The backend is made by a function, and the server has not been started.
        """
        if _is_function(self._backend):
            raise RuntimeError("the server has no backend before it is started")
        return cast(BackendLike, self._backend)

    @property
    def messages(self) -> list[Received]:
        """
        The messages, the oldest first; see `MemoryBackend.messages`.

        Raises:
            TypeError: The backend keeps no messages.
        """
        return list(self._store.messages)

    @property
    def _store(self) -> KeepsMessages:
        if not provides(self.backend, KeepsMessages):
            raise TypeError(f"MailServer: the backend {type(self.backend).__name__} keeps no messages as MemoryBackend")
        return self.backend

    @property
    def endpoint(self) -> str:
        """The endpoint as a string, for clients of this library."""
        return f"{'tls' if self.tls == 'implicit' else 'tcp'}:{self.host}:{self.port}"

    def django_settings(self) -> dict[str, object]:
        """
        Return the settings with which a Django project sends its mail to this server.

        Use them as ``override_settings(**server.django_settings())``.  With TLS, make the process trust the server:
        set the environment variable ``SSL_CERT_FILE`` to ``server.certificate.certificate``.

        Returns:
            The settings of the installed Django.  From 6.1 on, `django_mailers` as ``MAILERS``; before, ``EMAIL_HOST``
            and the other ``EMAIL_`` settings.

        Raises:
            ImportError: Django is not installed.
            RuntimeError: The server has not been started.
        """
        return django_settings(self._options())

    def django_mailers(self) -> dict[str, DjangoMailer]:
        """
        Return the value of ``MAILERS``, a setting of Django 6.1 and later.

        Use it as ``override_settings(MAILERS=server.django_mailers())``.

        Returns:
            The mailer ``default``, and the same for each other alias in the project's own ``MAILERS``.

        Raises:
            ImportError: Django is not installed.
            RuntimeError: The server has not been started.
        """
        return django_mailers(self._options())

    def flask_settings(self) -> FlaskSettings:
        """
        Return the settings with which Flask-Mail sends the mail of an application to this server.

        Use them as ``app.config.update(server.flask_settings())``, before ``Mail(app)`` or ``mail.init_app(app)``.

        Returns:
            The settings.  ``MAIL_SUPPRESS_SEND`` is False, since with ``TESTING`` Flask-Mail sends nothing by default.
        """
        return flask_settings(self._options())

    def _options(self) -> SMTPOptions:
        if not self.port:
            raise RuntimeError(NOT_STARTED)
        return smtp_options(self.host, self.port, self.users, self.tls)

    @property
    def keeps_messages(self) -> bool:
        """True if the backend keeps messages, as `MemoryBackend` does."""
        return provides(self.backend, KeepsMessages)

    def clear(self) -> None:
        """
        Delete the messages.

        Raises:
            TypeError: The backend keeps no messages.
        """
        self.place.call(self._store.clear)

    @checked
    def wait_for(self, count: int = 1, patience: float = 10.0) -> list[Received]:
        """
        Wait for messages, for programs that send in the background.

        A coroutine calls it in another thread, as by ``asyncio.to_thread``.

        Args:
            count: The number of messages.
            patience: The seconds to wait.

        Returns:
            `messages`.

        Raises:
            TimeoutError: There are fewer messages in time.
            RuntimeError: It has not been started; or it would block the caller's reactor: use `when_received`.
        """
        if isinstance(self.place, Here):
            raise RuntimeError("wait_for would block the reactor of the server: await when_received instead")
        return self.place.call(self.when_received, count, patience, patience=patience + PATIENCE)

    @checked
    def when_received(self, count: int = 1, patience: float = 10.0) -> Deferred[list[Received]]:
        """
        Return a Deferred of messages.  It is called on the reactor of the server.

        Args:
            count: The number of messages.
            patience: The seconds after which the Deferred fails.

        Returns:
            A Deferred of `messages`.  It fails with `TimeoutError` if there are fewer messages in time.
        """
        return arrival(self._store, count, patience, self.place.reactor)

    @property
    def place(self) -> ReactorThread | Here:
        """
        The thread in which it runs, or the reactor.

        Raises:
            RuntimeError: It has not been started.
        """
        if self._where is None:
            raise RuntimeError(NOT_STARTED)
        return self._where

    def start(self) -> MailServer:
        """
        Listen.  A server that listens already is left as it is.

        Returns:
            The server itself.
        """
        if self._listening is not None:
            return self
        if self._where is None:
            self._where = ReactorThread()
        self.place.call(self._start)
        return self

    def _start(self) -> Deferred[None]:
        reactor = self.place.reactor
        if _is_function(self._backend):
            self._backend = cast(Callable[[Clock], BackendLike], self._backend)(reactor)
        tls = self._issued() if self.tls == "starttls" else None
        self.factory: SMTPServerFactory = self._factory(self.backend, reactor, tls)
        endpoint: IStreamServerEndpoint = TCP4ServerEndpoint(reactor, 0, interface=self.host)
        if self.tls == "implicit":
            endpoint = ImplicitTLSEndpoint(endpoint, self._issued(), cast(IReactorTime, reactor))
        return endpoint.listen(OwnClock(self.factory, reactor)).addCallback(self._listens)

    def _factory(self, backend: BackendLike, reactor: Clock, tls: ServerTLS | None) -> SMTPServerFactory:
        settings: BasicServerKeywords = {"allow_insecure_auth": self.tls is None, **self._settings}
        if self.users:
            backend = self._with_logins(backend)
        return SMTPServerFactory(backend, tls=tls, require_auth=self._require_auth, reactor=reactor, **settings)

    def _with_logins(self, backend: BackendLike) -> PortalBackend:
        passwords = InMemoryUsernamePasswordDatabaseDontUse()
        for username, password in self.users.items():
            passwords.addUser(username.encode(), password.encode())
        others = [] if self._require_auth else [AllowAnonymousAccess()]
        return PortalBackend(Portal(BackendRealm(backend), [passwords, *others]))

    def _issued(self) -> Certificate:
        if self.certificate is None:
            self._directory = tempfile.TemporaryDirectory(prefix="txsmtpx-")
            self.certificate = issue(Path(self._directory.name))
        return Certificate(str(self.certificate.certificate), str(self.certificate.key))

    def _listens(self, listening: IListeningPort) -> None:
        self._listening = listening
        self.port = cast(IPv4Address, listening.getHost()).port

    def stop(self) -> Deferred[None] | None:
        """
        Stop listening, and close the connections.

        Returns:
            On the caller's reactor a Deferred that fires when it has stopped; otherwise None.
        """
        stopped: Deferred[None] | None = self.place.call(lambda: Deferred.fromCoroutine(self._stop()))
        if self._own:
            self.place.stop()
            self._where = None
        return stopped

    async def _stop(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            await deferred_call(listening.stopListening)
            await self.factory.drain(LAST_WORDS)
        directory, self._directory = self._directory, None
        if directory is not None:
            directory.cleanup()
            self.certificate = None

    def __enter__(self) -> MailServer:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()


def _is_function(backend: object) -> bool:
    """Return whether this is a function of the reactor that returns a backend, such as a class."""
    return isinstance(backend, type) or not provides(backend, BackendLike)
