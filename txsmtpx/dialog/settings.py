"""
The settings of a server that its dialogs read: their declarations, and one `Settings` value for each server.

The settings that only the wire reads are declared in `txsmtpx.wire.server_settings`.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from operator import call
from typing import get_args

from twisted.internet.interfaces import IReactorTime

from txsmtpx.dialog.client_policy import ClientPolicies
from txsmtpx.dialog.observer import Observers
from txsmtpx.dialog.table import Tables
from txsmtpx.grammar import path, replies
from txsmtpx.grammar.reply import Reply
from txsmtpx.grammar.transparency import BareNewlines
from txsmtpx.interfaces import BackendLike
from txsmtpx.sasl.mechanism import Mechanism
from txsmtpx.setting import Setting, SettingError, shown
from txsmtpx.setting_kinds import Choice, Flag, Function, Number, Seconds, Text

OutcomePolicy = Callable[[Sequence[Reply], Reply], Reply]
"""Takes a reply for each recipient in RCPT order, and the outcome of ``data``.  Returns the one reply of SMTP."""


def first_failure(outcomes: Sequence[Reply], outcome: Reply) -> Reply:
    """
    Return the first failure in RCPT order, so that the client keeps the message: the default policy.

    Args:
        outcomes: A reply for each recipient, in RCPT order.
        outcome: The outcome of ``data``.

    Returns:
        The first of `outcomes` that is negative, `outcome` if there is none.

    Example:
        >>> stored, full = Reply(250, (2, 0, 0), "Stored"), Reply(452, (4, 2, 2), "Mailbox full")
        >>> first_failure([stored, full], stored).text
        'Mailbox full'
    """
    return next((reply for reply in outcomes if not reply.positive), outcome)


def first_success(outcomes: Sequence[Reply], outcome: Reply) -> Reply:
    """
    Return a success if one recipient has one, for backends that send bounces themselves.

    Args:
        outcomes: A reply for each recipient, in RCPT order.
        outcome: The outcome of ``data``.

    Returns:
        If a recipient has a success, `outcome` or else the first of `outcomes` that is positive.  Otherwise the first
        failure.

    Example:
        >>> stored, full = Reply(250, (2, 0, 0), "Stored"), Reply(452, (4, 2, 2), "Mailbox full")
        >>> first_success([stored, full], stored).text
        'Stored'
    """
    if any(reply.positive for reply in outcomes):
        return outcome if outcome.positive else next(reply for reply in outcomes if reply.positive)
    return first_failure(outcomes, outcome)


def identifiers() -> Iterator[str]:
    """
    Create short names, unique within a process and, because they begin with random digits, most likely beyond it.

    Each server has one for its sessions and one for its transactions.

    Returns:
        An iterator without end of up to 20 hexadecimal digits each.
    """
    start = int(time.time()) & 0xFFFFFFF
    return map(f"{start:07X}{random.getrandbits(16):04X}{{:X}}".format, itertools.count(1))


# The declarations, in the order in which each section of the help lists them.  If 0 means no limit, the help has that.

LMTP = Flag("lmtp", False, "Listening", "Serve LMTP (RFC 2033) instead of ESMTP.")
DOMAIN = Text(
    "domain",
    "localhost",
    "Listening",
    "The name of this server in the greeting and in replies: a domain or an address literal.",
    "a domain, such as mx.example.org",
)
IDENT = Text(
    "ident",
    "txsmtpx",
    "Protocol",
    "The text of the greeting after the domain and ESMTP (RFC 5321 §4.2).",
    "up to 200 printable characters of ASCII",
    "[ -~]{0,200}",  # a reply line has 512 octets (RFC 5321 §4.5.3.1.5), a domain 255
)
BARE_NEWLINES: Choice[BareNewlines] = Choice(
    "bare_newlines",
    "normalize",
    "Protocol",
    "Repair, reject or accept a CR or LF that is not part of CRLF.",
    get_args(BareNewlines),
)
REQUIRE_AUTH = Flag("require_auth", False, "Authentication", "Accept mail only after AUTH (RFC 4954 §6).")
ALLOW_INSECURE_AUTH = Flag(
    "allow_insecure_auth", False, "Authentication", "Offer and accept AUTH on connections without TLS."
)
MAX_AUTH_FAILURES = Number(
    "max_auth_failures", 3, "Authentication",
    "Disconnect after N failed logins (RFC 4954 §9 asks for three or more).",
    least=1,
)
AUTH_FAILURE_DELAY = Seconds(
    "auth_failure_delay",
    1,
    "Authentication",
    "Delay the reply to a failed login by N seconds, times the number of failures in the connection.",
)
REQUIRE_TLS = Flag("require_tls", False, "TLS", "Accept mail only after STARTTLS (RFC 3207 §4).")
# Postfix: message_size_limit = 10,240,000.  Exim: message_size_limit = 50M.  go-smtp: no limit.
MAX_MESSAGE_BYTES = Number(
    "max_message_bytes",
    32 * 1024 * 1024,
    "Limits",
    "Reject messages of more than N octets (0: no limit).",
    "octets",
)
# RFC 5321 §4.5.3.1.8: at least 100.  Postfix: smtpd_recipient_limit = 1000.  Exim: recipients_max = 50000.
MAX_RECIPIENTS = Number(
    "max_recipients", 1000, "Limits", "Reject the recipients of a message after the first N (0: no limit)."
)
MAX_TRANSACTIONS = Number(
    "max_transactions", 0, "Limits", "Reject MAIL after N transactions in one connection (0: no limit, RFC 9422 §4.1)."
)
MAX_RECIPIENT_DOMAINS = Number(
    "max_recipient_domains",
    0,
    "Limits",
    "Reject recipients in more than N different domains in one connection (0: no limit, RFC 9422 §4.3).",
)
# Postfix: smtpd_hard_error_limit = 20.  Exim: smtp_max_synprot_errors = 3, smtp_max_unknown_commands = 3.
MAX_ERRORS = Number(
    "max_errors", 20, "Limits", "Disconnect after N rejected commands with no message accepted in between (0: never)."
)
# RFC 5321 §4.5.3.1.4: at least 512, and more for each extension.  Postfix: line_length_limit = 2048.
MAX_LINE_LENGTH = Number(
    "max_line_length",
    2000,
    "Limits",
    "Reject command lines of more than N octets, the line end included.",
    "octets",
    least=1,
)
DELIVERY_TIMEOUT = Seconds(
    "delivery_timeout",
    300,
    "Time-outs",
    "Reject a recipient for now if the backend has no outcome N seconds after the end of the message.",
    zero=False,
)
OUTCOME_POLICY: Function[OutcomePolicy] = Function(
    "outcome_policy",
    first_failure,
    "Delivery",
    "Choose the one reply of SMTP if the outcomes of the recipients differ.",
    "a function of two arguments, such as first_success",
    2,
)
DELIVERY_TIMED_OUT: Function[Callable[[str], Reply]] = Function(
    "delivery_timed_out",
    replies.delivery_timed_out_420,
    "Delivery",
    "Return the reply for a recipient whose delivery timed out.",
    "a function of one argument, the recipient",
    1,
)
DELIVER_BY_MINIMUM = Number(
    "deliver_by_minimum",
    0,
    "Extensions",
    "The smallest by-time of DELIVERBY in seconds, which EHLO advertises (RFC 2852 §3, 0: none).",
    "seconds",
)
PRIORITY_PROFILE = Text(
    "priority_profile",
    "",
    "Extensions",
    "The profile of MT-PRIORITY that EHLO advertises: MIXER, STANAG4406 or NSEP (RFC 6710 §10), empty for none.",
    "up to 20 letters, digits, dots, dashes or underscores",
    r"[A-Za-z0-9._-]{0,20}",  # RFC 6710 §7
)
MAX_HOLD = Number(
    "max_hold",
    7 * 86400,
    "Extensions",
    "The longest time in seconds that FUTURERELEASE may hold a message (RFC 4865).",
    "seconds",
    1,
    10**9 - 1,  # RFC 4865 §3: one to nine digits
)
NOW: Function[Callable[[], float]] = Function(
    "now",
    time.time,
    "Extensions",
    "Return the time in seconds since 1970, for FUTURERELEASE.",
    "a function without arguments",
)

DECLARED: tuple[Setting[object], ...] = (
    LMTP,
    DOMAIN,
    IDENT,
    BARE_NEWLINES,
    REQUIRE_AUTH,
    ALLOW_INSECURE_AUTH,
    MAX_AUTH_FAILURES,
    AUTH_FAILURE_DELAY,
    REQUIRE_TLS,
    MAX_MESSAGE_BYTES,
    MAX_RECIPIENTS,
    MAX_TRANSACTIONS,
    MAX_RECIPIENT_DOMAINS,
    MAX_ERRORS,
    MAX_LINE_LENGTH,
    DELIVERY_TIMEOUT,
    OUTCOME_POLICY,
    DELIVERY_TIMED_OUT,
    DELIVER_BY_MINIMUM,
    PRIORITY_PROFILE,
    MAX_HOLD,
    NOW,
)
"""The settings of `Settings`, each of which is a keyword argument of `txsmtpx.SMTPServerFactory` too."""


@dataclass(frozen=True)
class Settings:
    """
    The settings of one server, which all its dialogs read.  `txsmtpx.SMTPServerFactory` creates it from its arguments.

    Args:
        backend: Accepts the mail: an `IBackend`.
        tables: The extensions, compiled.
        clock: A reactor or a ``task.Clock``.  It is not called reactor, since a dialog uses its time only.
        from_thread: Call a function, with arguments, in the thread of `clock`.  Default: call it at once.
        domain: The name of this server in the greeting and in replies: a domain or an address literal.
            Default: 'localhost'.
        lmtp: Serve LMTP (RFC 2033) instead of ESMTP.  Default: False.
        ident: The text of the greeting after the domain and ESMTP (RFC 5321 §4.2).  Default: 'txsmtpx'.
        mechanisms: The SASL mechanisms that the credentials of the backend allow.
        max_message_bytes: Reject messages of more than N octets (0: no limit).  Default: 33554432.
        max_recipients: Reject the recipients of a message after the first N (0: no limit).  Default: 1000.
        max_transactions: Reject MAIL after N transactions in one connection (0: no limit, RFC 9422 §4.1).  Default: 0.
        max_recipient_domains: Reject recipients in more than N different domains in one connection (0: no limit,
            RFC 9422 §4.3).  Default: 0.
        max_errors: Disconnect after N rejected commands with no message accepted in between (0: never).  Default: 20.
        max_line_length: Reject command lines of more than N octets, the line end included.  Default: 2000.
        require_auth: Accept mail only after AUTH (RFC 4954 §6).  Default: False.
        require_tls: Accept mail only after STARTTLS (RFC 3207 §4).  Default: False.
        tls_available: True if the server has a certificate.
        allow_insecure_auth: Offer and accept AUTH on connections without TLS.  Default: False.
        max_auth_failures: Disconnect after N failed logins (RFC 4954 §9 asks for three or more).  Default: 3.
        auth_failure_delay: Delay the reply to a failed login by N seconds, times the number of failures in the
            connection.  Default: 1.
        delivery_timeout: Reject a recipient for now if the backend has no outcome N seconds after the end of the
            message.  Default: 300.
        bare_newlines: Repair, reject or accept a CR or LF that is not part of CRLF.  Default: 'normalize'.
        outcome_policy: Choose the one reply of SMTP if the outcomes of the recipients differ.  Default: first_failure.
        delivery_timed_out: Return the reply for a recipient whose delivery timed out.
            Default: delivery_timed_out_420.
        trusted_networks: The networks of proxies whose XCLIENT and XFORWARD count.
        deliver_by_minimum: The smallest by-time of DELIVERBY in seconds, which EHLO advertises (RFC 2852 §3, 0: none).
            Default: 0.
        priority_profile: The profile of MT-PRIORITY that EHLO advertises: MIXER, STANAG4406 or NSEP (RFC 6710 §10),
            empty for none.  Default: ''.
        max_hold: The longest time in seconds that FUTURERELEASE may hold a message (RFC 4865).  Default: 604800.
        now: Return the time in seconds since 1970, for FUTURERELEASE.  Default: time.
        observers: The observers of the server.
        policy: What is asked about clients; None if nothing is.
        session_ids: Names the sessions.
        queue_ids: Names the transactions.

    Raises:
        TypeError: A value has the wrong type.
        SettingError: A value cannot be used, or contradicts another.
    """

    backend: BackendLike
    tables: Tables
    clock: IReactorTime
    from_thread: Callable[..., object] = call
    domain: str = DOMAIN.default
    lmtp: bool = LMTP.default
    ident: str = IDENT.default
    mechanisms: Sequence[Mechanism] = ()
    max_message_bytes: int = MAX_MESSAGE_BYTES.default
    max_recipients: int = MAX_RECIPIENTS.default
    max_transactions: int = MAX_TRANSACTIONS.default
    max_recipient_domains: int = MAX_RECIPIENT_DOMAINS.default
    max_errors: int = MAX_ERRORS.default
    max_line_length: int = MAX_LINE_LENGTH.default
    require_auth: bool = REQUIRE_AUTH.default
    require_tls: bool = REQUIRE_TLS.default
    tls_available: bool = False
    allow_insecure_auth: bool = ALLOW_INSECURE_AUTH.default
    max_auth_failures: int = MAX_AUTH_FAILURES.default
    auth_failure_delay: float = AUTH_FAILURE_DELAY.default
    delivery_timeout: float = DELIVERY_TIMEOUT.default
    bare_newlines: BareNewlines = BARE_NEWLINES.default
    outcome_policy: OutcomePolicy = OUTCOME_POLICY.default
    delivery_timed_out: Callable[[str], Reply] = DELIVERY_TIMED_OUT.default
    trusted_networks: Sequence[IPv4Network | IPv6Network] = ()
    deliver_by_minimum: int = DELIVER_BY_MINIMUM.default
    priority_profile: str = PRIORITY_PROFILE.default
    max_hold: int = MAX_HOLD.default
    now: Callable[[], float] = NOW.default
    observers: Observers = field(default_factory=Observers)
    policy: ClientPolicies | None = None
    session_ids: Iterator[str] = field(default_factory=identifiers)
    queue_ids: Iterator[str] = field(default_factory=identifiers)

    @property
    def greeting(self) -> Reply:
        """The first reply of a session (RFC 5321 §4.2)."""
        return replies.greeting_220(self.domain, "LMTP" if self.lmtp else "ESMTP", self.ident)

    def __post_init__(self) -> None:
        for setting in DECLARED:
            value = getattr(self, setting.name)
            if value is not setting.default:
                setting.check(value)
        try:
            path.check_domain_part(self.domain)
        except ValueError as error:
            raise SettingError("domain", f"must be {DOMAIN.accepted}, not {shown(self.domain)}") from error
        if self.require_tls and not self.tls_available:
            raise SettingError("require_tls", "needs a certificate: give tls as well")
        if self.require_auth and not self.mechanisms:
            raise SettingError("require_auth", "needs a backend that has logins, and a mechanism for them")
