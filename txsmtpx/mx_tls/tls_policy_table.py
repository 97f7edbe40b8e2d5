"""The policies of TLS that an operator states, by domain."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast, get_args

from txsmtpx.grammar import path
from txsmtpx.grammar.domain import domain_key
from txsmtpx.grammar.domain_table import EVERY_DOMAIN, DomainTable, entry_key
from txsmtpx.setting import did_you_mean

TLSLevel = Literal["auto", "none", "may", "encrypt", "verify", "secure", "dane", "dane-only"]
"""
What a connection to an exchanger needs.

* auto: DANE if the exchanger has TLSA records, otherwise the MTA-STS policy of the domain, otherwise as "may".
* none: no TLS.
* may: TLS if it is offered, with any certificate.  Without TLS if it fails.
* encrypt: TLS with any certificate.
* verify: TLS, and the certificate is for the name of the exchanger.
* secure: TLS, and the certificate is for the domain of the recipients, or a name below it.
* dane: as "auto", without MTA-STS.
* dane-only: DANE, and no mail without it.

The names are those of Postfix (``smtp_tls_policy_maps``), whose "dane" is the same.
"""


@dataclass(frozen=True)
class TLSPolicy:
    """
    The policy for a domain.

    Args:
        domain: The domain of recipients; ``".example.org"`` for the domains below it, ``"*"`` for all other domains.
        level: The level.
        names: The names that the certificate may have, for "verify" and "secure"; ``".example.net"`` for any name
            below that domain.  None: those of the level.

    Attributes:
        domain: As in the arguments, in the form of `txsmtpx.domain_key`.
        level: As in the arguments.
        names: As in the arguments, as a tuple.

    Raises:
        ValueError: A value cannot be used.

    Example:
        >>> TLSPolicy("Example.ORG", "secure", [".example.net"])
        TLSPolicy(domain='example.org', level='secure', names=('.example.net',))
        >>> TLSPolicy.parsed("example.org=verify:mx.example.net").names
        ('mx.example.net',)
    """

    domain: str
    level: TLSLevel
    names: Iterable[str] = ()

    def __post_init__(self) -> None:
        if self.level not in get_args(TLSLevel):
            levels = get_args(TLSLevel)
            hint = did_you_mean(str(self.level), levels) or f"; write {', '.join(levels[:-1])} or {levels[-1]}"
            raise ValueError(f"there is no level {self.level!r}{hint}")
        if isinstance(self.names, str):
            raise ValueError(f"names is a list of names, not {self.names!r}")
        names = tuple([_name(each) for each in self.names])
        if names and self.level not in ("verify", "secure"):
            raise ValueError(f"the level {self.level} has no names; leave out {', '.join(names)}, or write secure")
        object.__setattr__(self, "domain", entry_key(self.domain))
        object.__setattr__(self, "names", names)

    @classmethod
    def parsed(cls, text: str) -> TLSPolicy:
        """
        Read a policy from ``DOMAIN=LEVEL`` or ``DOMAIN=LEVEL:NAME,NAME``.

        Args:
            text: The text.

        Returns:
            The policy.

        Raises:
            ValueError: It is none.
        """
        domain, equals, rest = text.partition("=")
        level, colon, names = rest.partition(":")
        if not equals or (colon and not names):
            hint = "write DOMAIN=LEVEL, such as example.org=encrypt or example.org=secure:mx.example.net"
            raise ValueError(f"{text!r} is no policy; {hint}")
        return cls(domain.strip(), cast(TLSLevel, level.strip()), [each.strip() for each in names.split(",") if each])

    def __str__(self) -> str:
        names = f":{','.join(self.names)}" if self.names else ""
        return f"{self.domain}={self.level}{names}"


_AUTO = TLSPolicy(EVERY_DOMAIN, "auto")


class TLSPolicyTable:
    """
    The policies for all domains.

    Args:
        policies: The policies.

    Raises:
        ValueError: Two are for the same domain.

    Example:
        >>> table = TLSPolicyTable([TLSPolicy(".example.org", "encrypt")])
        >>> table.policy("lists.example.org").level, table.policy("example.net").level
        ('encrypt', 'auto')
    """

    def __init__(self, policies: Iterable[TLSPolicy] = ()) -> None:
        self._table: DomainTable[TLSPolicy] = DomainTable()
        for policy in policies:
            if self._table.get(policy.domain) is not None:
                raise ValueError(f"there are two TLS policies for {policy.domain}; leave one out")
            self._table.add(policy.domain, policy)

    def policy(self, domain: str) -> TLSPolicy:
        """
        Return the policy that counts for a domain.

        Args:
            domain: The domain, in the form of `txsmtpx.domain_key`.

        Returns:
            The policy; "auto" if there is none.
        """
        key = self._table.key_of(domain)
        found = None if key is None else self._table.get(key)
        return _AUTO if found is None else found


def _name(name: str) -> str:
    dot, rest = ("." if name.startswith(".") else ""), name.removeprefix(".")
    try:
        path.check_domain_part(rest)
        if rest.startswith("["):
            raise ValueError
        return f"{dot}{domain_key(rest)}"
    except ValueError:
        hint = "; write commas between several names" if re.search(r"[:; ]", name) else ""  # Postfix takes colons
        raise ValueError(f"a name is one such as mx.example.net or .example.net, not {name!r}{hint}") from None
