"""What several tests of the helpers need."""

from __future__ import annotations

import pytest

from txsmtpx.testing import ReactorThread


@pytest.fixture
def thread():
    thread = ReactorThread()
    yield thread
    thread.stop()
