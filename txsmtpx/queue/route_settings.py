"""The settings of a route in a configuration file or on the command line."""

from __future__ import annotations

from txsmtpx.dialog.demands import EightBit
from txsmtpx.setting import Setting
from txsmtpx.setting_kinds import Choice, Flag, Number, Several, Text
from txsmtpx.wire.client_settings import TLSMode

ENDPOINT = Text("endpoint", "", "Routes", "The server, such as tls:smtp.example.com:465 or tcp:10.0.0.5:25.")
LMTP = Flag("lmtp", False, "Routes", "Use LMTP.")
TLS: Choice[TLSMode | None] = Choice(
    "tls",
    None,
    "Routes",
    "Use STARTTLS if the server offers it, require STARTTLS, begin with TLS, or use no TLS.",
    ("opportunistic", "required", "implicit", "none"),
)
AUTH = Text("auth", "", "Routes", "Log in with the user name and the password in a file: NAME:PASSWORD.")
OAUTH = Text("oauth", "", "Routes", "Log in by OAuth 2.0; a TOML file has the token endpoint and the client.")
HOSTNAME = Text("hostname", "", "Routes", "The name to verify in the certificate, instead of that of the endpoint.")
TRUST_ROOTS = Text("trust_roots", "", "Routes", "A PEM file of the trusted authorities, instead of the system's.")
UNVERIFIED = Flag(
    "allow_unverified_tls",
    False,
    "Routes",
    "Accept any certificate; anyone on the network path can then read and change the mail.",
)
WITHOUT = Several(
    "without", (), "Routes", "Do not use these extensions, such as CHUNKING, though the server offers them."
)
EIGHT_BIT: Choice[EightBit] = Choice(
    "eight_bit",
    "refuse",
    "Routes",
    "Return 8-bit messages if the server does not offer 8BITMIME, or send them all the same.",
    ("refuse", "send"),
)
CONNECTIONS = Number(
    "connections", 0, "Routes", "Open up to N connections (0: as --queue-destination).", "connections", 0, 1000
)

SETTINGS: tuple[Setting[object], ...] = (
    ENDPOINT, LMTP, TLS, AUTH, OAUTH, HOSTNAME, TRUST_ROOTS, UNVERIFIED, WITHOUT, EIGHT_BIT, CONNECTIONS
)  # fmt: skip
"""All settings of a route."""
