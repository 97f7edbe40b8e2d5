"""
The decoded parameters of MAIL and RCPT: `MailOptions` and `RcptOptions`.

Their syntax is in `txsmtpx.grammar.esmtp_parameter` and in the files of the extensions.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from txsmtpx.grammar import option_value
from txsmtpx.grammar.option_value import Body, DeliverBy, Event, OriginalRecipient, Returned, ValidSince


class Options:
    """
    The decoded parameters of MAIL or RCPT, one attribute each.

    A parameter that was not given has the default of its class, and no attribute of its own.  The server creates
    options for each MAIL and RCPT, and sets the attribute of each `Parameter`.  An extension of a user may set
    attributes that the class does not have.
    """

    # Without a __hash__, since the attributes can change.
    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class MailOptions(Options):
    """
    The decoded parameters of MAIL.

    The server gives them to the backend's ``mail``.  A program gives them to the client with a message.

    Args:
        size: The octets of the message, 0 to 10**20 - 1 (SIZE, RFC 1870).  Default: the client counts them if it can.
        body: "7BIT", "8BITMIME" (RFC 6152) or "BINARYMIME" (RFC 3030), the value of BODY.  Default: the client chooses
            by the content of the message.
        smtputf8: True if addresses and header fields may be in UTF-8 (SMTPUTF8, RFC 6531).  The client sets it if the
            message needs it.
        auth: The identity that submitted the message: an address, or "" if it is unknown (AUTH, RFC 4954 §5).
        ret: The part of the message that a notification returns, "FULL" or "HDRS" (RET, RFC 3461 §4.3).
        envid: The sender's identifier of this envelope, 1 to 100 printable characters of ASCII (ENVID, RFC 3461 §4.4).
        prdr: True if the server replies for each recipient after the data (PRDR, draft-hall-prdr).  Default: if the
            server offers it.
        requiretls: True if the message must be sent over TLS at each hop (REQUIRETLS, RFC 8689).
        deliver_by: The time by which the message must be delivered (BY, RFC 2852).
        priority: The priority, -9 to 9 (MT-PRIORITY, RFC 6710).
        hold_for: The seconds for which the server holds the message, 1 to 999999999 (HOLDFOR, RFC 4865).
        hold_until: The moment, with a time zone, until which the server holds the message (HOLDUNTIL, RFC 4865).

    Raises:
        TypeError: A value has the wrong type.
        ValueError: A value cannot be sent.

    Example:
        >>> options = MailOptions(envid="QQ314159", ret="HDRS")
        >>> options.envid, options.size
        ('QQ314159', None)
        >>> MailOptions(size=-1)
        Traceback (most recent call last):
        ValueError: MailOptions: size must be a whole number from 0 to 99999999999999999999 (octets), not -1
    """

    size: int | None = None
    """The octets of the message, as the client estimates them (SIZE, RFC 1870)."""
    body: Body = "7BIT"
    """One of "7BIT", "8BITMIME" (RFC 6152) and "BINARYMIME" (RFC 3030), the value of BODY."""
    smtputf8: bool = False
    """True if addresses and header fields may be in UTF-8 (SMTPUTF8, RFC 6531)."""
    auth: str | None = None
    """The identity that submitted the message, "" if it is unknown (AUTH, RFC 4954 §5)."""
    ret: Returned | None = None
    """The part of the message that a notification returns, "FULL" or "HDRS" (RET, RFC 3461 §4.3)."""
    envid: str | None = None
    """The sender's identifier of this envelope (ENVID, RFC 3461 §4.4)."""
    prdr: bool = False
    """True if the server replies for each recipient after the data (PRDR, draft-hall-prdr)."""
    requiretls: bool = False
    """True if the message must be sent over TLS at each hop (REQUIRETLS, RFC 8689)."""
    deliver_by: DeliverBy | None = None
    """The time by which the message must be delivered (BY, RFC 2852)."""
    priority: int | None = None
    """The priority, -9 to 9 (MT-PRIORITY, RFC 6710)."""
    hold_for: int | None = None
    """The seconds for which the server holds the message (HOLDFOR, RFC 4865)."""
    hold_until: datetime | None = None
    """The moment, with a time zone, until which the server holds the message (HOLDUNTIL, RFC 4865)."""

    def __init__(
        self,
        *,
        size: int | None = None,
        body: Body | None = None,
        smtputf8: bool = False,
        auth: str | None = None,
        ret: Returned | None = None,
        envid: str | None = None,
        prdr: bool | None = None,
        requiretls: bool = False,
        deliver_by: DeliverBy | None = None,
        priority: int | None = None,
        hold_for: int | None = None,
        hold_until: datetime | None = None,
    ) -> None:
        # An attribute is set only if it was given: the client completes the others.
        if size is not None:
            self.size = option_value.SIZE.checked("MailOptions: size", size)
        if body is not None:
            self.body = option_value.BODY.checked("MailOptions: body", body)
        if smtputf8 is not False:
            self.smtputf8 = option_value.FLAG.checked("MailOptions: smtputf8", smtputf8)
        if auth is not None:
            self.auth = option_value.AUTH.checked("MailOptions: auth", auth)
        if ret is not None:
            self.ret = option_value.RET.checked("MailOptions: ret", ret)
        if envid is not None:
            self.envid = option_value.ENVID.checked("MailOptions: envid", envid)
        if prdr is not None:
            self.prdr = option_value.FLAG.checked("MailOptions: prdr", prdr)
        if requiretls is not False:
            self.requiretls = option_value.FLAG.checked("MailOptions: requiretls", requiretls)
        if deliver_by is not None:
            self.deliver_by = option_value.DELIVER_BY.checked("MailOptions: deliver_by", deliver_by)
        if priority is not None:
            self.priority = option_value.PRIORITY.checked("MailOptions: priority", priority)
        if hold_for is not None:
            self.hold_for = option_value.HOLD_FOR.checked("MailOptions: hold_for", hold_for)
        if hold_until is not None:
            self.hold_until = option_value.HOLD_UNTIL.checked("MailOptions: hold_until", hold_until)


