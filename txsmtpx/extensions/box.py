"""The extensions in the box, in the order EHLO says them; to add one, write its file and name it here."""

from __future__ import annotations

from txsmtpx.extensions.auth import AUTH
from txsmtpx.extensions.chunking import CHUNKING
from txsmtpx.extensions.eightbitmime import EIGHTBITMIME
from txsmtpx.extensions.enhancedstatuscodes import ENHANCEDSTATUSCODES
from txsmtpx.extensions.extension import Extension
from txsmtpx.extensions.limits import LIMITS
from txsmtpx.extensions.pipelining import PIPELINING
from txsmtpx.extensions.size import SIZE
from txsmtpx.extensions.smtputf8 import SMTPUTF8
from txsmtpx.extensions.starttls import STARTTLS

EXTENSIONS: tuple[Extension, ...] = (
    PIPELINING,
    SIZE,
    EIGHTBITMIME,
    SMTPUTF8,
    CHUNKING,
    ENHANCEDSTATUSCODES,
    LIMITS,
    STARTTLS,
    AUTH,
)
