"""
SCRAM: RFC 5802, RFC 7677; with channel binding, -PLUS, RFC 9266 and RFC 5929.

A server takes whichever binding the client names that the channel has: tls-exporter in TLS 1.3, tls-server-end-point
in any.  A client takes the first of these, or the one that it is told to.
"""

from __future__ import annotations

import copy
import hmac
import secrets
from collections.abc import Callable, Collection, Mapping
from typing import Any

from twisted.cred.credentials import ICredentials
from twisted.internet.defer import Deferred
from zope.interface import Attribute, implementer

from txsmtpx.errors import NotOffered, auth_failed
from txsmtpx.interfaces import IBindable, ISASLClient, ISASLServer
from txsmtpx.sasl import scram_messages as messages
from txsmtpx.sasl.mechanism import Mechanism, computes, need, prepared
from txsmtpx.sasl.scram_verifier import HASHES, ScramVerifier, client_key, made_up, salted_password, verifier_of
from txsmtpx.settling import settle, then


class IScramProof(ICredentials):
    """
    Somebody has proved that he has the password of ``username``; there is nothing left to check but who he is.

    Only the server half of SCRAM makes these.  A checker that takes them provides
    ``scram_verifier(username: str, mechanism: str)``, which gives a `ScramVerifier`, a Deferred or a coroutine of
    one, or None for a stranger; and, where it has not all, ``scram_mechanisms``, the names (without -PLUS) that
    it has a verifier of for everybody.
    """

    username: bytes = Attribute("The name.")
    mechanism: str = Attribute("What it was proved with.")
    authorization: str = Attribute('Whom to act as, "" for oneself; whether that is allowed has been asked.')


@implementer(IScramProof)
class ScramProof:
    """See `IScramProof`."""

    def __init__(self, username: bytes, mechanism: str, authorization: str = "") -> None:
        self.username = username
        self.mechanism = mechanism
        self.authorization = authorization

    def __repr__(self) -> str:
        return f"<ScramProof {self.username!r} by {self.mechanism}>"


_SECRET = secrets.token_bytes(32)
"""For the verifiers of strangers, where the backend makes none."""


def _nonce() -> str:
    return secrets.token_urlsafe(24)


