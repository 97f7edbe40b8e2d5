"""
The negotiation of the milter protocol: a version, actions, steps, and the macros that a filter wants.

The server offers all that it can do.  The filter replies with the actions that it may use, the steps that the server
leaves out, and the macros of each stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

from txsmtpx.filters.milter.errors import MilterProtocolError
from txsmtpx.filters.milter.packet import DataReader, string

VERSION = 6
"""The version of the protocol: that of Sendmail 8.14 and later, and of Postfix 2.6 and later."""

OLDEST = 2
"""The oldest version that a filter may reply with.  Version 1 is that of Sendmail 8.10; Postfix requires 2 too."""


class Actions(IntFlag):
    """What a filter may do to a message (SMFIF)."""

    ADD_HEADERS = 0x001
    CHANGE_BODY = 0x002
    ADD_RECIPIENTS = 0x004
    DELETE_RECIPIENTS = 0x008
    CHANGE_HEADERS = 0x010
    QUARANTINE = 0x020
    CHANGE_SENDER = 0x040
    ADD_RECIPIENTS_WITH_ARGUMENTS = 0x080
    SET_MACROS = 0x100


class Steps(IntFlag):
    """What a server omits, what a filter does not answer, and other changes of the protocol (SMFIP)."""

    NO_CONNECT = 0x000001
    NO_HELLO = 0x000002
    NO_MAIL = 0x000004
    NO_RECIPIENT = 0x000008
    NO_BODY = 0x000010
    NO_HEADERS = 0x000020
    NO_END_OF_HEADER = 0x000040
    SILENT_HEADERS = 0x000080
    NO_UNKNOWN = 0x000100
    NO_DATA = 0x000200
    SKIP = 0x000400
    REJECTED_RECIPIENTS = 0x000800
    SILENT_CONNECT = 0x001000
    SILENT_HELLO = 0x002000
    SILENT_MAIL = 0x004000
    SILENT_RECIPIENT = 0x008000
    SILENT_DATA = 0x010000
    SILENT_UNKNOWN = 0x020000
    SILENT_END_OF_HEADER = 0x040000
    SILENT_BODY = 0x080000
    LEADING_SPACE = 0x100000


class MacroStage(IntEnum):
    """A stage of a session, by its number in the negotiation (SMFIM)."""

    CONNECT = 0
    HELLO = 1
    MAIL = 2
    RECIPIENT = 3
    DATA = 4
    END_OF_MESSAGE = 5
    END_OF_HEADER = 6


ALL_ACTIONS = Actions(0x1FF)
"""What `txsmtpx.filters.milter` lets a filter do."""

WITHOUT_CHANGES = Actions.QUARANTINE | Actions.SET_MACROS
"""What a filter may do while the message is passed on, before its end is known."""

ALL_STEPS = Steps(0x1FFFFF)
"""The steps that `txsmtpx.filters.milter` offers."""


@dataclass(frozen=True)
class Negotiation:
    """
    The offer of a server, or the reply of a filter (SMFIC_OPTNEG).

    Attributes:
        version: The version of the protocol.
        actions: The actions that the server allows, or the filter may use.
        steps: The steps that the server knows, or the filter chooses.
        macros: The names of the macros that the filter wants, by stage.  A stage without an entry gets the server's own
            choice.

    Example:
        >>> decode(Negotiation(6, Actions.QUARANTINE, Steps.NO_BODY).encode()).actions
        <Actions.QUARANTINE: 32>
    """

    code = b"O"

    version: int = VERSION
    actions: Actions = ALL_ACTIONS
    steps: Steps = ALL_STEPS
    macros: Mapping[int, tuple[bytes, ...]] = field(default_factory=dict)

    def encode(self) -> bytes:
        """
        Encode the data of the packet.

        Returns:
            The octets.
        """
        numbers = b"".join(int(each).to_bytes(4) for each in (self.version, self.actions, self.steps))
        return numbers + b"".join(stage.to_bytes(4) + string(b" ".join(names)) for stage, names in self.macros.items())


def decode(data: bytes) -> Negotiation:
    """
    Decode the data of a packet.

    Args:
        data: The data.

    Returns:
        The negotiation.

    Raises:
        MilterProtocolError: The data is malformed.
    """
    reader = DataReader("Negotiation", data)
    version, actions, steps = reader.uint32(), Actions(reader.uint32()), Steps(reader.uint32())
    macros = {}
    while reader.more:
        stage = reader.uint32()
        macros[stage] = tuple(reader.string().replace(b",", b" ").split())
    return Negotiation(version, actions, steps, macros)


_DEEDS: Mapping[Actions, str] = {
    Actions.ADD_HEADERS: "add header fields",
    Actions.CHANGE_HEADERS: "change header fields",
    Actions.CHANGE_BODY: "change the body",
    Actions.CHANGE_SENDER: "change the sender",
    Actions.ADD_RECIPIENTS | Actions.ADD_RECIPIENTS_WITH_ARGUMENTS: "add recipients",
    Actions.DELETE_RECIPIENTS: "delete recipients",
    Actions.QUARANTINE: "quarantine messages",
}


def description(agreement: Negotiation) -> str:
    """
    Describe an agreement for an operator.

    Args:
        agreement: What was agreed.

    Returns:
        A part of a sentence.

    Example:
        >>> description(Negotiation(6, Actions.ADD_HEADERS | Actions.QUARANTINE))
        'milter version 6, may add header fields, quarantine messages'
    """
    deeds = ", ".join(text for actions, text in _DEEDS.items() if actions & agreement.actions)
    return f"milter version {agreement.version}, may {deeds or 'change nothing'}"


def agreed(offer: Negotiation, answer: Negotiation) -> Negotiation:
    """
    Return what holds for a connection.

    Args:
        offer: The offer of the server.
        answer: The reply of the filter.

    Returns:
        The version, actions and steps that hold.  Steps that were not offered are left out, as in Postfix.

    Raises:
        MilterProtocolError: The filter wants another version, or an action that was not offered.

    Example:
        >>> agreed(Negotiation(), Negotiation(2, Actions.ADD_HEADERS, Steps.NO_BODY)).version
        2
    """
    if not OLDEST <= answer.version <= offer.version:
        raise MilterProtocolError(f"the filter has version {answer.version}, the server {OLDEST} to {offer.version}")
    unknown = int(answer.actions) & ~int(offer.actions)
    if unknown:
        raise MilterProtocolError(f"the filter wants actions that were not offered: {unknown:#x}")
    return Negotiation(answer.version, answer.actions, answer.steps & offer.steps, answer.macros)
