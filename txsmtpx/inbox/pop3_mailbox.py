"""The messages of one POP3 session (RFC 1939), as they were at its login, and those that the client has deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from txsmtpx.grammar import asciitext
from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.inbox_store import InboxStore
from txsmtpx.inbox.listed_message import ListedMessage
from txsmtpx.inbox.mailbox_name import KINDS, mailbox_name
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.web.cooperative_work import CooperativeWork
from txsmtpx.web.web_errors import BadRequest

MAX_MESSAGES = 10_000
"""Messages of a session: the newest ones.  A session has about 2 MiB of memory for so many."""

PAGE = 500
"""Messages that are read from the store at a time."""

STEP = 50
"""Messages after which other work goes on."""


class Pop3Refusal(Exception):
    """A command is rejected.  The text is for the client."""


@dataclass(frozen=True, slots=True)
class Pop3Message:
    """
    Describe one message of a session.

    Attributes:
        number: The number of the message in the store.
        size: The octets of the message as it is stored.
        identifier: The unique identifier (UIDL).  It is the same in all sessions, also after a restart.
    """

    number: int
    size: int
    identifier: str

    @classmethod
    def of(cls, listed: ListedMessage) -> Pop3Message:
        """
        Describe a message of the store.

        Args:
            listed: The message as a list has it.

        Returns:
            The description.
        """
        return cls(listed.id, listed.size, f"{listed.queue_id}.{listed.id}")


class Pop3Mailbox:
    """
    Keep the messages of one session, and mark deleted ones.  `opened_mailbox` creates it.

    Args:
        messages: The messages, the oldest first.
    """

    def __init__(self, messages: Sequence[Pop3Message]) -> None:
        self._messages = messages
        self._deleted: set[int] = set()

    @property
    def deleted(self) -> list[int]:
        """The numbers in the store of the messages that are marked as deleted."""
        return [self._messages[index].number for index in sorted(self._deleted)]

    def listed(self) -> Iterator[tuple[int, Pop3Message]]:
        """
        Iterate over the messages that are not deleted.

        Yields:
            The number in the session, 1 or more, and the message.
        """
        for index, message in enumerate(self._messages):
            if index not in self._deleted:
                yield index + 1, message

    def message(self, number: bytes) -> Pop3Message:
        """
        Find a message.

        Args:
            number: Its number in the session, as the client has written it.

        Returns:
            The message.

        Raises:
            Pop3Refusal: There is no such message, or it is deleted.
        """
        return self._messages[self._index(number)]

    def delete(self, number: bytes) -> None:
        """
        Mark a message as deleted.

        Args:
            number: Its number in the session, as the client has written it.

        Raises:
            Pop3Refusal: There is no such message, or it is deleted.
        """
        self._deleted.add(self._index(number))

    def undelete(self) -> None:
        """Mark no message as deleted, for RSET."""
        self._deleted.clear()

    def _index(self, number: bytes) -> int:
        index = number_of(number) - 1
        if not 0 <= index < len(self._messages):
            raise Pop3Refusal("there is no such message")
        if index in self._deleted:
            raise Pop3Refusal("the message is deleted")
        return index


def number_of(octets: bytes) -> int:
    """
    Read a number of a command.

    Args:
        octets: The number as the client has written it.

    Returns:
        The number, from 0 to 999999999.

    Raises:
        Pop3Refusal: It is no such number.
    """
    text = octets.decode("latin-1")
    if not asciitext.is_number(text) or len(text) > 9:
        raise Pop3Refusal("the argument must be a number")
    return int(text)


def mailbox_of(name: str) -> str:
    """
    Return the mailbox that a user name selects.

    Args:
        name: The user name.

    Returns:
        The name of the mailbox; "" for all messages.

    Example:
        >>> mailbox_of("Ann@Example.org"), mailbox_of("login:shop"), mailbox_of("me")
        ('recipient:ann@example.org', 'login:shop', '')
    """
    try:
        if name.partition(":")[0] in KINDS:
            return mailbox_name(name)
        return mailbox_name(f"recipient:{name}") if "@" in name else ""
    except BadRequest:
        return ""


def opened_mailbox(store: InboxStore, name: str) -> CooperativeWork[Pop3Mailbox]:
    """
    Read the list of the messages that a session has.

    Args:
        store: The store.
        name: The user name, see `mailbox_of`.

    Returns:
        The mailbox.

    Yields:
        Deferreds to wait for, and None.

    Raises:
        Busy: The search takes too long.
    """
    query = SearchQuery("", mailbox_of(name))
    numbers = (yield from store.numbers(query))[:MAX_MESSAGES]
    found: dict[int, Pop3Message] = {}
    for start in range(0, len(numbers), PAGE):
        page = yield from store.listed(query, start, PAGE)
        for count, listed in enumerate(page.messages):
            found[listed.id] = Pop3Message.of(listed)
            if count % STEP == 0:
                yield None
    messages: list[Pop3Message] = []
    for number in reversed(numbers):
        # A message that arrives or is deleted meanwhile moves the others to another page.
        message = found.get(number)
        if message is None:
            try:
                message = Pop3Message.of((yield from store.described(number)))
            except MessageDeleted:
                continue
        messages.append(message)
    return Pop3Mailbox(messages)
