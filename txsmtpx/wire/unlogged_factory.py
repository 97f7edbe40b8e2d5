"""A factory whose start and stop are not logged."""

from __future__ import annotations

from twisted.internet.protocol import Factory


class UnloggedFactory(Factory):
    """
    A factory for one connection to another program, such as a mail server, a name server or spamd.

    Twisted logs the start and the stop of each factory.  A client that makes the server connect would fill the log with
    such lines.
    """

    noisy = False
