"""A recipient of a message as a value of JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast, get_args

from txsmtpx.grammar import moment
from txsmtpx.grammar.option_value import Event, OriginalRecipient, SinceAction, ValidSince
from txsmtpx.grammar.options import RcptOptions

T = TypeVar("T")


@dataclass(frozen=True)
class EnvelopeRecipient:
    """
    A recipient of a message, with the parameters of its RCPT.

    Attributes:
        address: The address.
        notify: Some of "SUCCESS", "FAILURE" and "DELAY", sorted; empty for NEVER; None without NOTIFY (RFC 3461 §4.1).
        orcpt: The recipient as the sender wrote it; None without ORCPT (RFC 3461 §4.2).
        valid_since: Since when the mailbox must have had the same owner; None without RRVS (RFC 7293).

    Example:
        >>> EnvelopeRecipient("ann@example.org").options
        RcptOptions()
    """

    address: str
    notify: tuple[Event, ...] | None = None
    orcpt: OriginalRecipient | None = None
    valid_since: ValidSince | None = None

    @classmethod
    def of(cls, address: str, options: RcptOptions) -> EnvelopeRecipient:
        """
        Return a recipient with the parameters of its RCPT.

        Args:
            address: The address.
            options: The parameters.

        Returns:
            The recipient.
        """
        notify = None if options.notify is None else tuple(sorted(options.notify))
        return cls(address, notify, options.orcpt, options.valid_since)

    @property
    def options(self) -> RcptOptions:
        """The parameters, as a client of SMTP takes them."""
        return RcptOptions(notify=self.notify, orcpt=self.orcpt, valid_since=self.valid_since)

    def as_json(self) -> str | dict[str, object]:
        """
        Return the recipient as a value of JSON.

        Returns:
            The address if there is no parameter; otherwise an object.
        """
        found: dict[str, object] = {"address": self.address}
        if self.notify is not None:
            found["notify"] = list(self.notify)
        if self.orcpt is not None:
            found["orcpt"] = ";".join(self.orcpt)
        if self.valid_since is not None:
            found["valid_since"] = f"{moment.encode(self.valid_since.since)};{self.valid_since.action}"
        return self.address if len(found) == 1 else found

    @classmethod
    def parsed(cls, found: object) -> EnvelopeRecipient:
        """
        Read a recipient; the inverse of `as_json`.

        Args:
            found: A value of JSON.

        Returns:
            The recipient.

        Raises:
            ValueError: The value is malformed.
            KeyError: A word of the value is unknown, or there is no address.
            TypeError: A list of words has another list.
        """
        if isinstance(found, str):
            return cls(found)
        each = only(dict, found)
        notify, orcpt, since = each.get("notify"), each.get("orcpt"), each.get("valid_since")
        return cls(
            only(str, each["address"]),
            None if notify is None else tuple(cast(Event, one_of(Event)(word)) for word in only(list, notify)),
            None if orcpt is None else _read_orcpt(only(str, orcpt)),
            None if since is None else _read_since(only(str, since)),
        )


def only(kind: type[T], value: object) -> T:
    """
    Return a value of JSON that has a type.

    Args:
        kind: The type.
        value: The value.

    Returns:
        The value.

    Raises:
        ValueError: It has another type.

    Example:
        >>> only(str, "ann")
        'ann'
    """
    if not isinstance(value, kind):
        raise ValueError(f"not {kind.__name__}")
    return value


def one_of(words: object) -> Callable[[str], str]:
    """
    Return a function that reads one of a few words.

    Args:
        words: A `Literal`.

    Returns:
        The function.  It raises KeyError for another word.
    """
    known = {str(each): str(each) for each in get_args(words)}
    return known.__getitem__


def _read_orcpt(text: str) -> OriginalRecipient:
    kind, separator, address = text.partition(";")
    if not separator:
        raise ValueError("without a type")
    return OriginalRecipient(kind, address)


def _read_since(text: str) -> ValidSince:
    since, _, action = text.partition(";")
    return ValidSince(moment.decode(since), cast(SinceAction, one_of(SinceAction)(action)))
