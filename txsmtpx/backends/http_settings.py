"""The settings of the backend ``http``."""

from __future__ import annotations

from typing import Literal, get_args

from txsmtpx.setting import Setting
from txsmtpx.setting_kinds import Choice, Flag, Number, Seconds, Text

Format = Literal["raw", "form", "json"]
"""The formats of a request."""

FieldNames = Literal["own", "mailgun", "sendgrid"]
"""The names of the fields of a form."""

FORMAT: Choice[Format] = Choice(
    "format", "raw", "HTTP", "Send the message as it came, or parsed, as a form or in JSON.", get_args(Format)
)
NAMES: Choice[FieldNames] = Choice(
    "names",
    "own",
    "HTTP",
    "Name the fields of a form as this library does, or as the inbound hooks of Mailgun or SendGrid do.",
    get_args(FieldNames),
)
TIMEOUT = Seconds(
    "timeout", 30.0, "HTTP", "Wait this long in all for the application to read and to answer.", zero=False
)
CONNECTIONS = Number("connections", 100, "HTTP", "Send up to N requests at a time; others wait.", "requests", 1)
MAX_ANSWER_BYTES = Number("max_answer_bytes", 65536, "HTTP", "Read up to N octets of an answer.", "octets", 1)
HOLD = Flag(
    "hold", False, "HTTP", "Receive a message to its end before it is sent, so that the request has a Content-Length."
)
SECRET_FILE = Text(
    "secret_file", "", "HTTP", "Sign each request as Standard Webhooks are, with the secret in a file: whsec_..."
)
TOKEN_FILE = Text("token_file", "", "HTTP", "Send the bearer token in a file with each request.")
CERTIFICATE = Text("certificate", "", "HTTP", "Show the certificate in a PEM file, which has its key too.")
TRUST_ROOTS = Text(
    "trust_roots", "", "HTTP", "Trust the authorities in a PEM file, instead of those of the system."
)
RCPT_URL = Text("rcpt_url", "", "HTTP", "Ask this URL for each recipient; it has {local}, and perhaps {domain}.")
RCPT_CACHE = Seconds("rcpt_cache", 60.0, "HTTP", "Keep an answer about a recipient for this time (0: do not keep it).")

SETTINGS: tuple[Setting[object], ...] = (
    FORMAT, NAMES, TIMEOUT, CONNECTIONS, MAX_ANSWER_BYTES, HOLD, SECRET_FILE, TOKEN_FILE, CERTIFICATE, TRUST_ROOTS,
    RCPT_URL, RCPT_CACHE,
)  # fmt: skip
