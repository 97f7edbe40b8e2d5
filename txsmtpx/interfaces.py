"""
What the user of this library provides, and what it hands to him.

Wherever a method "gives" something, it may return it, or return a Deferred or a coroutine of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.plugin import IPlugin
from zope.interface import Attribute, Interface


class IBackend(Interface):
    """
    Who gets a session.  Adapters: `txsmtpx.LoginBackend`, `txsmtpx.OpenBackend`, `txsmtpx.PortalBackend`.

    One that has ``one_process = True`` keeps in memory what must not be in several processes: ``twistd smtpx
    --workers`` refuses it.
    """

    def login(connection: Any, username: str, password: str) -> Any:
        """
        Give the `ISession` of a user who came by AUTH (RFC 4954).

        Args:
            connection: A `txsmtpx.dialog.connection.Connection`.

        Raises:
            SMTPError: `txsmtpx.errors.auth_failed` for wrong credentials.
        """

    def anonymous_login(connection: Any) -> Any:
        """
        Give an `ISession` to a peer that sends MAIL without AUTH.

        Raises:
            SMTPError: `txsmtpx.errors.auth_required` when nobody gets in that way.
        """


class ICredentialsBackend(IBackend):
    """
    A backend that takes credentials of `twisted.cred`, and so decides which mechanisms are offered.  Those that the
    library does not know it has in ``mechanisms``, each a `txsmtpx.sasl.mechanism.Mechanism`.

    It may have ``may_act_as(username: str, authorization: str)``, which gives whether someone who has logged in is
    taken for someone else (RFC 4616), nobody being without it; and what SCRAM asks for, see
    `txsmtpx.sasl.scram.IScramProof`.
    """

    credential_interfaces: Sequence[Any] = Attribute(
        "The credential interfaces `authenticate` takes; a mechanism that gives others is not offered."
    )

    def authenticate(connection: Any, credentials: Any) -> Any:
        """
        Give the `ISession` for ``credentials``.

        Raises:
            UnauthorizedLogin: They are wrong (`twisted.cred.error`); 535 5.7.8 to the peer.
        """


class ISession(Interface):
    """
    One peer's mail, one transaction at a time.  `txsmtpx.Session` says yes to all of it.

    It may be an `IVerifyingSession` and an `IExpandingSession` too.

    ``mail``, ``rcpt`` and ``data`` give None, a `txsmtpx.Reply` (one's own words), or raise `txsmtpx.SMTPError`.  The
    reply is one of 2xx, 4xx or 5xx.  After 421 the server closes the connection (RFC 5321 §3.8).  Anything else, such
    as 3xx or 221, is answered 451, and the log names the method and what it gave.
    """

    def mail(sender: str, options: Any) -> Any:
        """
        MAIL (RFC 5321 §4.1.1.2).

        Args:
            sender: The address, "" for the null path.
            options: A `txsmtpx.grammar.options.MailOptions`.
        """

    def rcpt(recipient: str, options: Any) -> Any:
        """
        RCPT (RFC 5321 §4.1.1.3).

        Args:
            options: A `txsmtpx.grammar.options.RcptOptions`.
        """

    def data(message: Any, context: Any) -> Any:
        """
        DATA, or the first BDAT: the message begins to come.

        Args:
            message: An `IMessage`.
            context: An `IDataContext`.
        """

    def reset() -> Any:
        """The transaction is over: done, given up by RSET or EHLO, or lost with its connection."""

    def logout() -> Any:
        """The session is over; called once, after ``reset`` where a transaction was open."""


class IVerifyingSession(ISession):
    """
    A session that answers VRFY (RFC 5321 §3.5), which EHLO then lists.

    Before a peer has a session the backend speaks for it, by ``supports``; see `txsmtpx.OpenBackend`.
    """

    def verify(argument: str) -> Any:
        """
        VRFY.

        Args:
            argument: What stands behind the verb: a user name or an address.

        Returns:
            None for 252, a ``str`` or several of them for 250, or a `txsmtpx.Reply`.
        """


class IExpandingSession(ISession):
    """A session that answers EXPN (RFC 5321 §3.5), which EHLO then lists; see `IVerifyingSession`."""

    def expand(argument: str) -> Any:
        """
        EXPN.

        Args:
            argument: The name of a list.

        Returns:
            None for 502, a ``str`` or several of them for 250, or a `txsmtpx.Reply`.
        """


class IMessage(Interface):
    """A message as it comes.  Whoever reads slowly slows the peer; it has one reader, by one of the three ways."""

    received: int = Attribute("Octets that have come so far.")

    def content(limit: int | None = None) -> Deferred[bytes]:
        """
        All of it, when it has come.

        Args:
            limit: Octets; None for the server's ``max_message_bytes``, or 64 MiB where that is unlimited.

        Raises:
            SMTPError: 552 5.3.4, it is longer; whatever ended the message early, otherwise.
        """

    def __aiter__() -> AsyncIterator[bytes]:
        """Chunks, each ``bytes``: the first hundred as they come; later ones have at least 4 KiB, but for the last."""

    def deliver_to(consumer: IConsumer) -> Deferred[None]:
        """Write it all to ``consumer``, which may pause it; fires at the end."""


class IDataContext(Interface):
    """The envelope, and one outcome for each recipient (RFC 2033 §4.2)."""

    sender: str = Attribute("The address of MAIL, \"\" for the null path.")
    recipients: Sequence[str] = Attribute("The addresses accepted, in RCPT order; the same may be there twice.")
    options: Any = Attribute("The `txsmtpx.grammar.options.MailOptions`.")
    recipient_options: Sequence[Any] = Attribute("A `txsmtpx.grammar.options.RcptOptions` for each recipient.")
    queue_id: str = Attribute("What this transaction is called in replies and logs.")
    connection: Any = Attribute("The `txsmtpx.dialog.connection.Connection`.")

    def start_delivery(recipient: str | int, deferred: Any = None, timeout: float | None = None) -> None:
        """
        The outcome for ``recipient`` will come: from ``deferred``, or by `set_status`.

        A success is 250; a `txsmtpx.Reply` or ``str`` its words; `txsmtpx.SMTPError` its answer; any other
        failure 451 4.3.0.

        Args:
            recipient: The address; or its position in ``recipients``, from 0 on.
            deferred: A Deferred or coroutine, which is cancelled when it is late or the peer has gone.
            timeout: Seconds from now, then "420 4.4.7 <recipient> Error: timeout reached".

        Raises:
            ValueError: No such recipient, each delivery to it has begun already, or ``timeout`` is no number of
                seconds from 0 on; then the recipient stays as it was.
        """

    def set_status(recipient: str | int, status: Any = None) -> bool:
        """
        The outcome for ``recipient``: None, a ``str``, `txsmtpx.Reply`, `txsmtpx.SMTPError` or Failure.

        May be called from any thread; never blocks.

        Args:
            recipient: The address, of which the first that has no outcome yet is meant; or its position.

        Returns:
            Whether it counted; False when it came late or second.

        Raises:
            ValueError: No such recipient.
        """

    def note(**facts: Any) -> None:
        """
        What you have to say of this message for the log, such as where it was stored: by name, ``str`` or numbers.

        It becomes part of the line that sums the transaction up where a `txsmtpx.TransactionLog` watches the server,
        and is a line by itself otherwise.
        """

    def received(when: float | None = None) -> bytes:
        """The Received header of this message (RFC 5321 §4.4), for ``when``, seconds since the epoch, or now."""


class IServerObserver(Interface):
    """
    Watches a server: it is told what happens, when it has happened, and changes nothing.

    Its methods are called in the reactor's thread and must not block; what they raise is logged.  `txsmtpx.Observer`
    has them all, and what is not overridden there costs nothing.
    """

    def connected(connection: Any) -> None:
        """
        A client has connected; behind ``haproxy:``, the PROXY header has come.  Inside ``tls:`` it has no TLS yet,
        unless the PROXY header came inside TLS.

        Args:
            connection: A `txsmtpx.Connection`.
        """

    def secured(connection: Any) -> None:
        """TLS stands, from the first octet or by STARTTLS: ``connection.tls`` says which."""

    def commanded(connection: Any, verb: str) -> None:
        """
        A command has come.

        Args:
            verb: Its name in upper case, "" for one that is none of the server's.
        """

    def replied(connection: Any, reply: Any) -> None:
        """
        A reply was given, the greeting among them.

        Args:
            reply: A `txsmtpx.Reply`.
        """

    def concluded(summary: Any) -> None:
        """
        A transaction is over; each that MAIL has opened is told once.

        Args:
            summary: A `txsmtpx.Summary`.
        """

    def disconnected(connection: Any, reason: Any) -> None:
        """
        The connection is gone, which was ``connected``.

        Args:
            reason: A `twisted.python.failure.Failure`.
        """


class IFilter(Interface):
    """
    Looks at one message while it comes, for `txsmtpx.FilterBackend`.  `txsmtpx.Filter` has nothing against any.

    A verdict is None, to go on; `txsmtpx.Accept`, which may add header fields; or a `txsmtpx.Reply`, which the client
    is told: a no refuses the message, a yes throws it away.  ``header`` and ``end`` may raise `txsmtpx.SMTPError` too.
    """

    def header(header: Any) -> Any:
        """
        The header has come; called first.

        Args:
            header: A `txsmtpx.Header`.

        Returns:
            A verdict.
        """

    def chunk(octets: bytes) -> Any:
        """
        The next octets of the message, the header among them.

        Returns:
            None; or a Deferred or coroutine, until which nothing more is read.
        """

    def end(size: int) -> Any:
        """
        That was all.

        Args:
            size: Octets of the message.

        Returns:
            A verdict, which adds header fields only where the message is held.
        """

    def close() -> Any:
        """Called once, at last, whatever became of the message."""


class ISASLServer(Interface):
    """
    The server's side of one exchange (RFC 4422 §3).

    Where it has an attribute ``refusal``, ``bytes``, that is the challenge which comes before the answer to
    credentials that the backend refuses (RFC 7628 §3.2.2).  Where it has an attribute ``username``, ``bytes``, the log
    names that user if the login is refused before there are credentials.
    """

    def next(response: bytes | None) -> Any:
        """
        Args:
            response: What the client said, None where it has said nothing yet.

        Returns:
            ``bytes``, the next challenge, or credentials (`twisted.cred.credentials.ICredentials`); or a Deferred
            or a coroutine of either.

        Raises:
            ValueError: The response is malformed.
            SMTPError: It is wrong, which counts as a failed login.
        """


class ISASLClient(Interface):
    """
    The client's side of one exchange (RFC 4422 §3).

    One whose server must prove something too has an attribute ``finished``, a ``bool``: a 235 before it is true is not
    believed.

    It may have an attribute ``secrets``, a tuple of ``str``: what is hidden where the server quotes it.  Without one,
    all that it sends is.  One with a state has a method ``fresh``, which returns a copy for one exchange, since
    connections may share it.  One that computes for long has ``compute_by``, which is given a function that calls one
    in a thread.
    """

    name: str = Attribute("The mechanism.")

    def start() -> bytes | None:
        """The initial response, None where the server speaks first."""

    def next(challenge: bytes) -> Any:
        """
        Returns:
            ``bytes``; or a Deferred or a coroutine of them, which is cancelled if the connection is lost.

        Raises:
            ValueError: The challenge is malformed, or the server is not who it says.
        """


class IBindable(Interface):
    """An `ISASLClient` that can bind its exchange to the channel that it runs over (RFC 5056)."""

    def bind(bindings: Mapping[str, bytes], offered: Collection[str]) -> None:
        """
        Called before each exchange.

        Args:
            bindings: Names to octets, the best first; empty without TLS.
            offered: The mechanisms that the server offers.
        """


class IBackendPlugin(IPlugin):
    """A backend that ``twistd smtpx --backend NAME:ARGUMENT`` finds by name."""

    name: str = Attribute("The name.")
    description: str = Attribute("One line for --help-backends.")
    syntax: str = Attribute('As typed: "maildir:PATH".')

    def create(argument: str | None) -> Any:
        """
        Make an `IBackend`.

        Args:
            argument: What stands behind the colon, None without one.

        Raises:
            ValueError: It is not usable; the text is shown to the operator.
        """
