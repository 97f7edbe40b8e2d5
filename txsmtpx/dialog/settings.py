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
"""(a reply a recipient in RCPT order, the outcome of ``data``) to the one reply that SMTP has for them."""


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
    The parameters of `txsmtpx.SMTPServerFactory` that a dialog reads; here they are checked.

    Attributes:
        ident: What the greeting has after the domain and the protocol (RFC 5321 §4.2); "" for nothing.
        from_thread: Calls a function, with arguments, in the reactor's thread.
        tables: The extensions, compiled.
        observers: Those who watch.
        now: Seconds since the epoch.
        trusted_networks: Whose XCLIENT and XFORWARD count.
        deliver_by_minimum: Seconds, 0 for none (RFC 2852).
        priority_profile: "", "MIXER", "STANAG4406", "NSEP" (RFC 6710 §10).
        max_hold: Seconds (RFC 4865).
        mechanisms: The SASL mechanisms that the backend's credentials allow.
        max_message_bytes: Octets, 0 for no limit.
        max_recipients: A message, 0 for any number.
        max_transactions: MAILs a session, 0 for any number (RFC 9422 §4.1).
        max_recipient_domains: Different ones a session, 0 for any number (RFC 9422 §4.3).
        max_errors: Commands refused for good (5xx) without a message taken, which end the connection; 0 for any
            number, and not counted under LMTP.
        max_line_length: Octets of a command with its line end.
        max_auth_failures: Failed logins that end the connection (RFC 4954 §9: three or more).
        auth_failure_delay: Seconds, times the count, before a failed login is answered.
        delivery_timeout: Seconds after the end of the data, for outcomes that have no time-out of their own.
        bare_newlines: What becomes of a CR or LF that is no line end (`txsmtpx.grammar.transparency`).
        outcome_policy: What SMTP says where recipients fared differently.
        delivery_timed_out: What is said of a recipient whose delivery timed out.
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
        Raises:
            ValueError: Something makes no sense.
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
