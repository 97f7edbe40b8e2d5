"""The log of ``twistd smtpx`` as an operator finds it: in the file he named, in the form he asked for."""

from __future__ import annotations

import json
import re
import signal
import smtplib

import pytest

from tests.dialog.test_fields import read
from tests.encoding import b64
from tests.observers.test_transaction_log import FORM
from tests.waiting import PATIENCE
from tests.wire.twistd import LOCAL, Twistd

WRONG = b64("\0joe\0wrong")
MESSAGE = "Subject: hi\r\n\r\nbody\r\n"


def deliver(server: Twistd, port: int | None = None) -> None:
    with smtplib.SMTP("127.0.0.1", port or server.port, timeout=PATIENCE) as client:
        client.sendmail("a@client.example", ["b@localhost"], MESSAGE)


def test_text_is_the_default(tmp_path):
    with Twistd(tmp_path, "--port", LOCAL, forked=True) as server:
        deliver(server)
        (line,) = server.logged(r"txsmtpx\.observers\.transaction_log#info\] (.*)\n")
        assert list(read(line)) == [*FORM, "subject"]
        assert server.stop()


def test_why_a_device_cannot_send_is_in_the_default_log(tmp_path):
    options = ["--backend", "relay:tcp:127.0.0.1:9", "--relay-domain", "own.example", "--max-connections", "1"]
    options += ["--auth", "memory:joe:secret", "--allow-insecure-auth"]
    with Twistd(tmp_path, "--port", LOCAL, *options, forked=True) as server:
        with smtplib.SMTP("127.0.0.1", server.port, timeout=PATIENCE) as client:
            client.ehlo("printer")
            client.docmd("MAIL", "FROM:me@own.example")
            client.docmd("MAIL", "FROM:<me@own.example> SIZE=99999999999")
            client.docmd("MAIL", "FROM:<me@own.example>")
            client.docmd("RCPT", "TO:<you@elsewhere.example>")
            client.docmd("RSET")
            client.docmd("AUTH", f"PLAIN {WRONG}")
            with pytest.raises(smtplib.SMTPConnectError):
                smtplib.SMTP("127.0.0.1", server.port, timeout=PATIENCE)
        for what, command, reply in [
            ("refused", 'command="MAIL FROM:me@own.example"', "501"),
            ("refused", 'command="MAIL FROM:<me@own.example> SIZE=99999999999"', "552"),
            ("refused", 'command="RCPT TO:<you@elsewhere.example>"', "550"),
            ("login refused", "mechanism=PLAIN user=joe count=1", "535"),
            ("closing", "after=", "421"),
        ]:
            server.logged(rf"session=\w+ queue=\S+ {what}: peer=127\.0\.0\.1 .*{re.escape(command)}.* reply=\"{reply} ")
        assert WRONG not in server.log
        assert "wrong" not in server.log
        assert server.stop()


def test_every_line_is_an_object(tmp_path):
    with Twistd(tmp_path, "--port", LOCAL, "--log-format", "json", "--transcript", forked=True) as server:
        deliver(server, server.port)
        server.logged("QUIT|quit")
        assert server.stop()
        lines = [json.loads(line) for line in server.log.splitlines()]
    assert all(list(line)[:4] == ["time", "level", "logger", "message"] for line in lines)
    (transaction,) = [line for line in lines if line["message"] == "transaction"]
    assert list(transaction)[4:] == [*FORM, "subject"]
    assert {line["session"] for line in lines if "said" in line or "line" in line} == {transaction["session"]}


def test_a_file_which_begins_anew(tmp_path):
    with Twistd(tmp_path, "--port", LOCAL, before=["--logfile=mail.log"]) as server:
        file, old = tmp_path / "mail.log", tmp_path / "mail.log.1"
        server.eventually(lambda: file.exists() and " listening on " in file.read_text())
        port = int(re.findall(r"listening on 127\.0\.0\.1, port (\d+)", file.read_text())[0])
        server.process.send_signal(signal.SIGUSR1)
        server.eventually(old.exists)
        deliver(server, port)
        server.eventually(lambda: "subject=hi" in file.read_text())
        assert " listening on " in old.read_text()
        assert " listening on " not in file.read_text()
        server.process.terminate()
        assert server.process.wait(PATIENCE) == 0
        assert server.log == ""


def test_a_logger_of_his_own_is_his_own(tmp_path):
    (tmp_path / "theirs.py").write_text(
        "from twisted.logger import FileLogObserver, formatEvent\n"
        "import sys\n"
        "def make():\n"
        "    return FileLogObserver(sys.stdout, lambda event: 'theirs: ' + formatEvent(event) + '\\n')\n"
    )
    extra = {"PYTHONPATH": str(tmp_path)}
    with Twistd(tmp_path, "--port", LOCAL, before=["--logger=theirs.make"], extra=extra) as server:
        deliver(server)
        (line,) = server.logged(r"(?m)^theirs: (session=.* subject=hi)$")
        assert list(read(line)) == [*FORM, "subject"]


@pytest.mark.parametrize(("which", "lines"), [("refused", 1), ("none", 0)])
def test_which_transactions(tmp_path, which, lines):
    options = ["--port", LOCAL, "--log-transactions", which, "--max-message-bytes", "100"]
    with Twistd(tmp_path, *options, forked=True) as server:
        deliver(server)
        with smtplib.SMTP("127.0.0.1", server.port, timeout=PATIENCE) as client:
            client.helo()
            client.mail("a@client.example")
            client.rcpt("b@localhost")
            assert client.data("x" * 200)[0] == 552
        assert server.stop()
        assert server.log.count("end=answered") == lines


def test_an_address_that_the_terminal_cannot_show(tmp_path):
    extra = {"PYTHONIOENCODING": "ascii"}
    with Twistd(tmp_path, "--port", LOCAL, extra=extra) as server:
        with server.connect() as client:
            client.reply()
            client.say("EHLO client.example")
            client.lines()
            assert client.ask("MAIL FROM:<für@client.example> SMTPUTF8")[:3] == "250"
            client.ask("QUIT")
        server.logged(r"from=\"<f\\xfcr@client\.example>\"")
        assert server.stop()
