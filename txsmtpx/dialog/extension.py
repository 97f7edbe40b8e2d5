"""
The value that defines an extension (RFC 5321 §2.2).  It is declared once, and both ends read it.

A backend or a session names an extension of a user in ``supports``.  `txsmtpx.extensions.registry` lists the
built-in extensions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from twisted.internet.defer import Deferred

from txsmtpx.dialog.state import GREETED, State
from txsmtpx.grammar.esmtp_parameter import Parameter
from txsmtpx.grammar.options import MailOptions, Options
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import ExtensionSupport, provides
from txsmtpx.setting import shown

D = TypeVar("D")
"""The dialog that calls the functions of an extension.  It imports this file, so this file does not name it."""

Answer: TypeAlias = "Reply | Deferred[Any] | None"
"""What the function of a verb returns: a reply, None if it has answered or will, or a Deferred of either."""

Run = Callable[[D, str], Answer]
"""The function of a verb: (dialog, argument) to an answer."""


@dataclass(frozen=True)
class Verb(Generic[D]):
    """
    A command of a server.

    Attributes:
        name: The verb, in upper case.
        run: The function that answers the command.
        syntax: The text of HELP, and of the reply to a malformed command.
        states: The states in which the command is legal.
        misplaced: The reply in another state after the hello; None for the usual one of each state.
        before_tls: True if it is legal before STARTTLS although TLS is required (RFC 3207 §4).
        before_auth: True if it is legal before AUTH although authentication is required (RFC 4954 §6).
        grouped: True if its reply may wait for the replies to later commands (RFC 2920 §3.2).
        refuse: Called with (dialog, argument, reply) to reject the command.  It does more than reply, such as
            discarding the octets of a BDAT.  It returns an answer.  None: the reply is sent.
        secret: True if the argument is a secret, which no log and no transcript shows.

    Example:
        >>> XTIME = Verb("XTIME", lambda dialog, argument: Reply(250, (2, 0, 0), "noon"), "XTIME")
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
    """
    Return False: the default of `Extension.wanted`.

    Args:
        options: The parameters of MAIL or RCPT.

    Returns:
        False.
    """
    return False


@dataclass(frozen=True)
class Extension:
    """
    An extension of SMTP.  Both ends read it.

    Attributes:
        keyword: The keyword in the reply to EHLO; "" if it is not advertised.
        rfc: The document that defines it.
        announce: Takes the dialog, and returns the text behind the keyword: "" for none, None to advertise nothing now
            (server).  If there is no such function, the keyword is always advertised, alone.
        read: Takes the text behind the keyword, and returns its meaning, or raises ``ValueError`` (client).
        mail: Its parameters of MAIL.
        rcpt: Its parameters of RCPT.
        check_mail: Takes the dialog and the parameters of a MAIL that has some, and returns None or a rejection.
        verbs: Its commands.
        requires: The keywords of extensions that it requires.
        wanted: Takes the parameters of MAIL or RCPT, and returns True if the meaning of the message depends on the
            extension.  A client does not send such a message to a server that does not offer it.  Otherwise the client
            omits the parameters of an extension that is not offered.
        keep_to: Called with the result of `read` and the parameters of MAIL.  If the server would reject the message,
            it raises `txsmtpx.NotOffered` or ``ValueError``.
        within_tls: True if a client uses it only within verified TLS.
        lists: True if the text behind the keyword is a list.  If a server advertises it on several lines, a client
            joins them.
        needs_backend: True if only a backend can implement it.  Such a backend declares it in ``supports``.
        session_type: The type of sessions that do what the extension promises, such as `VerifyingSessionLike`.  They
            need not declare the extension.

    Raises:
        TypeError: A value has the wrong type.

    Example:
        >>> XTIME = Extension("XTIME", "none yet", announce=lambda dialog: "UTC")
        >>> Extension("XTIME", "none yet", announce="UTC")
        Traceback (most recent call last):
        TypeError: Extension XTIME: announce must be a function, not 'UTC'
    """

    keyword: str
    rfc: str
    announce: Callable[[Any], str | None] | None = None
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
    session_type: Callable[..., object] | None = None

    def __post_init__(self) -> None:
        for name, kind in (("mail", Parameter), ("rcpt", Parameter), ("verbs", Verb)):
            given = getattr(self, name)
            if not isinstance(given, tuple) or not all(isinstance(each, kind) for each in given):
                such = f"a tuple of {kind.__name__} objects, such as ({kind.__name__}(...),)"
                raise TypeError(f"Extension {self.keyword}: {name} must be {such}, not {shown(given)}")
        for name in ("announce", "read", "wanted"):
            given = getattr(self, name)
            if not callable(given) and (given is not None or name != "announce"):
                raise TypeError(f"Extension {self.keyword}: {name} must be a function, not {shown(given)}")
        if not isinstance(self.requires, frozenset):
            such = "a frozenset of keywords, such as frozenset({'8BITMIME'})"
            raise TypeError(f"Extension {self.keyword}: requires must be {such}, not {shown(self.requires)}")

    def __hash__(self) -> int:
        return hash(self.keyword)  # the other fields would take longer than the tables take that are found by it

    def kept_by(self, session: object) -> bool:
        """
        Return whether a session keeps the promise by its methods.

        Args:
            session: A session, or a class of sessions.

        Returns:
            True if it provides `session_type`.
        """
        return self.session_type is not None and provides(session, self.session_type)


def supported_by(subject: object) -> Collection[Extension]:
    """
    Return the extensions that a backend or a session declares (`txsmtpx.interfaces.IExtensionSupport`).

    Args:
        subject: The backend, the session, or a class of sessions.

    Returns:
        The extensions; empty if it declares none.

    Raises:
        TypeError: Its ``supports`` is anything but extensions.
    """
    if not provides(subject, ExtensionSupport):
        return ()
    supports: Collection[Extension] = subject.supports
    if supports == ():  # of nearly all sessions, which each MAIL asks
        return ()
    if not isinstance(supports, Collection) or not all(isinstance(each, Extension) for each in supports):
        name = getattr(subject, "__qualname__", type(subject).__qualname__)
        such = "a tuple of Extension objects, such as (DSN,)"
        raise TypeError(f"{name}.supports must be {such}, not {shown(supports)}")
    return supports
