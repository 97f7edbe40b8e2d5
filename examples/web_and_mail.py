"""A web site with a mail port, which shows the messages that it receives."""

import sys
from email import message_from_bytes, policy
from html import escape

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.python.log import startLogging
from twisted.web.resource import Resource
from twisted.web.server import Site

from txsmtpx import OpenBackend, Session, SMTPError, SMTPServerFactory


class Board(Resource):
    """The web site before it had a mail port."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.notes = []

    def render_GET(self, request):
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<!DOCTYPE html><title>Board</title><ul>{notes}</ul>\n".encode()


class BoardSession(Session):
    """The session of the mail port: a message to board@ becomes a note."""

    def __init__(self, board):
        self.board = board

    def rcpt(self, recipient, options):
        if recipient.partition("@")[0] != "board":
            raise SMTPError(550, (5, 1, 1), "No such mailbox here")

    async def data(self, message, context):
        mail = message_from_bytes(await message.content(), policy=policy.default)
        self.board.notes.append(f"{context.sender}: {mail['Subject']}")


async def main(reactor, web="tcp:8080:interface=127.0.0.1", mail="tcp:1025:interface=127.0.0.1"):
    board = Board()
    await serverFromString(reactor, web).listen(Site(board))
    factory = SMTPServerFactory(OpenBackend(lambda connection: BoardSession(board)), max_message_bytes=65536)
    await serverFromString(reactor, mail).listen(factory)
    await Deferred()  # runs until it is stopped


if __name__ == "__main__":
    startLogging(sys.stdout)
    react(main, sys.argv[1:])
