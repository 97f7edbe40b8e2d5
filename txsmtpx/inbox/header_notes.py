"""The header fields about unsubscribing and authentication, explained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from txsmtpx.grammar import asciitext
from txsmtpx.inbox.message_detail import MessageDetail

MAX_NOTES = 50
"""Notes of a message."""

_URI = re.compile(r"<\s*([^<>\s]{1,2000})\s*>")
_RESULT = re.compile(r"\s*([a-z0-9-]{1,30})\s*=\s*([a-z]{1,20})\b", re.ASCII | re.IGNORECASE)
_TAG = re.compile(r"\s*([a-z]{1,10})\s*=\s*(.*)", re.ASCII | re.IGNORECASE | re.DOTALL)

_METHODS = {
    "spf": "SPF: the server may send for the domain of the envelope's sender",
    "dkim": "DKIM: the signature of a domain is valid",
    "dmarc": "DMARC: SPF or DKIM has passed for the domain of From",
    "arc": "ARC: a server that forwarded the message vouches for earlier results",
    "iprev": "reverse DNS: the name of the client's address leads back to it",
    "auth": "the client has logged in",
}

_BAD = ("fail", "permerror", "softfail", "policy")


@dataclass(frozen=True)
class HeaderNote:
    """
    Explain one fact.

    Attributes:
        level: "good", "bad" or "neutral".
        field: The name of the header field.
        text: The explanation.
    """

    level: Literal["good", "bad", "neutral"]
    field: str
    text: str


def header_notes(message: MessageDetail) -> list[HeaderNote]:
    """
    Explain the header fields of a message.

    Args:
        message: The message.

    Returns:
        The notes.
    """
    notes: list[HeaderNote] = []
    for note in [*_unsubscribing(message), *_authentication(message)]:
        if len(notes) < MAX_NOTES:
            notes.append(note)
    return notes


def _unsubscribing(message: MessageDetail) -> Iterator[HeaderNote]:
    name = "List-Unsubscribe"
    value = message.header("list-unsubscribe")
    post = message.header("list-unsubscribe-post")
    if not value:
        yield HeaderNote(
            "neutral", name, "The message has no such field. Gmail and Yahoo require it from senders of newsletters."
        )
        if post:
            yield HeaderNote("bad", "List-Unsubscribe-Post", "The field has no effect without List-Unsubscribe.")
        return
    uris = _URI.findall(value)
    schemes = [asciitext.lower(uri.partition(":")[0]) for uri in uris]
    if not uris:
        yield HeaderNote("bad", name, "The field has no URI in angle brackets (RFC 2369).")
    for uri, scheme in zip(uris, schemes, strict=True):
        if scheme in ("https", "mailto"):
            yield HeaderNote("good", name, f"Mail clients can unsubscribe by {uri}")
        elif scheme == "http":
            yield HeaderNote("bad", name, f"{uri} is not encrypted. One click needs https.")
        else:
            yield HeaderNote("bad", name, f"{uri} has a scheme that mail clients do not use.")
    one_click = asciitext.lower(post.replace(" ", "")) == "list-unsubscribe=one-click"
    if one_click and "https" in schemes:
        yield HeaderNote("good", "List-Unsubscribe-Post", "Mail clients can unsubscribe with one click (RFC 8058).")
        if not _signs(message, ("list-unsubscribe", "list-unsubscribe-post")):
            yield HeaderNote(
                "bad", "DKIM-Signature", "No signature covers both fields, which RFC 8058 requires for one click."
            )
    elif one_click:
        yield HeaderNote("bad", "List-Unsubscribe-Post", "One click needs an https URI in List-Unsubscribe.")
    elif post:
        text = 'The value is not "List-Unsubscribe=One-Click" (RFC 8058).'
        yield HeaderNote("bad", "List-Unsubscribe-Post", text)
    elif "https" in schemes:
        text = "Without this field, one click is not possible (RFC 8058)."
        yield HeaderNote("neutral", "List-Unsubscribe-Post", text)


def _authentication(message: MessageDetail) -> Iterator[HeaderNote]:
    found = False
    for name, value in message.headers:
        lower = asciitext.lower(name)
        if lower == "authentication-results":
            found = True
            yield from _results(name, value)
        elif lower == "received-spf":
            found = True
            result = asciitext.lower(value.split(maxsplit=1)[0] if value.split() else "")
            level: Literal["good", "bad"] = "good" if result == "pass" else "bad"
            yield HeaderNote(level, name, f"The result of SPF is {result[:20] or 'missing'} (RFC 7208).")
        elif lower == "dkim-signature":
            found = True
            yield _signature(name, value)
    if not found:
        yield HeaderNote(
            "neutral",
            "Authentication-Results",
            "No server has added results of SPF, DKIM or DMARC, and the message has no DKIM signature.",
        )


def _results(name: str, value: str) -> Iterator[HeaderNote]:
    server, *results = _without_comments(value).split(";")
    for result in results:
        parsed = _RESULT.match(result)
        if parsed is None:
            continue
        method, outcome = (asciitext.lower(each) for each in parsed.groups())
        meaning = _METHODS.get(method, method)
        level: Literal["good", "bad", "neutral"] = "neutral"
        if outcome == "pass":
            level = "good"
        elif outcome in _BAD:
            level = "bad"
        yield HeaderNote(level, name, f"{server.strip()[:200]} checked this and found {outcome}. {meaning}.")


def _signature(name: str, value: str) -> HeaderNote:
    tags = _tags(value)
    missing = [each for each in ("v", "a", "b", "bh", "d", "h", "s") if not tags.get(each)]
    if missing:
        return HeaderNote("bad", name, f"The signature has no tag {', '.join(missing)} (RFC 6376).")
    domain, selector = tags["d"][:255], tags["s"][:255]
    text = f"{domain} has signed the message. Its key is in the DNS at {selector}._domainkey.{domain}."
    if asciitext.lower(tags["a"]) == "rsa-sha1":
        return HeaderNote("bad", name, f"{text} The algorithm rsa-sha1 is obsolete (RFC 8301).")
    if "from" not in _signed(tags):
        return HeaderNote("bad", name, f"{text} It does not cover From, which is required.")
    return HeaderNote("neutral", name, f"{text} The inbox does not verify it.")


def _signs(message: MessageDetail, fields: tuple[str, ...]) -> bool:
    signatures = [value for name, value in message.headers if asciitext.lower(name) == "dkim-signature"]
    return any(set(fields) <= _signed(_tags(each)) for each in signatures)


def _signed(tags: dict[str, str]) -> set[str]:
    return {asciitext.lower(each.strip()) for each in tags.get("h", "").split(":")}


def _tags(value: str) -> dict[str, str]:
    found = (_TAG.match(each) for each in value.split(";"))
    return {asciitext.lower(tag[1]): "".join(tag[2].split()) for tag in found if tag is not None}


def _without_comments(value: str) -> str:
    """Return a value without its comments, which may be nested (RFC 5322 §3.2.2)."""
    written, depth = [], 0
    for character in value:
        depth += character == "("
        if depth == 0:
            written.append(character)
        depth -= character == ")" and depth > 0
    return "".join(written)
