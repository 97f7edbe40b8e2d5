"""
An envelope as this server can take it: RFC 5321 §4.1.1.2, RFC 6531 §3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from txsmtpx.dialog.source import to_a_label
from txsmtpx.errors import NotOffered
from txsmtpx.extensions import box
from txsmtpx.extensions.extension import Extension
from txsmtpx.grammar import command, path
from txsmtpx.grammar.options import MailOptions, Options, RcptOptions, format


class Envelope:
    """
    The words of MAIL and RCPT.

    @ivar sender: path and parameters of MAIL.
    @ivar recipients: path and parameters of each RCPT.
    """

    def __init__(
        self,
        sender: str,
        recipients: Sequence[tuple[str, RcptOptions]],
        options: MailOptions,
        offered: Mapping[str, Any],
        known: Sequence[Extension] = box.EXTENSIONS,
    ) -> None:
        """
        @param known: the extensions that we understand.
        @param offered: the server's extensions.
        @raise ValueError: an address is none.
        @raise NotOffered: it cannot be said to this server without changing its meaning.
        """
        addresses = [sender, *(recipient for recipient, _ in recipients)]
        if "SMTPUTF8" not in offered:
            addresses = [_to_ascii(address) for address in addresses]
        elif not all(address.isascii() for address in addresses):
            options.smtputf8 = True
        paths = [path.format_path(address) for address in addresses]
        for given in (options, *(given for _, given in recipients)):
            _demand(given, offered, known)
        understood = [extension for extension in known if extension.keyword in offered]
        for extension in understood:
            if extension.keep_to is not None:
                extension.keep_to(offered[extension.keyword], options)
        mail = [each for extension in understood for each in extension.mail]
        rcpt = [each for extension in understood for each in extension.rcpt]
        self.sender = [f"FROM:{paths[0]}", *format(options, mail)]
        self.recipients = [
            [f"TO:{to}", *format(given, rcpt)] for to, (_, given) in zip(paths[1:], recipients, strict=True)
        ]
        for words in (self.sender, *self.recipients):
            command.join("", *words)  # so that what cannot be said is found before anything has been


def _demand(options: Options, offered: Mapping[str, Any], known: Sequence[Extension]) -> None:
    """What is wanted in earnest is offered; the rest is left away where it is not."""
    for extension in known:
        if extension.keyword not in offered and extension.wanted(options):
            raise NotOffered(f"the server does not offer {extension.keyword}")


def _to_ascii(address: str) -> str:
    """
    C{address} for a server without SMTPUTF8: a domain has its A-label (RFC 5890), a local part has nothing of the kind.
    """
    if address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    if not local.isascii():
        raise NotOffered(f"the server does not offer SMTPUTF8, which {address} needs")
    return f"{local}@{to_a_label(domain)}"
