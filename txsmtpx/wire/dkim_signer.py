"""
Signatures of messages (DKIM, RFC 6376): `DKIMSigner`.

Theory of operation.  A signature stands before the message, and has the hash of the body.  So the body is read first,
and its hash is computed meanwhile; of the body itself, only its last empty lines are looked at ("simple").  The package
dkimpy signs the header ("relaxed").  Fields that a reader sees are signed once more than they are there, so that an
added field breaks the signature (RFC 6376 §8.15).
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from importlib.util import find_spec
from typing import BinaryIO, NamedTuple, TypeVar, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.internet.threads import deferToThread

from txsmtpx.content import serialization
from txsmtpx.dialog.client_body import ClientBody
from txsmtpx.dialog.source import source
from txsmtpx.dialog.transfer import PIECE
from txsmtpx.grammar.options import MailOptions
from txsmtpx.grammar.transparency import LineEnds
from txsmtpx.interfaces import InThread
from txsmtpx.wire.dkim_header import author_domain, is_well_formed, signed_names
from txsmtpx.wire.dkim_key import DKIMKey, DKIMKeys, keys_of

T = TypeVar("T")

MOST_HEADER = 1_048_576
"""Octets of a header.  A message with a longer one is not signed."""

MOST_FIELDS = 200
"""Fields in a signature.  A message with more of them is not signed: the signature would have their names."""

IN_MEMORY = 1_048_576
"""Octets of a message in memory while it is signed.  The rest is in a temporary file."""


class MessageHash:
    """
    The header of a message and the hash of its body, from octets as they come.

    Attributes:
        header: The header, with its last line end, but without the empty line.  None if it is too long.
    """

    def __init__(self) -> None:
        self.header: bytes | None = b""
        self._in_body = False
        self._body = hashlib.sha256()
        self._lines = 0  # empty lines at the end, which count only if something follows
        self._cr = False

    @property
    def is_complete(self) -> bool:
        """True if the header has ended."""
        return self._in_body

    def feed(self, octets: bytes) -> None:
        """
        Read the next octets.

        Args:
            octets: The octets, whose lines end in CRLF.
        """
        if self._in_body:
            self._feed_body(octets)
        elif self.header is not None:
            found = self.header + octets
            end = 0 if found.startswith(b"\r\n") else found.find(b"\r\n\r\n") + 2
            if end != 1:
                self.header, self._in_body = found[:end], True
                self._feed_body(found[end + 2 :])
            else:
                self.header = found if len(found) <= MOST_HEADER else None

    def _feed_body(self, octets: bytes) -> None:
        data = b"\r" + octets if self._cr else octets
        self._cr = data.endswith(b"\r")
        end = len(data) - self._cr
        start = end
        while start >= 2 and data[start - 2 : start] == b"\r\n":
            start -= 2
        if start:
            self._write_lines()
            self._body.update(memoryview(data)[:start])
        self._lines += (end - start) // 2

    def _write_lines(self) -> None:
        lines, self._lines = self._lines, 0
        while lines > 0:
            self._body.update(b"\r\n" * min(lines, 10_000))
            lines -= 10_000

    def digest(self) -> bytes:
        """
        Return the hash of the body (RFC 6376 §3.4.3).

        Returns:
            32 octets.
        """
        if self._cr:
            self._write_lines()
            self._body.update(b"\r")
        self._body.update(b"\r\n")
        return self._body.digest()


class DKIMSigner:
    """
    Sign messages of the domains whose keys there are.  It needs the extra ``txsmtpx[dkim]``.

    The key is that of the domain in From, or of the nearest domain above it.  A message is signed with each key of the
    domain, such as RSA and Ed25519.

    A message without such a key, or without exactly one From, stays as it is.  So does a message with a header that is
    malformed or too long.

    Args:
        keys: The keys: of a directory, or keys of any domains.
        in_thread: It calls a function in a thread.  None: `twisted.internet.threads.deferToThread`.
        now: A function that returns seconds since the epoch.

    Raises:
        ImportError: dkimpy is not installed.

    Example:
        ::

            signer = DKIMSigner(DKIMKeys("/etc/dkim"))
            await send_mail("tcp:mail.example.org:25", sender, recipients, message, dkim=signer)
    """

    def __init__(
        self,
        keys: DKIMKeys | Sequence[DKIMKey],
        in_thread: InThread | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        if find_spec("dkim") is None:
            raise ImportError("dkimpy is not installed: pip install 'txsmtpx[dkim]'")
        self._keys = keys
        self._in_thread: InThread = in_thread or deferToThread
        self._now = now

    def fields(self, message: MessageHash) -> list[bytes]:
        """
        Return the fields of the signatures.  It takes some milliseconds.

        Args:
            message: The message, which was read to its end.

        Returns:
            The fields, each with its CRLF; none if the message is not signed.
        """
        if not message.header or not message.is_complete or not is_well_formed(message.header):
            return []
        domain = author_domain(message.header)
        keys = self._keys.of(domain) if isinstance(self._keys, DKIMKeys) else keys_of(self._keys, domain)
        if not keys:
            return []
        names = signed_names(message.header)
        if len(names) > MOST_FIELDS:
            return []
        digest = message.digest()
        return [_field(message.header, names, digest, key, int(self._now())) for key in keys]

    async def fields_in_thread(self, message: MessageHash) -> list[bytes]:
        """
        Return the fields of the signatures, which a thread computes.

        Args:
            message: The message, which was read to its end.

        Returns:
            As `fields`.
        """
        return cast(list[bytes], await self._in_thread(self.fields, message))

    def signed(self, message: bytes) -> bytes:
        """
        Sign a message in memory.

        Args:
            message: The message, whose lines end in CRLF.

        Returns:
            The message with its signatures before it.
        """
        read = MessageHash()
        read.feed(message)
        return b"".join(self.fields(read)) + message

    async def body(self, body: ClientBody, utf8: bool = False, binary: bool = False) -> BinaryIO:
        """
        Sign the body of a client.  It is read to its end, and its line ends become CRLF.

        Args:
            body: The body, as for `SMTPClient.send`.
            utf8: True if the header of an ``EmailMessage`` is written in UTF-8.
            binary: True if MAIL has BODY=BINARYMIME.  Then line ends are not changed.

        Returns:
            A file with the signed message, from its first octet.

        Raises:
            OSError: A temporary file cannot be written.
        """
        needed = utf8 or serialization.needs_utf8(body)
        reading = source(body, {}, self._in_thread, needed)
        read, line_ends = MessageHash(), None if binary else LineEnds()
        spool = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # which is copied below

        def keep(octets: bytes) -> None:
            read.feed(octets)
            spool.write(octets)

        try:
            try:
                while True:
                    piece = reading.at_hand(PIECE)
                    if piece is None:
                        piece = await reading.next()
                    if not piece:
                        break
                    keep(piece if line_ends is None else line_ends.feed(piece))
                if line_ends is not None:
                    keep(line_ends.finish())
            finally:
                await reading.close()
            assembled = await self._in_thread(self._assembled, read, cast(BinaryIO, spool))
            return cast(BinaryIO, assembled)
        finally:
            spool.close()

    def _assembled(self, read: MessageHash, spool: BinaryIO) -> BinaryIO:
        found = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # the caller closes it
        found.write(b"".join(self.fields(read)))
        spool.seek(0)
        shutil.copyfileobj(spool, found)
        found.seek(0)
        return cast(BinaryIO, found)


async def signed_by(
    signer: DKIMSigner | None,
    body: ClientBody,
    options: MailOptions | None,
    send: Callable[[ClientBody], Coroutine[object, object, T]],
) -> T:
    """
    Send a message after it is signed.

    Args:
        signer: The signer; None for no signature.
        body: The message.
        options: The options of MAIL.
        send: Send the signed message.

    Returns:
        The result of `send`.
    """
    if signer is None:
        return await send(body)
    given = options or MailOptions()
    with await signer.body(body, given.smtputf8, given.body == "BINARYMIME") as signed:
        return await send(signed)


class _Signature(NamedTuple):
    """A signature, as dkimpy takes it from PyNaCl."""

    signature: bytes


class _Ed25519:
    """A key, as dkimpy takes it from PyNaCl."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def sign(self, octets: bytes) -> _Signature:
        return _Signature(self._key.sign(octets))


def _field(header: bytes, names: Sequence[bytes], digest: bytes, key: DKIMKey, now: int) -> bytes:
    import dkim
    from dkim.canonicalization import CanonicalizationPolicy
    from dkim.crypto import HASH_ALGORITHMS, parse_pem_private_key

    signing = dkim.DKIM(header + b"\r\n", signature_algorithm=key.algorithm.encode())
    signing.hasher = HASH_ALGORITHMS[signing.signature_algorithm]
    private = key.private
    pk: object
    if isinstance(private, Ed25519PrivateKey):
        pk = _Ed25519(private)
    else:
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        pk = parse_pem_private_key(pem)
    fields = [
        (b"v", b"1"), (b"a", signing.signature_algorithm), (b"c", b"relaxed/simple"), (b"d", key.domain.encode()),
        (b"s", key.selector.encode()), (b"t", b"%d" % now), (b"h", b" : ".join(names)),
        (b"bh", base64.b64encode(digest)), (b"b", b"0" * 60),
    ]  # fmt: skip
    policy = CanonicalizationPolicy.from_c_value(b"relaxed/simple")
    return cast(bytes, b"DKIM-Signature: " + signing.gen_header(fields, names, policy, b"DKIM-Signature", pk))
