"""A factory for one connection, of which the log says nothing."""

from __future__ import annotations

from twisted.internet.protocol import Factory


class UnloggedFactory(Factory):
    """
    A factory for a connection to another program, made for each connection.

    Twisted logs the start and the stop of a factory. A client that can make the server connect would fill the log
    with them.
    """

    noisy = False
