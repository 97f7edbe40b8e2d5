"""An ESMTP server that accepts one user, and logs the user's messages."""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.python.log import startLogging

from txsmtpx import LoginBackend, Session, SMTPServerFactory
from txsmtpx.errors import auth_failed, auth_required


class LoggingSession(Session):
    async def data(self, message, context):
        content = await message.content()
        print(f"{context.sender} to {context.recipients}: {content!r}")


class Backend(LoginBackend):
    def login(self, connection, username, password):
        if (username, password) != ("username", "password"):
            raise auth_failed()
        return LoggingSession()

    def anonymous_login(self, connection):
        raise auth_required()


async def main(reactor, endpoint="tcp:1025:interface=127.0.0.1"):
    factory = SMTPServerFactory(
        Backend(),
        domain="localhost",
        allow_insecure_auth=True,
        read_timeout=10,
        write_timeout=10,
        max_message_bytes=1024 * 1024,
        max_recipients=50,
    )
    await serverFromString(reactor, endpoint).listen(factory)
    await Deferred()  # runs until it is stopped


if __name__ == "__main__":
    startLogging(sys.stdout)
    react(main, sys.argv[1:])
