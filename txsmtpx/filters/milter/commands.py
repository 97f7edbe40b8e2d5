"""
The commands of a server to a milter, and their octets (SMFIC).

Each command is a class with its code.  `encode` and `decode` are inverse functions.  All texts are octets, as they
arrive from the SMTP client: a milter receives them unchanged.
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

FAMILIES = frozenset({b"4", b"6", b"L", b"U"})
"""The families of addresses: IPv4, IPv6, a UNIX socket, unknown."""


@dataclass(frozen=True)
class Macros:
    """
    The macros of the command that follows (SMFIC_MACRO).

    Attributes:
        command: The code of that command.
        values: Names and values.
    """

    code = b"D"
    command: bytes
    values: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True)
class Connect:
    """
    A client has connected (SMFIC_CONNECT).

    Attributes:
        name: The host name of the client; its address in brackets if the name is unknown.
        family: ``b"4"``, ``b"6"``, ``b"L"`` for a UNIX socket, or ``b"U"`` for unknown.
        port: The port of the client.
        address: The IP address, or the path of the socket.
    """

    code = b"C"
    name: bytes
    family: bytes = b"U"
    port: int = 0
    address: bytes = b""


@dataclass(frozen=True)
class Hello:
    """
    HELO, EHLO or LHLO (SMFIC_HELO).

    Attributes:
        name: Its argument.
    """

    code = b"H"
    name: bytes


@dataclass(frozen=True)
class Mail:
    """
    MAIL (SMFIC_MAIL).

    Attributes:
        address: The sender in angle brackets.
        arguments: The parameters, such as ``b"SIZE=1000"``.
    """

    code = b"M"
    address: bytes
    arguments: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Recipient:
    """
    RCPT (SMFIC_RCPT).

    Attributes:
        address: The recipient in angle brackets.
        arguments: The parameters.
    """

    code = b"R"
    address: bytes
    arguments: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Data:
    """The message begins (SMFIC_DATA)."""

    code = b"T"


@dataclass(frozen=True)
class HeaderField:
    """
    A header field (SMFIC_HEADER).

    Attributes:
        name: The name.
        value: The octets behind the colon, with LF as the line end of a fold.
    """

    code = b"L"
    name: bytes
    value: bytes


@dataclass(frozen=True)
class EndOfHeader:
    """The header has ended (SMFIC_EOH)."""

    code = b"N"


@dataclass(frozen=True)
class Body:
    """
    A piece of the body (SMFIC_BODY).

    Attributes:
        octets: At most 65,535 octets.
    """

    code = b"B"
    octets: bytes


@dataclass(frozen=True)
class EndOfMessage:
    """
    The message has ended (SMFIC_BODYEOB).

    Attributes:
        octets: The last piece of the body.  Postfix sends it as a `Body` of its own.
    """

    code = b"E"
    octets: bytes = b""


@dataclass(frozen=True)
class Unknown:
    """
    A command that the server does not know (SMFIC_UNKNOWN).

    Attributes:
        line: The command.
    """

    code = b"U"
    line: bytes


@dataclass(frozen=True)
class Abort:
    """The transaction was abandoned (SMFIC_ABORT)."""

    code = b"A"


@dataclass(frozen=True)
class Quit:
    """The connection ends (SMFIC_QUIT)."""

    code = b"Q"


@dataclass(frozen=True)
class QuitNewConnection:
    """The session ends, and another one follows on this connection (SMFIC_QUIT_NC)."""

    code = b"K"


Command: TypeAlias = (
    Negotiation | Macros | Connect | Hello | Mail | Recipient | Data | HeaderField | EndOfHeader | Body | EndOfMessage
    | Unknown | Abort | Quit | QuitNewConnection
)  # fmt: skip
"""A command of the server."""


def encode(command: Command) -> bytes:
    r"""
    Encode a command.

    Args:
        command: The command.

    Returns:
        The octets of its packet.

    Example:
        >>> encode(Hello(b"client.example"))
        b'\x00\x00\x00\x10Hclient.example\x00'
    """
    return encode_packet(command.code, _data(command))


def _data(command: Command) -> bytes:
    match command:
        case Negotiation():
            return command.encode()
        case Macros(code, values):
            return code + string(*(text for pair in values for text in pair))
        case Connect(name, family, port, address):
            return string(name) + family + (b"" if family == b"U" else port.to_bytes(2) + string(address))
        case Hello(text) | Unknown(text):
            return string(text)
        case Mail(address, arguments) | Recipient(address, arguments):
            return string(address, *arguments)
        case HeaderField(name, value):
            return string(name, value)
        case Body(octets) | EndOfMessage(octets):
            return octets
        case _:
            return b""


def decode(packet: Packet) -> Command:
    r"""
    Decode a command; the inverse of `encode`.

    Args:
        packet: The packet.

    Returns:
        The command.

    Raises:
        MilterProtocolError: There is no such command, or its data is malformed.

    Example:
        >>> decode(Packet(b"H", b"client.example\x00"))
        Hello(name=b'client.example')
    """
    read = _DECODERS.get(packet.code)
    if read is None:
        raise MilterProtocolError(f"no command has the code {packet.code!r}")
    reader = DataReader(f"command {packet.code!r}", packet.data)
    command = read(reader)
    reader.end()
    return command


def _macros(data: DataReader) -> Macros:
    command, texts = data.octet(), data.strings()
    if len(texts) % 2:
        raise MilterProtocolError(f"macros of {command!r}: the last one has no value")
    return Macros(command, tuple(zip(texts[::2], texts[1::2], strict=True)))


def _connect(data: DataReader) -> Connect:
    name, family = data.string(), data.octet()
    if family not in FAMILIES:
        raise MilterProtocolError(f"no family of addresses is {family!r}")
    return Connect(name) if family == b"U" else Connect(name, family, data.uint16(), data.string())


_DECODERS: dict[bytes, Callable[[DataReader], Command]] = {
    Negotiation.code: lambda data: negotiation.decode(data.rest()),
    Macros.code: _macros,
    Connect.code: _connect,
    Hello.code: lambda data: Hello(data.string()),
    Mail.code: lambda data: Mail(data.string(), data.strings()),
    Recipient.code: lambda data: Recipient(data.string(), data.strings()),
    Data.code: lambda data: Data(),
    HeaderField.code: lambda data: HeaderField(data.string(), data.string()),
    EndOfHeader.code: lambda data: EndOfHeader(),
    Body.code: lambda data: Body(data.rest()),
    EndOfMessage.code: lambda data: EndOfMessage(data.rest()),
    Unknown.code: lambda data: Unknown(data.string()),
    Abort.code: lambda data: Abort(),
    Quit.code: lambda data: Quit(),
    QuitNewConnection.code: lambda data: QuitNewConnection(),
}
