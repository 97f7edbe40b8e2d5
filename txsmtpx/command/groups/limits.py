"""
How much of everything is taken.
"""

from __future__ import annotations

from txsmtpx.command.group import Group, pass_on
from txsmtpx.command.option import NUMBER, Option

OPTIONS = (
    Option("max-message-bytes", NUMBER, "The largest message, in octets, 0 for none.", 32 * 1024 * 1024),
    Option("max-recipients", NUMBER, "Recipients a message, 0 for any number.", 1000),
    Option("max-transactions", NUMBER, "Messages a connection, 0 for any number.", 0),
    Option("max-recipient-domains", NUMBER, "Domains of recipients a connection, 0 for any number.", 0),
    Option("max-errors", NUMBER, "Refused commands without a message, 0 for any number.", 20),
    Option("max-connections", NUMBER, "Connections at a time, 0 for any number.", 0),
    Option(
        "max-connections-per-host",
        NUMBER,
        "Connections at a time from one IPv4 address or IPv6 network of 64 bits, 0 for any number.",
        0,
    ),
)

LIMITS = Group("Limits", OPTIONS, lambda values, listener: pass_on(values, listener, OPTIONS))
