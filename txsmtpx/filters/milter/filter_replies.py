"""
The replies of a milter, and their octets (SMFIR).

`Verdict` ends the answer to a command.  `Modification` is a request to change the message, before the verdict on its
end.  `encode` and `decode` are inverse functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from txsmtpx.filters.milter import negotiation
from txsmtpx.filters.milter.errors import MilterProtocolError
from txsmtpx.filters.milter.negotiation import Negotiation
from txsmtpx.filters.milter.packet import DataReader, Packet, string
from txsmtpx.filters.milter.packet import encode as encode_packet


@dataclass(frozen=True)
class Continue:
    """Go on (SMFIR_CONTINUE)."""

    code = b"c"


@dataclass(frozen=True)
class AcceptAll:
    """Accept the message, or the connection, without asking again (SMFIR_ACCEPT)."""

    code = b"a"


@dataclass(frozen=True)
class DiscardMessage:
    """Accept the message, and deliver it to no recipient (SMFIR_DISCARD)."""

    code = b"d"


@dataclass(frozen=True)
class Reject:
    """Reject with 550 5.7.1 (SMFIR_REJECT)."""

    code = b"r"


@dataclass(frozen=True)
class TemporaryFailure:
    """Reject with 451 4.7.1 (SMFIR_TEMPFAIL)."""

    code = b"t"


@dataclass(frozen=True)
class Skip:
    """Send no further command of this kind (SMFIR_SKIP)."""

    code = b"s"


@dataclass(frozen=True)
class Shutdown:
    """Close the connection of the client with 421 (SMFIR_SHUTDOWN)."""

    code = b"4"


@dataclass(frozen=True)
class ConnectionFailure:
    """Let the connection of the client fail (SMFIR_CONN_FAIL)."""

    code = b"f"


@dataclass(frozen=True)
class ReplyCode:
    """
    Reject with a reply (SMFIR_REPLYCODE).

    Attributes:
        text: The reply in the format of SMTP, such as ``b"550 5.7.1 No"``.  Each percent sign is doubled.
    """

    code = b"y"
    text: bytes


@dataclass(frozen=True)
class Progress:
    """The filter still works on its answer (SMFIR_PROGRESS)."""

    code = b"p"


@dataclass(frozen=True)
class SetMacros:
    """
    The macros that a filter wants for a stage (SMFIR_SETSYMLIST).

    Attributes:
        stage: The number of the stage.
        names: The names.
    """

    code = b"l"
    stage: int
    names: tuple[bytes, ...]


@dataclass(frozen=True)
class AddHeader:
    """
    Add a header field behind all others (SMFIR_ADDHEADER).

    Attributes:
        name: The name.
        value: The value, with LF as the line end of a fold.
    """

    code = b"h"
    name: bytes
    value: bytes


@dataclass(frozen=True)
class InsertHeader:
    """
    Insert a header field (SMFIR_INSHEADER).

    Attributes:
        index: The number of fields before it, those of the server included.
        name: The name.
        value: The value.
    """

    code = b"i"
    index: int
    name: bytes
    value: bytes


@dataclass(frozen=True)
class ChangeHeader:
    """
    Replace or delete a header field (SMFIR_CHGHEADER).

    Attributes:
        index: Its number among the fields of that name, from 1.
        name: The name.
        value: The new value.  An empty one deletes the field.
    """

    code = b"m"
    index: int
    name: bytes
    value: bytes


@dataclass(frozen=True)
class ChangeSender:
    """
    Replace the sender of the envelope (SMFIR_CHGFROM).

    Attributes:
        address: The address.
        arguments: The parameters of MAIL, in one text.
    """

    code = b"e"
    address: bytes
    arguments: bytes = b""


@dataclass(frozen=True)
class AddRecipient:
    """
    Add a recipient (SMFIR_ADDRCPT).

    Attributes:
        address: The address.
    """

    code = b"+"
    address: bytes


@dataclass(frozen=True)
class AddRecipientWithArguments:
    """
    Add a recipient with parameters (SMFIR_ADDRCPT_PAR).

    Attributes:
        address: The address.
        arguments: The parameters of RCPT, in one text.
    """

    code = b"2"
    address: bytes
    arguments: bytes = b""


@dataclass(frozen=True)
class DeleteRecipient:
    """
    Delete a recipient (SMFIR_DELRCPT).

    Attributes:
        address: The address.
    """

    code = b"-"
    address: bytes


@dataclass(frozen=True)
class ReplaceBody:
    """
    A piece of the new body (SMFIR_REPLBODY).

    Attributes:
        octets: The piece.
    """

    code = b"b"
    octets: bytes


@dataclass(frozen=True)
class Quarantine:
    """
    Keep the message away from its recipients (SMFIR_QUARANTINE).

    Attributes:
        reason: The reason.
    """

    code = b"q"
    reason: bytes


Verdict: TypeAlias = (
    Continue | AcceptAll | DiscardMessage | Reject | TemporaryFailure | Skip | Shutdown | ConnectionFailure | ReplyCode
)
"""A reply that ends the answer to a command."""

Modification: TypeAlias = (
    AddHeader | InsertHeader | ChangeHeader | ChangeSender | AddRecipient | AddRecipientWithArguments
    | DeleteRecipient | ReplaceBody | Quarantine
)  # fmt: skip
"""A request to change the message, before the verdict on its end."""

FilterReply: TypeAlias = Verdict | Modification | Progress | SetMacros | Negotiation
"""A packet of a filter."""


def encode(reply: FilterReply) -> bytes:
    r"""
    Encode a reply.

    Args:
        reply: The reply.

    Returns:
        The octets of its packet.

    Example:
        >>> encode(AddHeader(b"X-Seen", b"yes"))
        b'\x00\x00\x00\x0chX-Seen\x00yes\x00'
    """
    return encode_packet(reply.code, _data(reply))


def _data(reply: FilterReply) -> bytes:
    match reply:
        case Negotiation():
            return reply.encode()
        case ReplyCode(text) | AddRecipient(text) | DeleteRecipient(text) | Quarantine(text):
            return string(text)
        case SetMacros(stage, names):
            return stage.to_bytes(4) + string(b" ".join(names))
        case AddHeader(name, value):
            return string(name, value)
        case InsertHeader(index, name, value) | ChangeHeader(index, name, value):
            return index.to_bytes(4) + string(name, value)
        case ChangeSender(address, arguments) | AddRecipientWithArguments(address, arguments):
            return string(address, arguments) if arguments else string(address)
        case ReplaceBody(octets):
            return octets
        case _:
            return b""


def decode(packet: Packet) -> FilterReply:
    r"""
    Decode a reply; the inverse of `encode`.

    Args:
        packet: The packet.

    Returns:
        The reply.

    Raises:
        MilterProtocolError: There is no such reply, or its data is malformed.

    Example:
        >>> decode(Packet(b"h", b"X-Seen\x00yes\x00"))
        AddHeader(name=b'X-Seen', value=b'yes')
    """
    read = _DECODERS.get(packet.code)
    if read is None:
        raise MilterProtocolError(f"no reply has the code {packet.code!r}")
    reader = DataReader(f"reply {packet.code!r}", packet.data)
    reply = read(reader)
    reader.end()
    return reply


def _arguments(data: DataReader) -> bytes:
    return data.string() if data.more else b""


_DECODERS: dict[bytes, Callable[[DataReader], FilterReply]] = {
    Negotiation.code: lambda data: negotiation.decode(data.rest()),
    Continue.code: lambda data: Continue(),
    AcceptAll.code: lambda data: AcceptAll(),
    DiscardMessage.code: lambda data: DiscardMessage(),
    Reject.code: lambda data: Reject(),
    TemporaryFailure.code: lambda data: TemporaryFailure(),
    Skip.code: lambda data: Skip(),
    Shutdown.code: lambda data: Shutdown(),
    ConnectionFailure.code: lambda data: ConnectionFailure(),
    ReplyCode.code: lambda data: ReplyCode(data.text()),
    Progress.code: lambda data: Progress(),
    SetMacros.code: lambda data: SetMacros(data.uint32(), tuple(data.string().split())),
    AddHeader.code: lambda data: AddHeader(data.string(), data.string()),
    InsertHeader.code: lambda data: InsertHeader(data.uint32(), data.string(), data.string()),
    ChangeHeader.code: lambda data: ChangeHeader(data.uint32(), data.string(), data.string()),
    ChangeSender.code: lambda data: ChangeSender(data.string(), _arguments(data)),
    AddRecipient.code: lambda data: AddRecipient(data.string()),
    AddRecipientWithArguments.code: lambda data: AddRecipientWithArguments(data.string(), _arguments(data)),
    DeleteRecipient.code: lambda data: DeleteRecipient(data.string()),
    ReplaceBody.code: lambda data: ReplaceBody(data.rest()),
    Quarantine.code: lambda data: Quarantine(data.text()),
}