@implementer(ISASLServer)
class ScramServer:
    """
    The server half.

    Whatever is wrong, the answer is one and the same 535, and the same computations came before it.

    Args:
        name: With -PLUS, perhaps.
    """

    def __init__(self, name: str, connection: Any, backend: Any) -> None:
        self._name = name
        self._mechanism = name.removesuffix("-PLUS")
        self._backend = backend
        self._bindings = _bindings(connection)
        self._first: messages.ClientFirst | None = None
        self._proved = False

    def next(self, response: bytes | None) -> Any:
        """
        client-first-message, client-final-message, and the client's consent to our server-final-message.

        Raises:
            SMTPError: 535 5.7.8.
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
        """RFC 5802 §6: one who could bind but thinks that we cannot ("y") has been lied to, if we can."""
        if self._name.endswith("-PLUS"):
            return flag.startswith("p=") and flag[2:] in self._bindings
        return flag == "n" or (flag == "y" and not self._bindings)

    async def _look_up(self, username: str) -> ScramVerifier:
        stranger = made_up(_SECRET, username, self._mechanism)
        try:
            found = settle(self._backend.scram_verifier(username, self._mechanism))
            found = await found if isinstance(found, Deferred) else found
        except ValueError as error:  # which in an exchange means that the client is at fault
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
        ask = getattr(self._backend, "may_act_as", None)
        if not self._acting_as or ask is None:
            return not self._acting_as
        allowed = settle(ask(first.username, self._acting_as))
        return bool(await allowed if isinstance(allowed, Deferred) else allowed)

    @property
    def username(self) -> bytes:
        """Who wants to log in, so far as that is known; for the log."""
        return b"" if self._first is None else self._first.username.encode("utf-8")

    def __repr__(self) -> str:
        return f"<ScramServer {self._name} {self._first.username if self._first else ''!r}>"


def _at_once(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


def _bindings(connection: Any) -> Mapping[str, bytes]:
    return getattr(connection.tls, "bindings", {})


def _mechanism(name: str) -> Mechanism:
    return Mechanism(
        name,
        IScramProof,
        lambda connection, backend: ScramServer(name, connection, backend),
        available=lambda connection: not name.endswith("-PLUS") or bool(_bindings(connection)),
        suits=lambda backend: _suits(name.removesuffix("-PLUS"), backend),
    )


def _suits(name: str, backend: Any) -> bool:
    return name in getattr(backend, "scram_mechanisms", HASHES) and computes(HASHES[name])


NAMES = tuple(reversed(HASHES))
"""Without -PLUS, the best first."""

SCRAM: tuple[Mechanism, ...] = tuple(_mechanism(f"{name}{plus}") for plus in ("-PLUS", "") for name in NAMES)


@implementer(ISASLClient, IBindable)
class Scram:
    """
    SCRAM (RFC 5802), the client half.

    Attributes:
        name: SCRAM-SHA-1, SCRAM-SHA-256 or SCRAM-SHA-512, perhaps with -PLUS.
        finished: Whether the server has proved that it knows the password.

    Args:
        authorization: Whom to act as, "" for oneself.
        binding: With -PLUS, "tls-exporter" or "tls-server-end-point"; "" for the first of these that there is.

    Raises:
        ValueError: No such mechanism, or no name or password can be like that.
    """

    def __init__(self, name: str, username: str, password: str, authorization: str = "", binding: str = "") -> None:
        self._mechanism = name.removesuffix("-PLUS")
        if self._mechanism not in HASHES:
            raise ValueError(f"no mechanism is called {name}")
        messages.client_first("n", authorization, username, "")
        prepared(password)
        self.name = name
        self.finished = False
        self._username = username
        self._authorization = authorization
        self._password = password.encode("utf-8")
        self.secrets = (password,)
        self._wanted = binding
        self._bindings: Mapping[str, bytes] = {}
        self._offered: Collection[str] = ()
        self._compute: Callable[..., Any] = _at_once

    def bind(self, bindings: Mapping[str, bytes], offered: Collection[str]) -> None:
        """See `IBindable`."""
        self._bindings = bindings
        self._offered = offered

    def fresh(self) -> Scram:
        """Return a copy, for one exchange."""
        return copy.copy(self)

    def compute_by(self, in_thread: Callable[..., Deferred[Any]]) -> None:
        """See `ISASLClient`."""
        self._compute = in_thread

    def start(self) -> bytes:
        """
        client-first-message (RFC 5802 §5).

        Raises:
            NotOffered: The channel cannot be bound, or not by what is wanted; or this system lacks the hash.
        """
        need(self.name, HASHES[self._mechanism])
        self.finished = False
        self._flag = self._gs2_flag()
        self._nonce = _nonce()
        self._signature: bytes | None = None
        self._header, self._bare = messages.client_first(self._flag, self._authorization, self._username, self._nonce)
        return (self._header + self._bare).encode("utf-8")

    def _gs2_flag(self) -> str:
        if not self.name.endswith("-PLUS"):  # §6: to say "y" tells the server if somebody has hidden its -PLUS from us
            return "y" if self._bindings and f"{self.name}-PLUS" not in self._offered else "n"
        name = self._wanted or next(iter(self._bindings), "")
        if name not in self._bindings:
            text = f"{self.name}: the connection has no channel binding {name}".rstrip(" ")
            raise NotOffered(text, command="AUTH")
        return f"p={name}"

    def next(self, challenge: bytes) -> Any:
        """
        client-final-message, and then nothing, once the server has proved that it knows us, or says that it does not.

        Returns:
            ``bytes``; a Deferred of the former, if `compute_by` has been called.

        Raises:
            ValueError: It has not, or it asks for too many iterations or too few.
        """
        text = challenge.decode("utf-8")
        if text.startswith("e="):  # RFC 5802 §7: the login has failed, and the reply to nothing says why (RFC 4954 §4)
            return b""
        if self._signature is None:
            return self._prove(text)
        if not hmac.compare_digest(messages.read_server_final(text), self._signature):
            raise ValueError("the server does not know the password")
        self.finished = True
        return b""

    def _prove(self, said: str) -> Any:
        nonce, salt, iterations = messages.read_server_first(said)
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise ValueError("the nonce is not ours, or ours alone")
        return then(
            self._compute(salted_password, self._mechanism, self._password, salt, iterations),
            lambda salted: self._proved(said, nonce, salted, salt, iterations),
        )

    def _proved(self, said: str, nonce: str, salted: bytes, salt: bytes, iterations: int) -> bytes:
        verifier = verifier_of(self._mechanism, salted, salt, iterations)
        bare = messages.client_final(messages.bound(self._header, self._flag, self._bindings), nonce)
        message = ",".join([self._bare, said, bare]).encode("utf-8")
        self._signature = messages.server_signature(self._mechanism, verifier, message)
        key = client_key(self._mechanism, salted)
        return messages.proved(bare, messages.client_proof(self._mechanism, key, verifier, message)).encode("utf-8")

    def __repr__(self) -> str:
        return f"<Scram {self.name} {self._username!r}>"
