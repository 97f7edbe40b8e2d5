"""
A network of one's own, in which every port is free: what Linux calls a network namespace (network_namespaces(7)).

It takes the right to make one, which root has.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import sys
from collections.abc import Iterator

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1


@contextlib.contextmanager
def network() -> Iterator[bool]:
    """
    Take this thread, and what it starts, into a new network; back again at the end.

    Returns:
        Whether it is there, else it has stayed where it was.
    """
    if sys.platform != "linux":
        yield False
        return
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        own = libc.unshare(CLONE_NEWNET) == 0
        try:
            if own:
                _raise_loopback()
            yield own
        finally:
            if own and libc.setns(before, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "there is no way back to the network")
    finally:
        os.close(before)


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
