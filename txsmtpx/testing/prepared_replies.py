"""The prepared replies of a `ScriptedServer`: the check of what a test gives, and the next reply to a verb."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from txsmtpx.setting import did_you_mean
from txsmtpx.testing.keywords import ReplyKeywords

_VERBS: Mapping[str, str] = {"GREETING": "", "END": "."}
"""The names of what is no verb, and the key under which its replies are kept."""

_LINE = re.compile(r"[2-5][0-9]{2}(?:[ -].*)?|(?![0-9]).*")
"""A line of a reply; or any text that does not begin with a digit, which a test sends on purpose."""

_USUAL: Mapping[str, str] = {
    "": "220 scripted.example",
    "HELO": "250 scripted.example",
    "MAIL": "250 2.1.0 Sender ok",
    "RCPT": "250 2.1.5 Recipient ok",
    "DATA": "354 Go on",
    "BDAT": "250 2.0.0 Chunk ok",
    ".": "250 2.0.0 Taken",
    "VRFY": "252 2.5.0 Perhaps",
    "STARTTLS": "220 2.0.0 Ready",
    "QUIT": "221 2.0.0 Bye",
}


def prepared_replies(given: Mapping[str, object]) -> dict[str, object]:
    """
    Check prepared replies.

    Args:
        given: The replies by verb.

    Returns:
        The replies, each list in a new list.  The greeting has the key "", the end of a message has ".".

    Raises:
        TypeError: A reply has the wrong type.
        ValueError: A name is no verb in upper case, or a text begins with a digit and is no reply.
    """
    for verb, reply in given.items():
        if not re.fullmatch("[A-Z][A-Z0-9-]*", verb):
            advice = did_you_mean(verb.upper(), ReplyKeywords.__annotations__)
            raise ValueError(f"ScriptedServer: {verb!r} is no verb in upper case{advice}")
        _check(verb, reply)
    return {
        _VERBS.get(verb, verb): list(reply) if isinstance(reply, list | tuple) else reply
        for verb, reply in given.items()
    }


def _check(verb: str, reply: object) -> None:
    if isinstance(reply, list | tuple):
        for each in reply:
            _check(verb, each)
    elif not (reply is None or isinstance(reply, str | bytes | Iterator) or callable(reply)):
        raise TypeError(f"ScriptedServer: {verb} must be a reply, a function or a list of these, not {reply!r}")
    elif isinstance(reply, str) and reply and not all(map(_LINE.fullmatch, reply.split("\n"))):
        advice = "write it as '550 5.1.1 No', or as octets, which are sent as they are"
        raise ValueError(f"ScriptedServer: {verb}: {reply!r} is no reply; {advice}")


def next_reply(replies: dict[str, object], verb: str, argument: str) -> object:
    """
    Return the next prepared reply to a verb, and remove it from its list.

    Args:
        replies: The prepared replies.
        verb: The verb.
        argument: Its argument, for which a function is called.

    Returns:
        The reply, an iterator of replies, or None for the usual reply.
    """
    reply = replies.get(verb)
    if isinstance(reply, list):
        reply = reply.pop(0) if reply else None
    return reply(argument) if callable(reply) else reply


def usual_reply(verb: str) -> str:
    """
    Return the reply to a verb without a prepared one.

    Args:
        verb: The verb.

    Returns:
        The reply.
    """
    return _USUAL.get(verb, "250 2.0.0 Ok")
