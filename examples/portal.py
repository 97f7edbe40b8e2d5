"""
A server with a portal of twisted.cred: the permissions of a client depend on its login.

The user alice, with the password "secret", sends to any recipient, with her own address only.  Clients without a login
send to alice only.
"""

import sys

from twisted.cred.checkers import ANONYMOUS, AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.logger import Logger
from twisted.python.log import startLogging
from zope.interface import implementer

from txsmtpx import ISession, PortalBackend, Session, SMTPError, SMTPServerFactory, mailbox_key

log = Logger()


class Avatar(Session):
    """The part that clients with and without a login share."""

    async def data(self, message, context):
        content = await message.content()
        log.info("{sender}: {size} octets", sender=context.sender, size=len(content))


class Stranger(Avatar):
    def rcpt(self, recipient, options):
        if mailbox_key(recipient) != "alice@localhost":
            raise SMTPError(550, (5, 7, 1), "Log in to send mail elsewhere")


class User(Avatar):
    def __init__(self, name):
        self.name = name

    def mail(self, sender, options):
        if mailbox_key(sender) != f"{self.name}@localhost":
            raise SMTPError(550, (5, 7, 1), f"You are {self.name}")

    def logout(self):
        log.info("{name} has gone", name=self.name)


@implementer(IRealm)
class Realm:
    def requestAvatar(self, avatarId, mind, *interfaces):
        if ISession not in interfaces:
            raise NotImplementedError("only for mail")
        avatar = Stranger() if avatarId == ANONYMOUS else User(avatarId.decode())
        return ISession, avatar, avatar.logout


async def main(reactor, endpoint="tcp:1025:interface=127.0.0.1"):
    users = InMemoryUsernamePasswordDatabaseDontUse(alice=b"secret")
    portal = Portal(Realm(), [users, AllowAnonymousAccess()])
    factory = SMTPServerFactory(PortalBackend(portal), domain="localhost", allow_insecure_auth=True)
    await serverFromString(reactor, endpoint).listen(factory)
    await Deferred()  # runs until it is stopped


if __name__ == "__main__":
    startLogging(sys.stdout)
    react(main, sys.argv[1:])
