"""
SCRAM (RFC 5802, RFC 7677); with channel binding, -PLUS (RFC 9266, RFC 5929).

A server accepts each binding of the connection that the client names: tls-exporter in TLS 1.3, tls-server-end-point in
each version.  A client uses the first of these, or the one that the caller asks for.
"""

from __future__ import annotations

import copy
import hmac
import secrets
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import cast

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txsmtpx.arguments import checked
from txsmtpx.errors import NotOffered, auth_failed
from txsmtpx.interfaces import (
    ActingAsBackend,
    Connection,
    IBindable,
    InThread,
    ISASLClient,
    ISASLServer,
    ScramBackend,
    ScramMechanisms,
    provides,
)
from txsmtpx.sasl import scram_messages as messages
from txsmtpx.sasl.mechanism import Mechanism, computes, need, prepared
from txsmtpx.sasl.scram_proof import IScramProof, ScramProof
from txsmtpx.sasl.scram_verifier import HASHES, ScramVerifier, client_key, made_up, salted_password, verifier_of
from txsmtpx.settling import Eventual, settle, then

_SECRET = secrets.token_bytes(32)
"""For the verifiers of unknown users, if the backend makes none."""


def _nonce() -> str:
    return secrets.token_urlsafe(24)


@implementer(ISASLServer)
class ScramServer:
    """
    The server's half.

    Each failure has the same reply, a 535, after the same computations.

    Args:
        name: The name of the mechanism, with or without -PLUS.
        connection: The connection.
        backend: The backend, a `ScramBackend`, which may be an `ActingAsBackend` too.
    """

    def __init__(self, name: str, connection: Connection, backend: object) -> None:
        self._name = name
        self._mechanism = name.removesuffix("-PLUS")
        self._backend = backend
        self._bindings = _bindings(connection)
        self._first: messages.ClientFirst | None = None
        self._proved = False

    def next(self, response: bytes | None) -> bytes | ScramProof | Coroutine[Deferred[object], object, bytes]:
        """
        Handle the client-first-message, the client-final-message, and the empty response to the server-final-message.

        Args:
            response: The message; None if the client has sent none yet.

        Returns:
            Three challenges, of which the first may be empty, then the credentials.

        Raises:
            SMTPError: The login has failed: 535 5.7.8.
        """
        if response is None:
            return b""
        try:
            text = response.decode("utf-8")
            if self._first is None:
                self._first = messages.read_client_first(text)
                return self._begin(self._first)
            if not self._proved:
                return self._check(self._first, messages.read_client_final(text))
        except ValueError:
            raise auth_failed() from None
        if response:
            raise auth_failed()
        return ScramProof(self._first.username.encode("utf-8"), self._name, self._acting_as)

    async def _begin(self, first: messages.ClientFirst) -> bytes:
        self._verifier = await self._look_up(first.username)
        if not self._admits(first.flag):
            raise auth_failed()
        self._nonce = first.nonce + _nonce()
        self._said = messages.server_first(self._nonce, self._verifier)
        return self._said.encode("utf-8")

    def _admits(self, flag: str) -> bool:
        """
        Return whether a flag is acceptable (RFC 5802 §6).

        "y" means that the client has seen no -PLUS.  If the connection has a binding, someone has hidden the offer.

        Returns:
            True if it is.
        """
        if self._name.endswith("-PLUS"):
            return flag.startswith("p=") and flag[2:] in self._bindings
        return flag == "n" or (flag == "y" and not self._bindings)

    async def _look_up(self, username: str) -> ScramVerifier:
        stranger = made_up(_SECRET, username, self._mechanism)
        try:
            looked_up = cast(ScramBackend[ScramVerifier], self._backend).scram_verifier(username, self._mechanism)
            settled = settle(looked_up)
            found = await settled if isinstance(settled, Deferred) else settled
        except ValueError as error:  # a ValueError of an exchange is a fault of the client
            raise RuntimeError("scram_verifier failed") from error
        return found or stranger

    async def _check(self, first: messages.ClientFirst, final: messages.ClientFinal) -> bytes:
        message = ",".join([first.bare, self._said, final.bare]).encode("utf-8")
        right = messages.proves(self._mechanism, final.proof, self._verifier, message)
        here = messages.bound(first.header, first.flag, self._bindings)
        right &= hmac.compare_digest(final.binding, here)
        right &= hmac.compare_digest(final.nonce, self._nonce)
        if not right or not await self._may_act_as(first):
            raise auth_failed()
        self._proved = True
        signature = messages.server_signature(self._mechanism, self._verifier, message)
        return messages.server_final(signature).encode("utf-8")

    async def _may_act_as(self, first: messages.ClientFirst) -> bool:
        self._acting_as = "" if first.authorization == first.username else first.authorization
        if not self._acting_as:
            return True
        if not provides(self._backend, ActingAsBackend):
            return False
        allowed = settle(self._backend.may_act_as(first.username, self._acting_as))
        return bool(await allowed if isinstance(allowed, Deferred) else allowed)

    @property
    def username(self) -> bytes:
        """The user name, for the log; ``b""`` before it is known."""
        return b"" if self._first is None else self._first.username.encode("utf-8")

    def __repr__(self) -> str:
        return f"<ScramServer {self._name} {self._first.username if self._first else ''!r}>"


def _at_once(function: Callable[..., bytes], *arguments: object) -> bytes:
    return function(*arguments)


def _bindings(connection: Connection) -> Mapping[str, bytes]:
    return {} if connection.tls is None else connection.tls.bindings


def _mechanism(name: str) -> Mechanism:
    return Mechanism(
        name,
        IScramProof,
        lambda connection, backend: ScramServer(name, connection, backend),
        available=lambda connection: not name.endswith("-PLUS") or bool(_bindings(connection)),
        suits=lambda backend: _suits(name.removesuffix("-PLUS"), backend),
    )


