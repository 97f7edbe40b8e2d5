"""
What is offered, and how lines are read.
"""

from __future__ import annotations

from txsmtpx.command.group import Group
from txsmtpx.command.listener import Listener
from txsmtpx.command.option import TEXT, Kind, Option, one_of
from txsmtpx.command.values import Values
from txsmtpx.extensions import registry

OPTIONS = (
    Option(
        "extension",
        Kind("KEYWORD", (str,), registry.named, lambda extension: str(extension.keyword)),
        "Announce an extension, such as DSN, whose promise the backend keeps without declaring it",
        repeated=True,
    ),
    Option("ident", TEXT, "What the greeting has after the domain and ESMTP.", "txsmtpx"),
    Option(
        "bare-newlines",
        one_of("normalize", "reject", "accept"),
        "What becomes of a bare CR or LF: normalize, reject or accept.",
        "normalize",
    ),
)


def _apply(values: Values, listener: Listener) -> None:
    declared = getattr(listener.backend, "supports", ())
    listener.settings["extensions"] = registry.offered_with({*declared, *values["extension"]})
    listener.settings["ident"] = values["ident"]
    listener.settings["bare_newlines"] = values["bare-newlines"]


PROTOCOL = Group("Protocol", OPTIONS, _apply)
