"""The two sides of a SASL exchange (RFC 4422 §3)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from txsmtpx.settling import Eventual

InThread = Callable[..., Deferred[Any]]
"""A function that calls another in a thread, such as `twisted.internet.threads.deferToThread`."""


class ISASLServer(Interface):
    """
    The server's side of one exchange.

    Example:
        A mechanism whose only response is a token::

            class TokenServer:
                def next(self, response: bytes | None) -> bytes | Token:
                    return b"" if response is None else Token(response)
    """

    def next(response: bytes | None) -> Eventual[object]:
        """
        Handle a response of the client.

        Args:
            response: The response; None if the client has sent none yet.

        Returns:
            The next challenge, `bytes`; or the credentials (`twisted.cred.credentials.ICredentials`).

        Raises:
            ValueError: The response is malformed.
            SMTPError: The response is wrong; this counts as a failed login.
        """


class SASLServerLike(Protocol):
    """The type of `ISASLServer`, for type checkers without a plugin for zope.interface."""

    def next(self, response: bytes | None) -> Eventual[object]:
        """
        Handle a response of the client.  See `ISASLServer.next`.

        Args:
            response: The response; None if the client has sent none yet.

        Returns:
            The next challenge, or the credentials.
        """


class IRefusalChallenge(Interface):
    """Optional, for an `ISASLServer`: a challenge before the reply to wrong credentials (RFC 7628 §3.2.2)."""

    refusal: bytes = Attribute("The challenge.")


class RefusalChallenge(Protocol):
    """The type of `IRefusalChallenge`."""

    @property
    def refusal(self) -> bytes:
        """The challenge."""


class IDelayedFailures(Interface):
    """Optional, for an `ISASLServer` that asks a program which delays its rejections itself."""

    failure_delayed: bool = Attribute("True if the rejection was delayed.  The server then adds no delay.")


class DelayedFailures(Protocol):
    """The type of `IDelayedFailures`."""

    @property
    def failure_delayed(self) -> bool:
        """True if the rejection was delayed."""


class IUsername(Interface):
    """Optional, for an `ISASLServer` that knows the user name before there are credentials; the log then names it."""

    username: bytes = Attribute('The user name; ``b""`` before it is known.')


class Username(Protocol):
    """The type of `IUsername`."""

    @property
    def username(self) -> bytes:
        """The user name."""


class IAuthorization(Interface):
    """Optional, for credentials by which a user may act as another (RFC 4616)."""

    authorization: str = Attribute("The other user, who is the user of the connection then; ``\"\"`` for none.")


class Authorization(Protocol):
    """The type of `IAuthorization`."""

    @property
    def authorization(self) -> str:
        """The other user."""


class ISASLClient(Interface):
    """
    The client's side of one exchange.

    `IMutualClient`, `ISecretsClient`, `IFreshClient`, `IComputingClient` and `IBindable` are optional.

    Example:
        A mechanism that sends a token as its initial response::

            class TokenClient:
                name = "X-TOKEN"

                def start(self) -> bytes:
                    return b"the token"

                def next(self, challenge: bytes) -> bytes:
                    raise ValueError("X-TOKEN has no challenge")
    """

    name: str = Attribute("The name of the mechanism.")

    def start() -> bytes | None:
        """
        Return the initial response.

        Returns:
            The octets; None if the server sends first.
        """

    def next(challenge: bytes) -> Eventual[bytes]:
        """
        Return the response to a challenge.

        Args:
            challenge: The challenge.

        Returns:
            The octets.  If the connection is lost, a Deferred of them is cancelled.

        Raises:
            ValueError: The challenge is malformed, or the server has not proved its identity.
        """


class SASLClientLike(Protocol):
    """The type of `ISASLClient`, for type checkers without a plugin for zope.interface."""

    @property
    def name(self) -> str:
        """The name of the mechanism."""

    def start(self) -> bytes | None:
        """
        Return the initial response.

        Returns:
            The octets; None if the server sends first.
        """

    def next(self, challenge: bytes) -> Eventual[bytes]:
        """
        Return the response to a challenge.  See `ISASLClient.next`.

        Args:
            challenge: The challenge.

        Returns:
            The octets.
        """


class IMutualClient(Interface):
    """Optional, for an `ISASLClient` whose server must prove its identity too."""

    finished: bool = Attribute("True after the proof.  A 235 before it is a failure.")


class MutualClient(Protocol):
    """The type of `IMutualClient`."""

    @property
    def finished(self) -> bool:
        """True after the proof."""


class ISecretsClient(Interface):
    """Optional, for an `ISASLClient`: what is hidden in replies that quote it.  Otherwise every response is hidden."""

    secrets: Sequence[str] = Attribute("The secrets, such as the password.")


class SecretsClient(Protocol):
    """The type of `ISecretsClient`."""

    @property
    def secrets(self) -> Sequence[str]:
        """The secrets."""


class IFreshClient(Interface):
    """Optional, for an `ISASLClient` with a state, since several connections may share one."""

    def fresh() -> ISASLClient:
        """
        Return a copy for one exchange.

        Returns:
            The copy.
        """


class FreshClient(Protocol):
    """The type of `IFreshClient`."""

    def fresh(self) -> SASLClientLike:
        """
        Return a copy for one exchange.

        Returns:
            The copy.
        """


class IComputingClient(Interface):
    """Optional, for an `ISASLClient` with a long computation."""

    def compute_by(in_thread: InThread) -> None:
        """
        Set the function that computes in a thread.  It is called before each exchange.

        Args:
            in_thread: It calls a function in a thread.
        """


class ComputingClient(Protocol):
    """The type of `IComputingClient`."""

    def compute_by(self, in_thread: InThread) -> None:
        """
        Set the function that computes in a thread.

        Args:
            in_thread: It calls a function in a thread.
        """


class IBindable(Interface):
    """
    Optional, for an `ISASLClient` that can bind its exchange to the TLS channel (RFC 5056).

    Example:
        The built-in client of SCRAM provides it, and sends a -PLUS mechanism if the server advertises one::

            login = Scram("SCRAM-SHA-256", "me", "secret")
            await send_mail("tls:mx.example.org:465", sender, recipients, body, auth=login)
    """

    def bind(bindings: Mapping[str, bytes], offered: Collection[str]) -> None:
        """
        Set the channel bindings.  It is called before each exchange.

        Args:
            bindings: The octets by name, the best first; empty without TLS.
            offered: The mechanisms that the server advertises.
        """


class Bindable(Protocol):
    """The type of `IBindable`."""

    def bind(self, bindings: Mapping[str, bytes], offered: Collection[str]) -> None:
        """
        Set the channel bindings.

        Args:
            bindings: The octets by name, the best first; empty without TLS.
            offered: The mechanisms that the server advertises.
        """
