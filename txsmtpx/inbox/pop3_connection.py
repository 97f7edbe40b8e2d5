"""
A connection of a POP3 client (RFC 1939), which reads the messages of the inbox.

Theory of operation.  `Pop3Channel` reads the commands, and this class executes them.  Messages and lists are sent
piece by piece.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import cast

from twisted.cred.credentials import UsernamePassword
from twisted.internet.interfaces import ISSLTransport, ITLSTransport
from twisted.logger import Logger

from txsmtpx.grammar.transparency import LineEnds, Stuffer
from txsmtpx.inbox.pop3_channel import Pop3Channel, Pop3Port
from txsmtpx.inbox.pop3_login import ApopCredentials
from txsmtpx.inbox.pop3_mailbox import Pop3Mailbox, Pop3Message, Pop3Refusal, number_of, opened_mailbox
from txsmtpx.inbox.pop3_top import TopOfMessage
from txsmtpx.web.cooperative_work import CooperativeWork, result_of

log = Logger(__name__)

WRONG_LOGINS = 3
"""Wrong logins, after which the connection is closed."""

PIECE = 32 * 1024
"""Octets of a message that are read at a time."""

LINES = 500
"""Lines of a list that are written at a time."""

_ANY, _BEFORE, _AFTER = (False, True), (False,), (True,)

COMMANDS = {
    b"APOP": (_BEFORE, 2, 2), b"CAPA": (_ANY, 0, 0), b"DELE": (_AFTER, 1, 1), b"LIST": (_AFTER, 0, 1),
    b"NOOP": (_AFTER, 0, 0), b"PASS": (_BEFORE, 1, 1), b"QUIT": (_ANY, 0, 0), b"RETR": (_AFTER, 1, 1),
    b"RSET": (_AFTER, 0, 0), b"STAT": (_AFTER, 0, 0), b"STLS": (_BEFORE, 0, 0), b"TOP": (_AFTER, 2, 2),
    b"UIDL": (_AFTER, 0, 1), b"USER": (_BEFORE, 1, 1),
}  # fmt: skip
"""The commands: whether the client must have logged in, and the fewest and most arguments."""


class Pop3Connection(Pop3Channel):
    """
    Execute the commands of one client.  `Pop3Factory` creates it.

    Args:
        port: What the connections share.
    """

    def __init__(self, port: Pop3Port) -> None:
        Pop3Channel.__init__(self, port)
        self.magic: bytes = b""
        self._name: bytes | None = None
        self._client = ""
        self._wrong = 0

    @property
    def _in_tls(self) -> bool:
        return ISSLTransport.providedBy(self.transport)

    @property
    def _session(self) -> Pop3Mailbox:
        assert self.mbox is not None  # as `COMMANDS` requires
        return self.mbox

    def connectionMade(self) -> None:
        """Send the greeting."""
        self._client = str(getattr(self.transport.getPeer(), "host", ""))
        Pop3Channel.connectionMade(self)
        self.magic = b"<%b@inbox>" % secrets.token_hex(16).encode("ascii")
        self.succeed(b"inbox" + (b" " + self.magic if self.port.logins.apop else b""))

    def state_COMMAND(self, line: bytes) -> None:
        """
        Execute a command.

        Args:
            line: The line without its end.
        """
        name, _, rest = line.partition(b" ")
        name = name.upper()
        arguments = [rest] if name in (b"PASS", b"USER") else rest.split()
        when, fewest, most = COMMANDS.get(name, ((), 0, 0))
        if not when or (name == b"STLS" and self.port.certificate is None):
            self.fail("the command is unknown")
        elif (self.mbox is not None) not in when:
            self.fail("log in first" if self.mbox is None else "you have logged in already")
        elif not fewest <= len(arguments) <= most:
            self.fail("the number of arguments is wrong")
        else:
            try:
                getattr(self, f"do_{name.decode()}")(*arguments)
            except Pop3Refusal as refusal:
                self.fail(str(refusal))

    def do_CAPA(self) -> None:
        """List the capabilities (RFC 2449 §6)."""
        found = [b"TOP", b"UIDL", b"RESP-CODES", b"AUTH-RESP-CODE", b"PIPELINING", b"IMPLEMENTATION txsmtpx"]
        found += [] if self.port.logins.refusal(self._client, self._in_tls) else [b"USER"]
        found += [b"STLS"] if self.port.certificate is not None and not self._in_tls else []
        self.succeed(b"the list follows\r\n" + b"\r\n".join([*found, b"."]))

    def do_NOOP(self) -> None:
        """Do nothing."""
        self.succeed(b"")

    def do_RSET(self) -> None:
        """Mark no message as deleted."""
        self._session.undelete()
        self.succeed(b"")

    def do_STLS(self) -> None:
        """
        Begin TLS (RFC 2595 §4).

        Raises:
            Pop3Refusal: The connection has TLS.
        """
        if self._in_tls:
            raise Pop3Refusal("the connection has TLS already")
        self._name = None
        self.succeed(b"begin TLS")
        # A certificate creates connections of OpenSSL, which Twisted's interface does not know.
        cast(ITLSTransport, self.transport).startTLS(self.port.certificate)  # type: ignore[arg-type]

    def do_USER(self, user: bytes) -> None:
        """
        Keep the user name for PASS.

        Args:
            user: The user name.

        Raises:
            Pop3Refusal: The client cannot log in.
        """
        refusal = self.port.logins.refusal(self._client, self._in_tls)
        if refusal:
            raise Pop3Refusal(refusal)
        self._name = user.strip(b" ")
        self.succeed(b"send PASS")

    def do_PASS(self, password: bytes) -> None:
        """
        Check the name and the password.

        Args:
            password: The password, which may have spaces.

        Raises:
            Pop3Refusal: There was no USER.
        """
        name, self._name = self._name, None
        if name is None:
            raise Pop3Refusal("send USER first")
        self.run(self._login(UsernamePassword(name, password)))

    def do_APOP(self, user: bytes, digest: bytes) -> None:
        """
        Check the name and the digest of the password.

        Args:
            user: The user name.
            digest: The digest.

        Raises:
            Pop3Refusal: The passwords are stored in a form that APOP cannot use.
        """
        if not self.port.logins.apop:
            raise Pop3Refusal("APOP cannot be checked; use USER and PASS")
        self.run(self._login(ApopCredentials(self.magic, user, digest)))

    def _login(self, credentials: UsernamePassword | ApopCredentials) -> CooperativeWork[None]:
        refusal = yield from result_of(self.port.logins.check(credentials, self._client, self._in_tls))
        if refusal:
            self._wrong += 1
            self.fail(refusal)
            if self._wrong >= WRONG_LOGINS:
                self.close()
            return
        name = credentials.username.decode("utf-8", "replace")
        self.mbox = yield from opened_mailbox(self.port.inbox.store, name)
        self.succeed(b"logged in")

    def do_STAT(self) -> None:
        """Count the messages and their octets."""
        sizes = [message.size for _, message in self._session.listed()]
        self.succeed(b"%d %d" % (len(sizes), sum(sizes)))

    def do_LIST(self, number: bytes | None = None) -> None:
        """
        List the sizes.

        Args:
            number: The number of one message; None for all.
        """
        self._list(number, lambda message: b"%d" % message.size)

    def do_UIDL(self, number: bytes | None = None) -> None:
        """
        List the unique identifiers.

        Args:
            number: The number of one message; None for all.
        """
        self._list(number, lambda message: message.identifier.encode("ascii", "replace"))

    def _list(self, number: bytes | None, shown: Callable[[Pop3Message], bytes]) -> None:
        session = self._session
        if number is not None:
            self.succeed(b"%d %b" % (number_of(number), shown(session.message(number))))
            return
        self.run(self._lines(b"%d %b\r\n" % (number, shown(message)) for number, message in session.listed()))

    def _lines(self, lines: Iterator[bytes]) -> CooperativeWork[None]:
        self.succeed(b"the list follows")
        waiting: list[bytes] = []
        for line in lines:
            waiting.append(line)
            if len(waiting) >= LINES:
                self.transport.write(b"".join(waiting))
                waiting = []
                yield None
        self.transport.write(b"".join([*waiting, b".\r\n"]))

    def do_RETR(self, number: bytes) -> None:
        """
        Send a message.

        Args:
            number: The number of the message.
        """
        self.run(self._content(self._session.message(number), None))

    def do_TOP(self, number: bytes, lines: bytes) -> None:
        """
        Send the header of a message, and some lines.

        Args:
            number: The number of the message.
            lines: The lines of the body.
        """
        self.run(self._content(self._session.message(number), TopOfMessage(number_of(lines))))

    def _content(self, message: Pop3Message, top: TopOfMessage | None) -> CooperativeWork[None]:
        line_ends, stuffer = LineEnds(), Stuffer(checked=True)
        at = 0
        while at < message.size or not at:
            piece = yield from self.port.inbox.store.piece(message.number, at, PIECE)
            if not at:
                self.succeed(b"%d octets" % message.size)
            if not piece:
                break
            at += len(piece)
            octets = line_ends.feed(piece)
            self.transport.write(stuffer.feed(octets if top is None else top.feed(octets)))
            if top is not None and top.done:
                break
            yield None
        if top is None or not top.done:
            self.transport.write(stuffer.feed(line_ends.finish()))
        self.transport.write(stuffer.finish())

    def do_DELE(self, number: bytes) -> None:
        """
        Mark a message as deleted.  QUIT deletes it.

        Args:
            number: The number of the message.
        """
        self._session.delete(number)
        self.succeed(b"QUIT deletes it")

    def do_QUIT(self) -> None:
        """Delete the messages that are marked, and close the connection."""
        deleted = [] if self.mbox is None else self.mbox.deleted
        if deleted:
            self.run(self._deletion(deleted), goes_on=True)
        else:
            self.succeed(b"bye")
            self.close()

    def _deletion(self, numbers: list[int]) -> CooperativeWork[None]:
        try:
            yield from self.port.inbox.delete(numbers)
            self.succeed(b"bye")
        except Exception:
            log.failure("pop3: cannot delete messages")
            self.fail("[SYS/TEMP] the messages are not deleted; the log has the reason")
        self.close()