def _suits(name: str, backend: object) -> bool:
    available = backend.scram_mechanisms if provides(backend, ScramMechanisms) else HASHES
    return name in available and computes(HASHES[name])


NAMES = tuple(reversed(HASHES))
"""The mechanisms without -PLUS, the best first."""

SCRAM: tuple[Mechanism, ...] = tuple(_mechanism(f"{name}{plus}") for plus in ("-PLUS", "") for name in NAMES)


@implementer(ISASLClient, IBindable)
class Scram:
    """
    SCRAM (RFC 5802), the client's half.

    Attributes:
        name: The name of the mechanism.
        finished: True if the server has proved that it has a verifier of the password.

    Args:
        name: SCRAM-SHA-1, SCRAM-SHA-256 or SCRAM-SHA-512, with or without -PLUS.
        username: The user name.
        password: The password.
        authorization: The user to act as; "" for the same.
        binding: With -PLUS, "tls-exporter" or "tls-server-end-point"; "" for the first one that the connection has.

    Raises:
        ValueError: There is no such mechanism, or SASLprep prohibits a name or the password.

    Example:
        A login that must be bound to the TLS channel::

            await connect("tcp:mail.example.org:587", auth=Scram("SCRAM-SHA-256-PLUS", "user", "secret"))
    """

    @checked
    def __init__(self, name: str, username: str, password: str, authorization: str = "", binding: str = "") -> None:
        self._mechanism = name.removesuffix("-PLUS")
        if self._mechanism not in HASHES:
            raise ValueError(f"no mechanism is called {name}")
        messages.client_first("n", authorization, username, "")
        prepared(password)
        self.name = name
        self.finished: bool = False
        self._username = username
        self._authorization = authorization
        self._password = password.encode("utf-8")
        self.secrets: tuple[str, ...] = (password,)
        self._wanted = binding
        self._bindings: Mapping[str, bytes] = {}
        self._offered: Collection[str] = ()
        self._compute: Callable[..., Eventual[bytes]] = _at_once

    def bind(self, bindings: Mapping[str, bytes], offered: Collection[str]) -> None:
        """
        Set the channel bindings.  See `IBindable.bind`.

        Args:
            bindings: The octets by name, the best first; empty without TLS.
            offered: The mechanisms that the server advertises.
        """
        self._bindings = bindings
        self._offered = offered

    def fresh(self) -> Scram:
        """
        Return a copy for one exchange.

        Returns:
            The copy.
        """
        return copy.copy(self)

    def compute_by(self, in_thread: InThread) -> None:
        """
        Set the function that computes in a thread.  See `IComputingClient.compute_by`.

        Args:
            in_thread: It calls a function in a thread.
        """
        self._compute = in_thread

    def start(self) -> bytes:
        """
        Return the client-first-message (RFC 5802 §5).

        Returns:
            The message.

        Raises:
            NotOffered: The connection does not have the requested channel binding, or the system does not have the
                hash.
        """
        need(self.name, HASHES[self._mechanism])
        self.finished = False
        self._flag = self._gs2_flag()
        self._nonce = _nonce()
        self._signature: bytes | None = None
        self._header, self._bare = messages.client_first(self._flag, self._authorization, self._username, self._nonce)
        return (self._header + self._bare).encode("utf-8")

    def _gs2_flag(self) -> str:
        if not self.name.endswith("-PLUS"):  # §6: "y" tells the server if someone has hidden its -PLUS
            return "y" if self._bindings and f"{self.name}-PLUS" not in self._offered else "n"
        name = self._wanted or next(iter(self._bindings), "")
        if name not in self._bindings:
            text = f"{self.name}: the connection has no channel binding {name}".rstrip(" ")
            raise NotOffered(text, command="AUTH")
        return f"p={name}"

    def next(self, challenge: bytes) -> bytes | Deferred[bytes]:
        """
        Return the client-final-message, then the empty response to the server-final-message.

        Args:
            challenge: The message of the server.

        Returns:
            The response.  The client-final-message is a Deferred if `compute_by` has been called.

        Raises:
            ValueError: The server has no verifier of the password, or requires too few or too many iterations.
        """
        text = challenge.decode("utf-8")
        if text.startswith("e="):  # RFC 5802 §7: the login has failed; the reply to an empty response says why
            return b""
        if self._signature is None:
            return self._prove(text)
        if not hmac.compare_digest(messages.read_server_final(text), self._signature):
            raise ValueError("the server does not know the password")
        self.finished = True
        return b""

    def _prove(self, server_first: str) -> bytes | Deferred[bytes]:
        nonce, salt, iterations = messages.read_server_first(server_first)
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise ValueError("the server's nonce does not extend the client's")
        return then(
            self._compute(salted_password, self._mechanism, self._password, salt, iterations),
            lambda salted: self._proved(server_first, nonce, salted, salt, iterations),
        )

    def _proved(self, server_first: str, nonce: str, salted: bytes, salt: bytes, iterations: int) -> bytes:
        verifier = verifier_of(self._mechanism, salted, salt, iterations)
        bare = messages.client_final(messages.bound(self._header, self._flag, self._bindings), nonce)
        message = ",".join([self._bare, server_first, bare]).encode("utf-8")
        self._signature = messages.server_signature(self._mechanism, verifier, message)
        key = client_key(self._mechanism, salted)
        return messages.proved(bare, messages.client_proof(self._mechanism, key, verifier, message)).encode("utf-8")

    def __repr__(self) -> str:
        return f"<Scram {self.name} {self._username!r}>"
