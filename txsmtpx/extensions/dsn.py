"""
DSN (RFC 3461, RFC 6533): the sender chooses the delivery status notifications of a message.

The server decodes the parameters.  The backend sends the notifications, so it must declare that it supports them.
"""

from __future__ import annotations

import re

from txsmtpx.dialog.extension import Extension
from txsmtpx.grammar import asciitext, xtext
from txsmtpx.grammar.esmtp_parameter import Parameter
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.option_value import OriginalRecipient

_EVENTS = frozenset({"SUCCESS", "FAILURE", "DELAY"})
_TYPE = re.compile(r"[A-Za-z0-9-]+")
_UNITEXT_ESCAPE = re.compile(r"\\x\{([0-9A-F]{2,6})\}", re.ASCII | re.IGNORECASE)
_QCHAR = re.compile(r"[!-*,-<>-\[\]-~]")
_NEVER_MEANT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNITEXT_PLAIN = re.compile(r"[^\x00- +=\\\x7f]*")

MAX_ENVID = 100
"""Characters of ENVID at most (RFC 3461 §4.4)."""

MAX_ORCPT = 500
"""Characters of ORCPT at most (RFC 3461 §4.2)."""


def _decode_ret(text: str | None) -> str:
    """Decode RET (RFC 3461 §4.3)."""
    ret = asciitext.upper(text or "")
    if ret not in ("FULL", "HDRS"):
        raise Malformed("FULL or HDRS")
    return ret


def _decode_envid(text: str | None) -> str:
    """Decode ENVID (RFC 3461 §4.4)."""
    if not text or len(text) > MAX_ENVID:
        raise Malformed(f"takes at most {MAX_ENVID} characters of xtext")
    return _printable(xtext.decode(text))


def _encode_envid(envid: str) -> str:
    text = xtext.encode(_printable(envid))
    if not text or len(text) > MAX_ENVID:
        raise ValueError(f"ENVID takes at most {MAX_ENVID} characters of xtext")
    return text


def _printable(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise Malformed("holds only printable ASCII")
    return text


def _decode_notify(text: str | None) -> frozenset[str]:
    """Decode NOTIFY (RFC 3461 §4.1).  NEVER cannot be combined."""
    events = asciitext.upper(text or "").split(",")
    if events == ["NEVER"]:
        return frozenset()
    if len(set(events)) != len(events) or not _EVENTS.issuperset(events):
        raise Malformed("NEVER, or a list of SUCCESS, FAILURE and DELAY")
    return frozenset(events)


def _encode_notify(events: frozenset[str]) -> str:
    if not _EVENTS.issuperset(events):
        raise ValueError("NOTIFY takes SUCCESS, FAILURE and DELAY")
    return ",".join(event for event in ("SUCCESS", "FAILURE", "DELAY") if event in events) or "NEVER"


def _decode_orcpt(text: str | None) -> OriginalRecipient:
    """
    Decode ORCPT (RFC 3461 §4.2).

    An address of type utf-8 comes as unitext, or without SMTPUTF8 as xtext of escapes (RFC 6533 §3).

    Returns:
        The type and the address.
    """
    kind, semicolon, address = (text or "").partition(";")
    if not semicolon or not address or len(text or "") > MAX_ORCPT or not _TYPE.fullmatch(kind):
        raise Malformed("takes a type, a semicolon and an address in xtext")
    if asciitext.lower(kind) != "utf-8":
        return OriginalRecipient(kind, _printable(xtext.decode(address)))
    plain = _UNITEXT_ESCAPE.sub("", address)
    if not _UNITEXT_PLAIN.fullmatch(plain):
        raise Malformed("not unitext")
    if any(int(digits, 16) > 0x10FFFF for digits in _UNITEXT_ESCAPE.findall(address)):
        raise Malformed("no such character")
    meant = _UNITEXT_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), address)
    if _NEVER_MEANT.search(meant):
        raise Malformed("control characters and surrogates are in no address")
    return OriginalRecipient(kind, meant)


def _encode_orcpt(original: OriginalRecipient) -> str:
    """Encode ORCPT in ASCII, which is allowed with and without SMTPUTF8 (RFC 6533 §3)."""
    kind, address = original
    if asciitext.lower(kind) == "utf-8":
        text = "".join(letter if _QCHAR.fullmatch(letter) else f"\\x{{{ord(letter):02X}}}" for letter in address)
    else:
        text = xtext.encode(_printable(address))
    _decode_orcpt(f"{kind};{text}")
    return f"{kind};{text}"


DSN = Extension(
    "DSN",
    "RFC 3461, RFC 6533",
    mail=(
        Parameter("RET", "ret", _decode_ret, _decode_ret, "RET=FULL or RET=HDRS"),
        Parameter("ENVID", "envid", _decode_envid, _encode_envid, "ENVID=xtext"),
    ),
    rcpt=(
        Parameter("NOTIFY", "notify", _decode_notify, _encode_notify, "NOTIFY=NEVER or some of SUCCESS,FAILURE,DELAY"),
        Parameter("ORCPT", "orcpt", _decode_orcpt, _encode_orcpt, "ORCPT=type;xtext, or ORCPT=utf-8;unitext"),
    ),
    needs_backend=True,
)
