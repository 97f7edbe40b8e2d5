"""Certificates for the tests of security."""

from __future__ import annotations

import pytest

from txsmtpx.testing import Pem, issue


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    """A certificate for localhost, in files."""
    return issue(tmp_path_factory.mktemp("certificates"))
