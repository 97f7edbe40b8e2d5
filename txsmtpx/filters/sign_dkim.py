"""A filter that signs messages (DKIM, RFC 6376)."""

from __future__ import annotations

import os

from txsmtpx.grammar.transparency import LineEnds
from txsmtpx.interfaces import Accept, Connection, DataContext, InsertHeader, InThread, Verdict
from txsmtpx.middleware.filter import Filter
from txsmtpx.wire.dkim_key import DKIMKeys
from txsmtpx.wire.dkim_signer import DKIMSigner, MessageHash

_NAME = b"DKIM-Signature:"


class SignDKIM:
    """
    A maker of filters for `txsmtpx.FilterBackend`, which sign messages.  It needs the extra ``txsmtpx[dkim]``.

    Only messages of users that have logged in are signed, unless ``everyone`` is True: a server that signs what anyone
    sends gives away the name of its domains.

    The filter should be the last one, since a later change of the message breaks the signature.  The message is held
    until it is signed.

    Args:
        directory: The directory with the keys, each in a file ``SELECTOR._domainkey.DOMAIN.pem``.
        everyone: True to sign the messages of clients that have not logged in as well.
        in_thread: It calls a function in a thread.  None: `twisted.internet.threads.deferToThread`.

    Attributes:
        holds: True, since the signature stands before the message.
        keys: The keys.
        path: The directory.

    Raises:
        ImportError: dkimpy is not installed.
        OSError: The directory or a file cannot be read.
        ValueError: There is no key, or one cannot be used.

    Example:
        ::

            backend = FilterBackend(RelayBackend(["tcp:mail.example.org:25"]), SignDKIM("/etc/dkim"))
    """

    holds = True

    def __init__(
        self, directory: str | os.PathLike[str], *, everyone: bool = False, in_thread: InThread | None = None
    ) -> None:
        self.path: str = os.fspath(directory)
        self.keys = DKIMKeys(directory)
        self.signer = DKIMSigner(self.keys, in_thread)
        self.everyone = everyone

    def __call__(self, connection: Connection) -> DKIMFilter:
        """Return the filter for a connection."""
        return DKIMFilter(connection, self)

    def reload(self) -> None:
        """
        Read the keys again; SIGHUP does so.

        Raises:
            OSError: The directory or a file cannot be read.
            ValueError: There is no key, or one cannot be used.
        """
        self.keys.reload()


class DKIMFilter(Filter):
    """
    Sign the messages of a connection.  `SignDKIM` creates it.

    Args:
        connection: The connection.
        maker: The keys.
    """

    def __init__(self, connection: Connection, maker: SignDKIM) -> None:
        super().__init__(connection)
        self._maker = maker
        self._read: MessageHash | None = None
        self._line_ends: LineEnds | None = None

    def data(self, context: DataContext) -> Verdict:
        """
        Begin to read a message, if it is signed.

        Args:
            context: The envelope.

        Returns:
            None.
        """
        signs = self._maker.everyone or context.connection.username is not None
        self._read = MessageHash() if signs else None
        # Whoever sends the message on makes its line ends CRLF, but for BINARYMIME (RFC 6376 §5.3, RFC 3030 §3).
        self._line_ends = None if context.options.body == "BINARYMIME" else LineEnds()
        return None

    def chunk(self, octets: bytes) -> None:
        """
        Read octets of the message.

        Args:
            octets: The octets.
        """
        if self._read is not None:
            self._read.feed(octets if self._line_ends is None else self._line_ends.feed(octets))

    async def end(self, size: int) -> Verdict:
        """
        Sign the message.

        Args:
            size: The octets of the message.

        Returns:
            The signatures, before the message.
        """
        read, self._read = self._read, None
        if read is None:
            return None
        if self._line_ends is not None:
            read.feed(self._line_ends.finish())
        fields = await self._maker.signer.fields_in_thread(read)
        changes = [InsertHeader(0, "DKIM-Signature", each.removeprefix(_NAME).removesuffix(b"\r\n")) for each in fields]
        return Accept(changes=changes[::-1])

    def reset(self) -> None:
        """Forget the message."""
        self._read = None
