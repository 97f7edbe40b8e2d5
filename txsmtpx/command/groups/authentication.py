"""
AUTH (RFC 4954): who may log in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IAnonymous, IUsernameHashedPassword, IUsernamePassword
from twisted.cred.strcred import AuthOptionMixin
from twisted.python.usage import UsageError

from txsmtpx.command.group import Group
from txsmtpx.command.listener import Listener
from txsmtpx.command.option import FLAG, Action, Kind, Option, OptionError
from txsmtpx.command.portal import PortalOrAnybody
from txsmtpx.command.values import Values
from txsmtpx.grammar import asciitext
from txsmtpx.sasl.external import IClientCertificate
from txsmtpx.sasl.mechanisms import MECHANISMS
from txsmtpx.sasl.oauth_bearer import IBearerToken
from txsmtpx.sasl.scram import IScramProof


def _mechanism(text: str) -> str:
    names = [mechanism.name for mechanism in MECHANISMS]
    if asciitext.upper(text) not in names:
        raise ValueError(f"takes one of {', '.join(names)}, not {text!r}")
    return asciitext.upper(text)


OPTIONS = (
    Option(
        "auth",
        Kind("TYPE:ARGUMENT", (str,), str),
        "Who may log in, such as file:PATH, see --help-auth",
        repeated=True,
        secret=True,
    ),
    Option("require-auth", FLAG, "Take mail only after AUTH.", False),
    Option("allow-insecure-auth", FLAG, "Allow AUTH without TLS.", False),
    Option(
        "without-mechanism",
        Kind("MECHANISM", (str,), _mechanism),
        "A SASL mechanism that is neither offered nor accepted, such as LOGIN",
        repeated=True,
    ),
)


class Checkers(AuthOptionMixin, dict[str, Any]):
    """The checkers of `twisted.cred` that ``--auth`` describes, as any program with that option has them."""

    supportedInterfaces = (
        IUsernamePassword, IUsernameHashedPassword, IScramProof, IClientCertificate, IBearerToken, IAnonymous
    )  # fmt: skip

    def described_by(self, descriptions: Sequence[str]) -> list[Any]:
        """
        The checkers.

        Raises:
            OptionError: One cannot be made.
        """
        for description in descriptions:
            kind, _, argument = description.partition(":")
            if kind == "file" and not Path(argument).is_file():
                raise OptionError("auth", f"{description}: no such file")  # of which Twisted only warns
            try:
                self.opt_auth(description)  # type: ignore[no-untyped-call]  # a method of Twisted's, inherited
            except UsageError as error:
                raise OptionError("auth", f"{kind}: {error}") from error
        found: list[Any] = self.get("credCheckers", [])
        for checker in found:
            if isinstance(checker, InMemoryUsernamePasswordDatabaseDontUse):
                # strcred fills it with text; names on the wire, and in every other checker, are octets.
                checker.users = {_as_octets(name): _as_octets(word) for name, word in checker.users.items()}
        return found


def _as_octets(text: str | bytes) -> bytes:
    return text.encode("utf-8") if isinstance(text, str) else text


def _apply(values: Values, listener: Listener) -> None:
    checkers = Checkers().described_by(values["auth"])
    if values["require-auth"] and not checkers:
        raise OptionError("require-auth", "needs", "auth")
    if values["without-mechanism"] and not checkers:
        raise OptionError("without-mechanism", "needs", "auth")
    listener.settings["without_mechanisms"] = values["without-mechanism"]
    listener.settings["require_auth"] = values["require-auth"]
    listener.settings["allow_insecure_auth"] = values["allow-insecure-auth"]
    if checkers:
        listener.backend = PortalOrAnybody(listener.backend, checkers, values["require-auth"])


def _list() -> None:
    Checkers().opt_help_auth()  # type: ignore[no-untyped-call]  # likewise


def _explain(kind: str) -> None:
    Checkers().opt_help_auth_type(kind)  # type: ignore[no-untyped-call]  # likewise


AUTHENTICATION = Group(
    "Authentication",
    OPTIONS,
    _apply,
    actions=(
        Action("help-auth", "List what --auth takes and exit.", _list),
        Action("help-auth-type", "Explain one of them and exit.", _explain, "TYPE"),
    ),
)
