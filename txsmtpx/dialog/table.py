"""
A set of extensions, compiled: for each gate and state a dict from verb to function.

Whether a command is legal costs one look-up; a verb that is out of place is in the dict with its 503.
HELP and the page on states in the documentation are printed from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from txsmtpx.dialog.extension import Extension, Run, Verb, supported_by
from txsmtpx.dialog.state import Gate, State
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply

MISPLACED = {
    State.READY: replies.MAIL_FIRST_503,
    State.MAIL: replies.RCPT_FIRST_503,
    State.RCPT: replies.NOT_IN_TRANSACTION_503,
    State.CHUNK: replies.CHUNKS_BEGUN_503,
}
"""What is answered to a command that does not belong in a state after EHLO or LHLO (RFC 5321 §4.1.4)."""

_HELLOS = ("HELO", "EHLO", "LHLO")
"""Those of the other protocol, SMTP or LMTP, are rejected, but understood."""


class Table:
    """
    The legal commands of each state, and the replies to all others.

    Args:
        extensions: The extensions that are offered, in the order of EHLO.
        known: Other extensions.  Their commands are answered 502, not 500.

    Attributes:
        extensions: The extensions that are offered.
        keywords: Their keywords.
        verbs: Their commands, by name.
        grouped: The names of the commands whose replies may wait for others.
        secret: The names of the commands with a secret argument.
        mail: The parameters of MAIL, by keyword.
        mail_checks: The checks of a MAIL that has parameters.
        rcpt: The parameters of RCPT, by keyword.
        by_state: For each gate and state the function of each command, by name.

    Raises:
        ValueError: An extension lacks what it requires, or two have the same name.
    """

    def __init__(self, extensions: Sequence[Extension], known: Iterable[Extension] = ()) -> None:
        keywords = frozenset(extension.keyword for extension in extensions)
        self.keywords: frozenset[str] = keywords
        for extension in extensions:
            if missing := extension.requires - keywords:
                raise ValueError(f"{extension.keyword} requires {', '.join(sorted(missing))}")
        self.extensions: tuple[Extension, ...] = tuple(extensions)
        self.verbs: dict[str, Any] = _by_name((verb.name, verb) for extension in extensions for verb in extension.verbs)
        self.grouped: frozenset[str] = frozenset(name for name, verb in self.verbs.items() if verb.grouped)
        self.secret: frozenset[str] = frozenset(name for name, verb in self.verbs.items() if verb.secret)
        self.mail: dict[str, Any] = _by_name((each.keyword, each) for one in extensions for each in one.mail)
        self.rcpt: dict[str, Any] = _by_name((each.keyword, each) for one in extensions for each in one.rcpt)
        absent = {verb.name: verb for extension in known for verb in extension.verbs if verb.name not in self.verbs}
        self._names = frozenset({*self.verbs, *absent, *_HELLOS})
        refused = {name: _refusal(verb, replies.NOT_OFFERED_502) for name, verb in absent.items()}
        checks = tuple(each.check_mail for each in extensions if each.check_mail is not None)
        self.mail_checks: tuple[Callable[..., Reply | None], ...] = checks
        hello_first = replies.LHLO_FIRST_503 if "LHLO" in self.verbs else replies.EHLO_FIRST_503
        self.by_state: dict[Gate, dict[State, dict[str, Run[Any]]]] = {
            gate: {
                state: refused | {name: _entry(verb, gate, state, hello_first) for name, verb in self.verbs.items()}
                for state in State
            }
            for gate in Gate
        }

    def knows(self, verb: str) -> bool:
        """
        Look up a word.

        Args:
            verb: The word, in upper case.

        Returns:
            True if it is a command, be it one that this server does not offer.
        """
        return verb in self._names

    def hides(self, verb: str) -> bool:
        """
        Look up a command.

        Args:
            verb: The word, in upper case.

        Returns:
            True if its argument is a secret (`Verb.secret`).
        """
        return verb in self.secret


class Tables:
    """
    The table of a server, and those of sessions that support more extensions than the backend declares.

    Args:
        extensions: As those of `Table`.
        known: As those of `Table`.

    Attributes:
        usual: The table before a client has a session.
    """

    def __init__(self, extensions: Sequence[Extension], known: Iterable[Extension] = ()) -> None:
        self._known = tuple(known)
        self._by_method = tuple(each for each in self._known if each.session_type is not None)
        self.usual: Table = Table(extensions, self._known)
        self._more: dict[frozenset[str], Table] = {}

    def supporting(self, session: object) -> Table:
        """
        Return the table of a session.

        Args:
            session: The backend's session.

        Returns:
            A table with the extensions that the session supports besides; `usual` if there are none.
        """
        supports = supported_by(session)
        for each in self._by_method:
            if each.kept_by(session):
                supports = (*supports, each)
        if not supports:
            return self.usual
        more = {each.keyword: each for each in supports if each.keyword not in self.usual.keywords}
        if not more:
            return self.usual
        key = frozenset(more)
        if key not in self._more:
            self._more[key] = Table([*self.usual.extensions, *more.values()], self._known)
        return self._more[key]


def _by_name(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"two extensions claim {name}")
        found[name] = value
    return found


def _entry(verb: Verb[Any], gate: Gate, state: State, hello_first: Reply) -> Run[Any]:
    if gate is Gate.TLS and not verb.before_tls:
        return _refusal(verb, replies.TLS_FIRST_530)
    if state not in verb.states:
        return _refusal(verb, hello_first if state is State.START else verb.misplaced or MISPLACED[state])
    if gate is Gate.AUTH and not verb.before_auth:
        return _refusal(verb, replies.AUTH_FIRST_530)
    return verb.run


def _refusal(verb: Verb[Any], reply: Reply) -> Run[Any]:
    refuse = verb.refuse
    if refuse is None:
        return lambda dialog, argument: reply

    def run(dialog: Any, argument: str) -> Any:
        return refuse(dialog, argument, reply)

    return run
