"""
A relay as a twistd application, which accepts mail for two domains and passes it on while it arrives.

    twistd --nodaemon --python relay.tac

The relay stores nothing: the sender receives the reply of the next server.
"""

import os

from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString

from txsmtpx import RelayBackend, SMTPServerFactory, SMTPService

following = os.environ.get("NEXT_ENDPOINTS", "tcp:localhost:2025").split()  # used in turn
backend = RelayBackend(following, domains=["example.net", "example.org"])
factory = SMTPServerFactory(backend, domain="localhost")
endpoint = serverFromString(reactor, os.environ.get("MAIL_ENDPOINT", "tcp:1025:interface=127.0.0.1"))

application = Application("relay")
for pool in backend.pools:
    pool.setServiceParent(application)
SMTPService(factory, [endpoint]).setServiceParent(application)
