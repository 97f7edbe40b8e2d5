"""
A mail server as a twistd application, if the options of "twistd smtpx" are not enough.

    twistd --nodaemon --python server.tac

It stores mail in Maildirs below ./mail, one for each recipient.
"""

import os

from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString

from txsmtpx import MaildirBackend, SMTPServerFactory, SMTPService

factory = SMTPServerFactory(MaildirBackend("mail/{domain}/{local}"), domain="localhost")
endpoint = serverFromString(reactor, os.environ.get("MAIL_ENDPOINT", "tcp:1025:interface=127.0.0.1"))

application = Application("mail")
SMTPService(factory, [endpoint]).setServiceParent(application)
