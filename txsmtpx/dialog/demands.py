"""
What a message demands of the server: SMTPUTF8, 8BITMIME, CHUNKING, and how many octets (RFC 6531, 6152, 3030, 1870).

Theory of operation.  What can be read twice is looked at before MAIL: octets, lists of octets, an EmailMessage once it
is serialized, and files that can seek.  MAIL then has what is true of the message, and a message that the server does
not take is refused before anything is sent.

A stream is not read before a recipient has been accepted.  MAIL announces that it may hold 8-bit octets.  If the server
does not take them, a `Watch` looks at each piece before it is sent, and the first one that the server does not take
ends the transaction: no part of the message is delivered.  Sendmail refuses 8-bit messages in the same way
(EightBitMode); Postfix converts them.  Octets are not converted here, since that breaks signatures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, cast, get_args

from txsmtpx.content.utf8_fields import UTF8Fields
from txsmtpx.dialog.client_body import SeekableFile, check_piece
from txsmtpx.dialog.offer import Offer
from txsmtpx.errors import EightBitContent, NotOffered
from txsmtpx.grammar.options import MailOptions
from txsmtpx.grammar.transparency import LineEnds, has_bare, size_as_sent

EightBit = Literal["refuse", "send"]
"""
What becomes of octets above 127 that the server does not take.

