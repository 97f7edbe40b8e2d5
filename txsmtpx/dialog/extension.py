"""
What an extension is (RFC 5321 §2.2): a value, declared once, read by both ends.

To add one: a file with an `Extension` in it, given to ``SMTPServerFactory(extensions=...)``; those in the box
are listed in `txsmtpx.extensions.registry`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from twisted.internet.defer import Deferred

from txsmtpx.dialog.state import GREETED, State
from txsmtpx.grammar.options import MailOptions, Options, Parameter
from txsmtpx.grammar.reply import Reply

D = TypeVar("D")
"""The dialog that calls the functions of an extension.  It imports this file, so this file does not name it."""

Answer: TypeAlias = "Reply | Deferred[Any] | None"
"""What the function of a verb returns: a reply, None if it has answered or will, or a Deferred of either."""

Run = Callable[[D, str], Answer]
"""The function of a verb: (dialog, argument) to an answer."""


@dataclass(frozen=True)
class Verb(Generic[D]):
    """
    One command.

    Attributes:
        states: Where it is legal.
        misplaced: The answer elsewhere after the hello, None for the usual one of each state.
        before_tls: Legal before STARTTLS where TLS is required (RFC 3207 §4).
        before_auth: Legal before AUTH where that is required (RFC 4954 §6).
        grouped: Whether its reply may wait for those to the commands behind it (RFC 2920 §3.2).
        refuse: How a refusal is carried out where a reply is not enough: (dialog, argument, reply).
        secret: Whether the argument is a secret: no log and no transcript shows it.
    """

    name: str
    run: Run[D]
    syntax: str
    states: frozenset[State] = GREETED
    misplaced: Reply | None = None
    before_tls: bool = False
    before_auth: bool = False
    grouped: bool = False
    refuse: Callable[[D, str, Reply], Answer] | None = None
    secret: bool = False


def never(options: Options) -> bool:
    """What `Extension.wanted` is where nothing asks for it in earnest."""
    return False


def _always(dialog: object) -> str | None:
    return ""


@dataclass(frozen=True)
class Extension:
    """
    One extension.

    Attributes:
        keyword: As in the answer to EHLO; "" for what is not announced.
        rfc: Where it is defined.
        announce: What stands behind the keyword, "" for nothing, None for not now (server).
        read: What stands behind the keyword to what it means; raises ``ValueError`` (client).
        mail: Its parameters of MAIL.
        rcpt: Its parameters of RCPT.
        check_mail: What else must be true of a MAIL with parameters: (dialog, options) to None or a refusal.
        verbs: Its commands.
        requires: Keywords of extensions that it makes no sense without.
        wanted: Whether options of MAIL or RCPT ask for it in earnest: without it the message would be another, so
            a client whose server does not offer it must not send.  What is not wanted in earnest is left away.
        keep_to: What else a client must keep to where it is offered: (what `read` gave, options of MAIL); raises
            `txsmtpx.NotOffered` or ``ValueError``.
        within_tls: Whether a client believes that it is offered only within TLS that is verified.
        lists: Whether a list stands behind the keyword; if a server announces it on several lines, a client takes
            them together.
        needs_backend: Whether it is a promise that only a backend can keep, which must declare it in ``supports``.
        session_method: The optional method of a session that keeps the promise.  A session that has the method need
            not declare the extension.
    """

    keyword: str
    rfc: str
    announce: Callable[[Any], str | None] = _always
    read: Callable[[str], Any] = str
    mail: tuple[Parameter, ...] = ()
    rcpt: tuple[Parameter, ...] = ()
    check_mail: Callable[[Any, MailOptions], Reply | None] | None = None
    verbs: tuple[Verb[Any], ...] = ()
    requires: frozenset[str] = frozenset()
    wanted: Callable[[Options], bool] = never
    keep_to: Callable[[Any, MailOptions], object] | None = None
    within_tls: bool = False
    lists: bool = False
    needs_backend: bool = False
    session_method: str = ""

    def kept_by(self, session: object) -> bool:
        """Whether ``session``, or a class of sessions, has the method ``session_method``."""
        return bool(self.session_method) and getattr(session, self.session_method, None) is not None
