"""
What a server was told: one value a factory, which every dialog of it reads.
"""

from __future__ import annotations

import itertools
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from twisted.internet.interfaces import IReactorTime

from txsmtpx.dialog.observer import Observers
from txsmtpx.dialog.table import Tables
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply
from txsmtpx.grammar.transparency import BareNewlines
from txsmtpx.sasl.mechanism import Mechanism

OutcomePolicy = Callable[[Sequence[Reply], Reply], Reply]
"""(a reply a recipient in RCPT order, the outcome of C{data}) to the one reply that SMTP has for them."""


def first_failure(outcomes: Sequence[Reply], outcome: Reply) -> Reply:
    """The default policy: the first failure in RCPT order, so that the client keeps the message."""
    return next((reply for reply in outcomes if not reply.positive), outcome)


def first_success(outcomes: Sequence[Reply], outcome: Reply) -> Reply:
    """For backends that see to it themselves when some recipients fail: one success will do."""
    if any(reply.positive for reply in outcomes):
        return outcome if outcome.positive else next(reply for reply in outcomes if reply.positive)
    return first_failure(outcomes, outcome)


class Identifiers:
    """
    Short names, unique within a process and, by their random beginning, most likely beyond it.
    """

    def __init__(self) -> None:
        start = int(time.time()) & 0xFFFFFFF
        self._prefix = f"{start:07X}{random.getrandbits(16):04X}"
        self._numbers = itertools.count(1)

    def next(self) -> str:
        return f"{self._prefix}{next(self._numbers):X}"


_IDENT = re.compile(r"[ -~]{0,200}")  # a reply line has 512 octets (RFC 5321 §4.5.3.1.5), a domain 255
_PROFILE = re.compile(r"[A-Za-z0-9._-]{0,20}")  # RFC 6710 §7


@dataclass(frozen=True)
class Settings:
    """
    The parameters of L{txsmtpx.SMTPServerFactory} that a dialog reads; here they are checked.

    @ivar ident: what the greeting has after the domain and the protocol (RFC 5321 §4.2); "" for nothing.
    @ivar from_thread: calls a function, with arguments, in the reactor's thread.
    @ivar tables: the extensions, compiled.
    @ivar observers: those who watch.
    @ivar now: seconds since the epoch.
    @ivar trusted_networks: whose XCLIENT and XFORWARD count.
    @ivar deliver_by_minimum: seconds, 0 for none (RFC 2852).
    @ivar priority_profile: "", "MIXER", "STANAG4406", "NSEP" (RFC 6710 §10).
    @ivar max_hold: seconds (RFC 4865).
    @ivar mechanisms: the SASL mechanisms that the backend's credentials allow.
    @ivar max_message_bytes: octets, 0 for no limit.
    @ivar max_recipients: a message, 0 for any number.
    @ivar max_transactions: MAILs a session, 0 for any number (RFC 9422 §4.1).
    @ivar max_recipient_domains: different ones a session, 0 for any number (RFC 9422 §4.3).
    @ivar max_errors: commands refused for good (5xx) without a message taken, which end the connection; 0 for any
        number, and not counted under LMTP.
    @ivar max_line_length: octets of a command with its line end.
    @ivar max_auth_failures: failed logins that end the connection (RFC 4954 §9: three or more).
    @ivar auth_failure_delay: seconds, times the count, before a failed login is answered.
    @ivar delivery_timeout: seconds after the end of the data, for outcomes that have no time-out of their own.
    @ivar bare_newlines: what becomes of a CR or LF that is no line end (L{txsmtpx.grammar.transparency}).
    @ivar outcome_policy: what SMTP says where recipients fared differently.
    @ivar delivery_timed_out: what is said of a recipient whose delivery timed out.
    """

    backend: Any
    domain: str
    clock: IReactorTime
    from_thread: Callable[..., object]
    tables: Tables
    ident: str = "txsmtpx"
    mechanisms: tuple[Mechanism, ...] = ()
    lmtp: bool = False
    max_message_bytes: int = 32 * 1024 * 1024
    max_recipients: int = 1000
    max_transactions: int = 0
    max_recipient_domains: int = 0
    max_errors: int = 20
    max_line_length: int = 2000
    require_auth: bool = False
    require_tls: bool = False
    tls_available: bool = False
    allow_insecure_auth: bool = False
    max_auth_failures: int = 3
    auth_failure_delay: float = 1.0
    delivery_timeout: float = 300.0
    bare_newlines: BareNewlines = "normalize"
    outcome_policy: OutcomePolicy = first_failure
    delivery_timed_out: Callable[[str], Reply] = replies.delivery_timed_out_420
    trusted_networks: Sequence[IPv4Network | IPv6Network] = ()
    deliver_by_minimum: int = 0
    priority_profile: str = ""
    max_hold: int = 7 * 86400
    now: Callable[[], float] = time.time
    observers: Observers = field(default_factory=Observers)
    session_ids: Identifiers = field(default_factory=Identifiers)
    queue_ids: Identifiers = field(default_factory=Identifiers)

    @property
    def greeting(self) -> Reply:
        """The first reply of a session (RFC 5321 §4.2)."""
        return replies.greeting_220(self.domain, "LMTP" if self.lmtp else "ESMTP", self.ident)

    def __post_init__(self) -> None:
        """
        @raise ValueError: something makes no sense.
        """
        for name in (
            "max_message_bytes",
            "max_recipients",
            "max_transactions",
            "max_recipient_domains",
            "max_errors",
            "auth_failure_delay",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is negative")
        for name in ("max_line_length", "max_auth_failures", "delivery_timeout"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is not positive")
        if not 0 < self.max_hold < 10**9:
            raise ValueError("max_hold is not a number of 1 to 9 digits")  # RFC 4865 §3
        if not _PROFILE.fullmatch(self.priority_profile):
            raise ValueError(f"priority_profile is no name of up to 20 letters, not {self.priority_profile!r}")
        if self.bare_newlines not in ("normalize", "reject", "accept"):
            raise ValueError(f"bare_newlines is normalize, reject or accept, not {self.bare_newlines!r}")
        if not _IDENT.fullmatch(self.ident):
            raise ValueError(f"ident is up to 200 printable characters of ASCII, not {self.ident!r}")
        if self.require_tls and not self.tls_available:
            raise ValueError("require_tls needs a certificate")
        if self.require_auth and not self.mechanisms:
            raise ValueError("require_auth needs a backend that knows logins, and a mechanism for them")