"refuse" raises `EightBitContent`, or `NotOffered` for UTF-8 in a header.  "send" sends the octets as they are.
"""

FILE_PIECE = 128 * 1024
"""Octets of a file that are looked at in one go."""

SEND_HINT = 'eight_bit="send" sends the octets as they are'
"""What ends an error that ``eight_bit`` can avoid."""


def check_eight_bit(value: object) -> None:
    """
    Check a value of ``eight_bit``.

    Args:
        value: The value.

    Raises:
        ValueError: It is none.
    """
    if value not in get_args(EightBit):
        raise ValueError(f"eight_bit is refuse or send, not {value!r}")


class Content:
    """
    What is known of a message before it is sent.

    Attributes:
        size: Octets that are sent; None if that is not known.
        eight_bit: True if it holds octets above 127; None if that is not known.
        utf8: True if a field of its header, or of that of a part, holds UTF-8; None if that is not known.
        checked: True if it is known that each of its line ends is a CRLF.
    """

    def __init__(self, size: int | None, eight_bit: bool | None, utf8: bool | None, checked: bool = False) -> None:
        self.size = size
        self.eight_bit = eight_bit
        self.utf8 = utf8
        self.checked = checked


def of_octets(octets: bytes, binary: bool) -> Content:
    """
    Look at octets in memory.

    Args:
        octets: The octets.
        binary: True if they are sent as they are, whatever their lines end in.

    Returns:
        What is known of them.
    """
    eight_bit = not octets.isascii()
    utf8 = eight_bit and UTF8Fields().feed(octets)
    if binary:
        return Content(len(octets), eight_bit, utf8)
    bare = has_bare(octets)
    return Content(size_as_sent(octets, bare), eight_bit, utf8, not bare)


def of_pieces(pieces: Iterable[bytes], binary: bool, sized: bool = True) -> Content:
    """
    Look at a message in pieces, which are read to their end.

    Args:
        pieces: The pieces.
        binary: True if they are sent as they are, whatever their lines end in.
        sized: True if the octets are counted.

    Returns:
        What is known of it.
    """
    line_ends, fields, size, eight_bit = LineEnds(), UTF8Fields(), 0, False
    for piece in pieces:
        fields.feed(piece)
        eight_bit = eight_bit or not piece.isascii()
        if sized:
            size += len(piece if binary else line_ends.feed(piece))
    size += len(line_ends.finish())  # nothing, where no line end was looked at
    return Content(size if sized else None, eight_bit, fields.found)


def of_file(file: SeekableFile, binary: bool) -> Content:
    """
    Look at a file, from its position to its end, and restore its position.

    Args:
        file: The file.
        binary: True if it is sent as it is, whatever its lines end in.

    Returns:
        What is known of it.

    Raises:
        TypeError: It is open for text.
    """
    start = file.tell()
    read = cast(Callable[[int], object], file.read)  # of a file for text it returns text
    try:
        return of_pieces(iter(lambda: _octets(read(FILE_PIECE)), b""), binary)
    finally:
        file.seek(start)


def _octets(piece: object) -> bytes:
    if isinstance(piece, str):
        raise TypeError("the file is open for text, a body is octets")
    check_piece(piece)
    assert isinstance(piece, bytes | bytearray | memoryview)
    return bytes(piece)


class Watch:
    """
    Looks at the pieces of a stream, before they are sent.

    The submission of a message, or a relay, creates one for a server that does not accept everything.

    Args:
        offer: What the server offers, for the text of the error.
        seven_bits: True if octets above 127 are refused.
        ascii_fields: True if UTF-8 in header fields is refused.
    """

    def __init__(self, offer: Offer, seven_bits: bool, ascii_fields: bool) -> None:
        self._offer = offer
        self._seven_bits = seven_bits
        self._fields = UTF8Fields() if ascii_fields else None

    def see(self, piece: bytes) -> None:
        """
        Look at the next piece.

        Args:
            piece: The piece.

        Raises:
            NotOffered: It holds UTF-8 in a header field.
            EightBitContent: It holds octets above 127.
        """
        if self._fields is not None and self._fields.feed(piece):
            raise _no_utf8(self._offer)
        if self._seven_bits and not piece.isascii():
            raise _no_eight_bit()


def _no_eight_bit() -> EightBitContent:
    return EightBitContent(f"the server does not offer 8BITMIME, and the message holds 8-bit octets: {SEND_HINT}")


def _no_utf8(offer: Offer) -> NotOffered:
    if offer.utf8:
        text = "MAIL has not asked for SMTPUTF8, since a stream is not read before: give MailOptions(smtputf8=True)"
        return NotOffered(f"a header field of the message holds UTF-8, and {text}")
    lacking = "SMTPUTF8" if offer.eight_bit else "SMTPUTF8, nor 8BITMIME"
    text = f"the server does not offer {lacking}, and a header field of the message holds UTF-8"
    return NotOffered(f"{text}: {SEND_HINT}")


def watch_octets(offer: Offer, eight_bit: EightBit, binary: bool) -> Watch | None:
    """
    Make a watch for a body whose MAIL was sent before.

    Args:
        offer: What the server offers.
        eight_bit: What becomes of octets above 127 that the server does not accept.
        binary: True if MAIL had BODY=BINARYMIME.

    Returns:
        The watch; None if the server accepts everything.
    """
    return None if binary or offer.eight_bit or eight_bit == "send" else Watch(offer, True, False)


def settle(content: Content, options: MailOptions, offer: Offer, eight_bit: EightBit, lmtp: bool) -> Watch | None:
    """
    Add to MAIL the parameters that the message needs.

    Args:
        content: What is known of the message.
        options: The options of the caller, of which SMTPUTF8, BODY and SIZE are set.
        offer: What the server offers.
        eight_bit: What becomes of octets above 127 that the server does not accept.
        lmtp: True if a demand of SMTPUTF8 that nothing needs is dropped: the message came with it, and LMTP servers
            such as Dovecot's do not offer it.

    Returns:
        A watch that has to see each piece of the body; None if none is needed.

    Raises:
        NotOffered: The server does not accept the message.
    """
    if "size" not in vars(options):
        options.size = content.size
    binary, careful = options.body == "BINARYMIME", eight_bit == "refuse"
    if lmtp and options.smtputf8 and not offer.utf8 and not content.utf8:
        options.smtputf8 = False
    if content.utf8 and (offer.utf8 or careful):
        if not offer.utf8:
            raise _no_utf8(offer)
        options.smtputf8 = True
    if content.eight_bit is not False and not binary:
        if content.eight_bit or "body" not in vars(options):
            options.body = "8BITMIME"
        if content.eight_bit and careful and not offer.eight_bit:
            raise _no_eight_bit()
    seven_bits = careful and content.eight_bit is None and not offer.eight_bit and not binary
    ascii_fields = careful and content.utf8 is None and not options.smtputf8
    return Watch(offer, seven_bits, ascii_fields) if seven_bits or ascii_fields else None
