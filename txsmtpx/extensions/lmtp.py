"""
RFC 2033: LMTP, which is SMTP with another hello and a reply for each recipient after the data.

The replies are the dialog's work (`txsmtpx.dialog.delivery`); here is the hello.
"""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension, Verb
from txsmtpx.dialog.state import ANY
from txsmtpx.extensions.smtp import COMMON, ehlo

LHLO = Verb("LHLO", ehlo, "LHLO your.domain", ANY, before_tls=True, before_auth=True)

LMTP = Extension("", "RFC 2033", verbs=(LHLO, *COMMON))
