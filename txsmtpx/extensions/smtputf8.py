"""SMTPUTF8 (RFC 6531): addresses and headers in UTF-8."""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension
from txsmtpx.grammar.esmtp_parameter import Parameter, no_value

SMTPUTF8 = Extension(
    "SMTPUTF8",
    "RFC 6531",
    mail=(Parameter("SMTPUTF8", "smtputf8", no_value, lambda wanted: None, "SMTPUTF8"),),
    wanted=lambda options: getattr(options, "smtputf8", False),
    requires=frozenset({"8BITMIME"}),
)
