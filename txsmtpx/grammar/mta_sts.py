"""MTA-STS: the record in the DNS and the policy of a domain (RFC 8461 §3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast, get_args

from txsmtpx.grammar import asciitext

STSMode = Literal["enforce", "testing", "none"]
"""Refuse exchangers that do not satisfy the policy; only report them; no policy (RFC 8461 §5)."""

MOST_AGE = 31_557_600
"""Seconds for which a policy can be kept at most: a year (RFC 8461 §3.2)."""

_RECORD = re.compile(r"v=STSv1[ \t]*;[ \t]*(.*)", re.DOTALL)
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_PATTERN = re.compile(r"(\*\.)?[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")


def record_id(texts: Iterable[str]) -> str | None:
    """
    Return the id in the TXT records of ``_mta-sts``.

    Args:
        texts: The text of each record.

    Returns:
        The id; None if not exactly one record is for MTA-STS, or it has no id (RFC 8461 §3.1).

    Example:
        >>> record_id(["v=STSv1; id=20260831T010101;", "another record"])
        '20260831T010101'
        >>> record_id(["v=STSv1; id=1", "v=STSv1; id=2"]) is None
        True
    """
    found = [match for match in map(_RECORD.fullmatch, texts) if match]
    if len(found) != 1:
        return None
    for field in found[0][1].split(";"):
        name, equals, value = field.strip(" \t").partition("=")
        if name == "id" and equals:
            return value if _ID.fullmatch(value) else None
    return None


@dataclass(frozen=True)
class STSPolicy:
    r"""
    The policy of a domain.

    Attributes:
        mode: What becomes of exchangers that do not satisfy it.
        max_age: Seconds for which it may be kept.
        mx: The patterns of the names of exchangers, in lower case.

    Example:
        >>> policy = STSPolicy.parsed("version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n")
        >>> policy.mode, policy.allows("mx1.example.com"), policy.allows("a.b.example.com")
        ('enforce', True, False)
    """

    mode: STSMode
    max_age: int
    mx: tuple[str, ...]

    @classmethod
    def parsed(cls, text: str) -> STSPolicy:
        """
        Read a policy.

        Args:
            text: The policy: lines of a key, a colon, and a value.

        Returns:
            The policy.

        Raises:
            ValueError: It is no policy; the text says why not.
        """
        values: dict[str, str] = {}
        patterns: list[str] = []
        for line in text.replace("\r\n", "\n").split("\n"):
            key, colon, value = line.partition(":")
            key, value = key.strip(" \t"), value.strip(" \t")
            if not line.strip(" \t"):
                continue
            if not colon:
                raise ValueError(f"the line {line[:100]!r} has no colon")
            if key == "mx":
                patterns.append(_pattern(value))
            else:
                values.setdefault(key, value)  # the first counts (RFC 8461 §3.2)
        if values.get("version") != "STSv1":
            raise ValueError("it has no line version: STSv1")
        mode, max_age = values.get("mode"), values.get("max_age", "")
        if mode not in get_args(STSMode):
            raise ValueError("its mode is neither enforce, testing nor none")
        if not asciitext.is_number(max_age) or len(max_age) > 10 or int(max_age) > MOST_AGE:
            raise ValueError(f"its max_age is no number from 0 to {MOST_AGE}")
        if mode != "none" and not patterns:
            raise ValueError("it has no line mx")
        return cls(cast(STSMode, mode), int(max_age), tuple(patterns))

    def allows(self, name: str) -> bool:
        """
        Return whether an exchanger may get mail for the domain.

        Args:
            name: The name of the exchanger.

        Returns:
            True if a pattern matches.  A ``*`` stands for one label (RFC 8461 §4.1).
        """
        name = asciitext.lower(name).removesuffix(".")
        label, _, below = name.partition(".")
        return any(name == each or (label and each.startswith("*.") and below == each[2:]) for each in self.mx)


def _pattern(value: str) -> str:
    if not _PATTERN.fullmatch(value):
        raise ValueError(f"its mx {value[:100]!r} is neither a name nor *. before a name")
    return asciitext.lower(value).removesuffix(".")