class RcptOptions(Options):
    """
    The decoded parameters of RCPT.

    The server gives them to the backend's ``rcpt``.  A program gives them to the client with a recipient.

    Args:
        notify: Some of "SUCCESS", "FAILURE" and "DELAY"; empty for NEVER (NOTIFY, RFC 3461 §4.1).  Default: the server
            chooses.
        orcpt: The recipient as the sender wrote it (ORCPT, RFC 3461 §4.2).
        valid_since: The moment since which the mailbox must have had the same owner (RRVS, RFC 7293).

    Raises:
        TypeError: A value has the wrong type.
        ValueError: A value cannot be sent.

    Example:
        >>> RcptOptions(notify=["FAILURE"])
        RcptOptions(notify=frozenset({'FAILURE'}))
        >>> RcptOptions(notify=["NO"])
        Traceback (most recent call last):
        ValueError: RcptOptions: notify must be a list of 'SUCCESS', 'FAILURE' or 'DELAY', or [] for NEVER, not ['NO']
    """

    notify: frozenset[Event] | None = None
    """Some of "SUCCESS", "FAILURE" and "DELAY"; empty for NEVER (NOTIFY, RFC 3461 §4.1)."""
    orcpt: OriginalRecipient | None = None
    """The recipient as the sender wrote it (ORCPT, RFC 3461 §4.2)."""
    valid_since: ValidSince | None = None
    """The moment since which the mailbox must have had the same owner (RRVS, RFC 7293)."""

    def __init__(
        self,
        *,
        notify: Collection[Event] | None = None,
        orcpt: OriginalRecipient | None = None,
        valid_since: ValidSince | None = None,
    ) -> None:
        if notify is not None:
            self.notify = frozenset(option_value.NOTIFY.checked("RcptOptions: notify", notify))
        if orcpt is not None:
            self.orcpt = option_value.ORCPT.checked("RcptOptions: orcpt", orcpt)
        if valid_since is not None:
            self.valid_since = option_value.VALID_SINCE.checked("RcptOptions: valid_since", valid_since)
