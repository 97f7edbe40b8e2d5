"""TCP ports of this machine, for servers that are other processes."""

from __future__ import annotations

import contextlib
import random
import socket


def free_port(host: str = "127.0.0.1") -> int:
    """
    Return a port on which no program listens.

    It is below the range from which clients have their ports: a connection could take one of those before the server
    listens.

    Args:
        host: An IP address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = random.randrange(20000, 32000)
        with contextlib.suppress(OSError), socket.create_server((host, port), family=family):
            return port
