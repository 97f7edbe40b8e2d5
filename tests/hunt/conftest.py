"""The certificate of those who speak TLS here."""

from tests.wire.conftest import pem

__all__ = ["pem"]
