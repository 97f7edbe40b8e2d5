"""Certificates for the tests of the wire."""

from __future__ import annotations

import pytest

from txsmtpx import Certificate
from txsmtpx.testing import Pem


@pytest.fixture
def certificate(pem: Pem) -> Certificate:
    """The same, for ``SMTPServerFactory(tls=...)``."""
    return Certificate(str(pem.certificate), str(pem.key))
