"""The types of the fixtures of pytest, for annotations of tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol

from txsmtpx.interfaces import BackendLike, Clock, Endpoint
from txsmtpx.testing.blocking import BlockingClient
from txsmtpx.testing.certificate import Pem
from txsmtpx.testing.keywords import ClientKeywords, ScriptKeywords
from txsmtpx.testing.mail_server import MailServer
from txsmtpx.testing.script import Script
from txsmtpx.testing.thread import Here, ReactorThread
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.server_settings import BasicServerKeywords

if TYPE_CHECKING:
    from typing import Unpack

    from twisted.internet.defer import Deferred


class MailServerOptions(BasicServerKeywords, total=False):
    """The options of ``make_smtp_server``, and of the markers, but the backend."""

    tls: Literal["starttls", "implicit"] | None
    users: dict[str, str] | None
    require_auth: bool | None
    certificate: Pem | None
    where: ReactorThread | Here | None


class MarkedOptions(MailServerOptions, total=False):
    """The options of the markers ``smtp_server`` and ``lmtp_server``."""

    backend: BackendLike | Callable[[Clock], BackendLike] | None


class MakeServer(Protocol):
    """
    The type of the fixtures ``make_smtp_server`` and ``smtp_server_factory``.

    Example:
        >>> def test_two_servers(make_smtp_server: MakeServer) -> None:
        ...     assert make_smtp_server().port != make_smtp_server(lmtp=True).port
    """

    def __call__(
        self,
        backend: BackendLike | Callable[[Clock], BackendLike] | None = None,
        **options: Unpack[MailServerOptions],
    ) -> MailServer:
        """
        Start a server.

        Args:
            backend: See `txsmtpx.testing.MailServer`.
            options: See `txsmtpx.testing.MailServer`.

        Returns:
            The server.
        """


class Connect(Protocol):
    """
    The type of the fixture ``smtp_client`` in a test that blocks.

    Example:
        >>> def test_a_client(smtp_client: Connect, smtp_server: MailServer) -> None:
        ...     assert smtp_client(smtp_server).noop().code == 250
    """

    def __call__(self, to: MailServer | Script | Endpoint, **settings: Unpack[ClientKeywords]) -> BlockingClient:
        """
        Connect a client.

        Args:
            to: The server, the server with prepared replies, or an endpoint.
            settings: See `txsmtpx.connect`.

        Returns:
            The client.
        """


class ConnectDeferred(Protocol):
    """
    The type of the fixture ``smtp_client`` in a test that pytest-twisted runs.

    Example:
        >>> async def test_a_client(smtp_client: ConnectDeferred, smtp_server: MailServer) -> None:
        ...     client = await smtp_client(smtp_server)
        ...     assert (await client.noop()).code == 250
    """

    def __call__(self, to: MailServer | Script | Endpoint, **settings: Unpack[ClientKeywords]) -> Deferred[SMTPClient]:
        """
        Connect a client.

        Args:
            to: The server, the server with prepared replies, or an endpoint.
            settings: See `txsmtpx.connect`.

        Returns:
            A Deferred of the client.
        """


class MakeScript(Protocol):
    """
    The type of the fixture ``scripted_server``.

    Example:
        >>> def test_a_refusal(scripted_server: MakeScript) -> None:
        ...     server = scripted_server(RCPT="550 5.1.1 No such user")
    """

    def __call__(self, **script: Unpack[ScriptKeywords]) -> Script:
        """
        Start a server with prepared replies.

        Args:
            script: See `txsmtpx.testing.ScriptedServer`.

        Returns:
            The server.
        """
