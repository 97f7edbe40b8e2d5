"""
The actions of access(5), with which a policy server answers, and the replies of Postfix to a client.

The facts are from access(5), and from the replies of Postfix 3.7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast, get_args

from txsmtpx.content import field
from txsmtpx.filters.policy_message import PolicyError
from txsmtpx.grammar import asciitext, path
from txsmtpx.grammar.reply import Reply

Word = Literal[
    "BCC", "DEFER", "DEFER_IF_PERMIT", "DEFER_IF_REJECT", "DISCARD", "DUNNO", "HOLD", "INFO", "OK", "PREPEND",
    "REDIRECT", "REJECT", "WARN",
]  # fmt: skip
"""
The actions that are supported.  FILTER is not, and neither are the names of Postfix's restrictions, but ``permit``.
"""

_WORDS: frozenset[str] = frozenset(get_args(Word))
_CODES = {"REJECT": 554, "DEFER": 450, "DEFER_IF_PERMIT": 450, "DEFER_IF_REJECT": 450}
"""Postfix's access_map_reject_code, access_map_defer_code, and the fixed code of the two others."""

_CODE = re.compile("[45][0-9][0-9]")
_ENHANCED = re.compile(r"[245]\.([0-9]{1,3})\.([0-9]{1,3})(?: +|$)")

_ADDRESS = 1
"""The subject of enhanced codes about an address (RFC 3463 §3.2)."""

_DETAILS = {
    "Sender address": {1: 7, 2: 8, 3: 7, 4: 7, 6: 7, 7: 7, 8: 8},
    "Recipient address": {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 3, 8: 2},
}
"""The detail that Postfix puts in the place of one about the other address; 0 for all others."""


@dataclass(frozen=True)
class Action:
    """
    An action.

    Attributes:
        word: Its name.  A reply code, such as 450 or 554, is DEFER or REJECT.
        text: The text behind it; for PREPEND, REDIRECT and BCC its argument.
        code: The reply code; 0 if the client gets no reply.
    """

    word: Word
    text: str = ""
    code: int = 0

    def reply(self, subject: str, kind: str) -> Reply:
        """
        Return the reply to the client, in the words of Postfix.

        Args:
            subject: What was rejected, such as an address.
            kind: Its name, such as "Recipient address".

        Returns:
            The reply.

        Example:
            >>> print(parse("REJECT 5.7.23 SPF fail").reply("b@example.org", "Recipient address"))
            554 5.7.23 <b@example.org>: Recipient address rejected: SPF fail
        """
        subject_code, detail, text = 7, 1, self.text
        found = _ENHANCED.match(text)
        if found is not None:
            subject_code, detail = _about(kind, int(found[1]), int(found[2]))
            text = text[found.end() :]
        default = "Service unavailable" if self.word.startswith("DEFER_IF") else "Access denied"
        enhanced = (self.code // 100, subject_code, detail)
        return Reply(self.code, enhanced, f"<{subject}>: {kind} rejected: {text or default}")

    @property
    def added_field(self) -> tuple[str, str]:
        """The name and the value of the field of PREPEND."""
        name, _, value = self.text.partition(":")
        return name, value.strip(" \t")


def _about(kind: str, subject: int, detail: int) -> tuple[int, int]:
    """Return the subject and detail of an enhanced code, for what was rejected, whatever the policy server meant."""
    if subject != _ADDRESS:
        return subject, detail
    return (_ADDRESS, _DETAILS[kind].get(detail, 0)) if kind in _DETAILS else (0, 0)


def parse(answer: str) -> Action:
    """
    Parse the answer of a policy server.

    Args:
        answer: The value of its attribute "action".  Case does not matter in the name of an action.

    Returns:
        The action.

    Raises:
        PolicyError: There is no such action, it is not supported, or its argument is malformed.

    Example:
        >>> parse("defer_if_permit 4.2.0 Greylisted")
        Action(word='DEFER_IF_PERMIT', text='4.2.0 Greylisted', code=450)
        >>> parse("521 Go away")
        Action(word='REJECT', text='Go away', code=521)
    """
    answer = answer.strip(" \t\r")
    given, _, text = answer.partition(" ")
    text = text.strip(" \t")
    if asciitext.is_number(answer):  # even one that is a reply code
        return Action("OK")
    if _CODE.fullmatch(given):
        return Action("DEFER" if given[0] == "4" else "REJECT", text, int(given))
    word = asciitext.upper(given)
    if word == "PERMIT":
        word = "OK"
    if word not in _WORDS:
        raise PolicyError(f"the policy server answers with an action that is not supported: {answer[:80]!r}")
    action = Action(cast(Word, word), text, _CODES.get(word, 0))
    try:
        _check(action)
    except ValueError as error:
        raise PolicyError(f"the policy server answers {answer[:80]!r}: {error}") from error
    return action


def _check(action: Action) -> None:
    """
    Check the argument of an action.

    Raises:
        ValueError: It is malformed.
    """
    if action.word in ("REDIRECT", "BCC"):
        path.parse_mailbox(action.text)
    elif action.word == "PREPEND":
        name, value = action.added_field
        if ":" not in action.text:
            raise ValueError("PREPEND needs a header field, such as X-Name: value")
        field.encode(name, value)
