"""What the parent of workers hands to each of them."""

from __future__ import annotations

import os
import socket

import pytest

from txsmtpx.command.handover import Handover, Socket

SOCKETS = (Socket("tcp::25", socket.AF_INET, 3), Socket("unix:lmtp", socket.AF_UNIX, 4))


@pytest.mark.parametrize("certificates", [None, 6])
def test_it_survives_the_environment(certificates):
    handed = Handover(2, SOCKETS, 5, True, "poll", ("/lib", "/srv"), certificates)
    assert Handover.from_text(handed.to_text()) == handed


def test_certificates_are_read_from_their_descriptor():
    reading, writing = os.pipe()
    with open(writing, "wb") as pipe:
        pipe.write(b'{"mx.example.org": "PEM"}')
    handed = Handover(1, (), 5, False, None, (), reading)
    assert handed.read_certificates() == b'{"mx.example.org": "PEM"}'
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reading)


def test_without_certificates_nothing_is_read():
    assert Handover(1, (), 5, False, None, ()).read_certificates() == b""
