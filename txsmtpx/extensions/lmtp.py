"""
LMTP (RFC 2033): SMTP with LHLO in the place of EHLO, and a reply for each recipient after the data.

The dialog sends these replies (`txsmtpx.dialog.delivery`).  This file has LHLO.
"""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension, Verb
from txsmtpx.dialog.state import ANY
from txsmtpx.extensions.smtp import COMMON, ehlo

LHLO = Verb("LHLO", ehlo, "LHLO your.domain", ANY, before_tls=True, before_auth=True)

LMTP = Extension("", "RFC 2033", verbs=(LHLO, *COMMON))
