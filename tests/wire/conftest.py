"""Certificates for the tests of the wire."""

from __future__ import annotations

import pytest

from txsmtpx import Certificate
from txsmtpx.testing import Pem, issue


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    """A certificate for localhost, in files."""
    return issue(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def certificate(pem: Pem) -> Certificate:
    """The same, for ``SMTPServerFactory(tls=...)``."""
    return Certificate(str(pem.certificate), str(pem.key))
