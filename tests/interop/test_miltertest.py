"""The filter's side of the codec with Debian's miltertest, which is another server's side of the protocol."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from twisted.internet.endpoints import UNIXServerEndpoint

from tests.interop import peers
from tests.interop.conftest import need
from tests.milters import Milters
from tests.waiting import PATIENCE
from txsmtpx.filters.milter import commands
from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.reply_text import text_of
from txsmtpx.grammar.reply import Reply
from txsmtpx.testing.thread import ReactorThread

SCRIPT = """\
conn = mt.connect("unix:{path}")
assert(conn ~= nil, "connect")
function continued(sent) assert(sent == nil and mt.getreply(conn) == SMFIR_CONTINUE) end
continued(mt.conninfo(conn, "a.example", "192.0.2.1"))
continued(mt.helo(conn, "a.example"))
mt.macro(conn, SMFIC_MAIL, "i", "1A")
continued(mt.mailfrom(conn, "<me@example.org>", "SIZE=5"))
continued(mt.rcptto(conn, "<you@example.net>"))
assert(mt.rcptto(conn, "<no@example.net>") == nil)
assert(mt.getreply(conn) == SMFIR_REPLYCODE)
continued(mt.data(conn))
continued(mt.header(conn, "Subject", "Lunch"))
continued(mt.eoh(conn))
continued(mt.bodystring(conn, "At noon?\\r\\n"))
assert(mt.eom(conn) == nil)
assert(mt.getreply(conn) == SMFIR_ACCEPT)
assert(mt.eom_check(conn, MT_HDRADD, "X-A", "1"))
assert(mt.eom_check(conn, MT_HDRINSERT, "X-B", "2"))
assert(mt.eom_check(conn, MT_HDRCHANGE, "Subject", "Dinner"))
assert(mt.eom_check(conn, MT_HDRDELETE, "X-C"))
assert(mt.eom_check(conn, MT_RCPTADD, "<more@example.net>"))
assert(mt.eom_check(conn, MT_RCPTDELETE, "<you@example.net>"))
assert(mt.eom_check(conn, MT_BODYCHANGE, "At eight.\\r\\n"))
assert(mt.eom_check(conn, MT_QUARANTINE, "because"))
mt.disconnect(conn)
"""


def test_it_understands_every_answer(room: Callable[[str], Path]) -> None:
    need("miltertest")
    directory, thread = room("miltertest"), ReactorThread()

    def recipient(command: commands.Command) -> list[replies.FilterReply]:
        assert isinstance(command, commands.Recipient)
        no = replies.ReplyCode(text_of(Reply(550, (5, 1, 1), "No")))
        return [no if command.address == b"<no@example.net>" else replies.Continue()]

    made = Milters({
        commands.Recipient: recipient,
        commands.EndOfMessage: [
            replies.Progress(), replies.AddHeader(b"X-A", b"1"), replies.InsertHeader(1, b"X-B", b"2"),
            replies.ChangeHeader(1, b"Subject", b"Dinner"), replies.ChangeHeader(1, b"X-C", b""),
            replies.AddRecipient(b"<more@example.net>"), replies.DeleteRecipient(b"<you@example.net>"),
            replies.ReplaceBody(b"At eight.\r\n"), replies.Quarantine(b"because"), replies.AcceptAll(),
        ],
    })  # fmt: skip
    endpoint = UNIXServerEndpoint(thread.reactor, str(directory / "sock"))
    try:
        thread.call(endpoint.listen, made)
        script = directory / "script.lua"
        script.write_text(SCRIPT.format(path=directory / "sock"))
        command = [peers.program("miltertest"), "-v", "-s", str(script)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        (connection,) = made.connections
        assert commands.Mail(b"<me@example.org>", (b"SIZE=5",)) in connection.told
        assert connection.macros[b"M"] == {b"i": b"1A"}
    finally:
        thread.stop()
