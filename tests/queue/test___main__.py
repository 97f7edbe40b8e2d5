"""``python -m txsmtpx.queue``: what an operator sees, and changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.queue.mails import NOW, new_mail
from txsmtpx.queue.__main__ import main
from txsmtpx.queue.queued_mail import NewMail, RecipientOutcome, Selection
from txsmtpx.queue.sqlite_queue import SQLiteQueue

LATER = RecipientOutcome(0, "waiting", "451 4.2.0 Come again", "mx.example.net", NOW + 300)


class Queue:
    """A queue with two messages, one of which was tried."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:{path}"
        self.queue = SQLiteQueue(str(path), Path(f"{path}-bodies"))
        self.tried, self.held = self.add(new_mail("bob@example.net", "eve@example.com"), new_mail(held=True))
        (other, lease) = self.queue.lease("me", NOW, NOW + 99, 10, 10, ())
        self.queue.hand_back([other])
        self.queue.finish(lease, [LATER], [])

    def add(self, *mails: NewMail) -> list[str]:
        self.queue.add(mails)
        return [each.id for each in mails]

    def run(self, *arguments: str) -> None:
        main([self.url, *arguments], lambda: NOW + 60)

    def states(self) -> list[str]:
        return [each.state for mail in self.queue.find(Selection(), 10, 0) for each in mail.recipients]


@pytest.fixture
def it(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "queue.db")


def test_list(it: Queue, capsys: pytest.CaptureFixture[str]) -> None:
    it.run("list")
    assert capsys.readouterr().out == (
        f"{it.tried}  2030-01-31T12:00:00Z  22 octets  from <ann@example.org>\n"
        "    waiting, 1 attempt, next in 240 s  <bob@example.net> by example.net\n"
        "        mx.example.net: 451 4.2.0 Come again\n"
        "    waiting, 0 attempts, due now  <eve@example.com> by example.com\n"
        f"{it.held}  2030-01-31T12:00:00Z  22 octets  from <ann@example.org>\n"
        "    held, 0 attempts  <bob@example.net> by example.net\n"
        "2 messages, 44 octets; recipients: 2 waiting, 1 held; the oldest message waits for 60 s\n"
    )
    it.run("list", "--state", "held")
    assert it.tried not in capsys.readouterr().out


def test_show(it: Queue, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    it.run("show", it.tried)
    shown = capfdbinary.readouterr().out.decode()
    assert shown.endswith("\n\nSubject: hello\r\n\r\nHi\r\n")
    assert "    returned if not delivered by 2030-02-05T12:00:00Z; priority 0\n" in shown
    assert '    recipients: ["bob@example.net","eve@example.com"]\n' in shown


@pytest.mark.parametrize(
    ("action", "printed", "states"),
    [
        ("hold --destination example.com", "hold: 1 recipient\n", ["waiting", "held", "held"]),
        ("hold --all", "hold: 2 recipients\n", ["held", "held", "held"]),
        ("release --state held", "release: 1 recipient\n", ["waiting", "waiting", "waiting"]),
        ("delete --recipient @example.net", "delete: 2 recipients\n", ["waiting"]),
        ("delete --sender nobody@example.org", "delete: 0 recipients\n", ["waiting", "waiting", "held"]),
    ],
)
def test_changes(
    it: Queue, capsys: pytest.CaptureFixture[str], action: str, printed: str, states: list[str]
) -> None:
    it.run(*action.split())
    assert capsys.readouterr().out == printed
    assert it.states() == states


@pytest.mark.parametrize("words", [["flush"], ["retry", "--all"], ["retry", "--destination", "example.net"]])
def test_retry_makes_recipients_due(it: Queue, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    it.run(*words)
    assert capsys.readouterr().out.startswith(f"{words[0]}: ")
    assert len(it.queue.lease("me", NOW + 60, NOW + 99, 10, 10, ())) == 2


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["delete"], "txsmtpx.queue: delete: name messages, or select recipients, or write --all"),
        (["hold", "--all", "x"], "txsmtpx.queue: --all cannot be together with a selection"),
        (["show", "x"], "txsmtpx.queue: the queue has no message x"),
    ],
)
def test_what_cannot_be_done(it: Queue, words: list[str], why: str) -> None:
    with pytest.raises(SystemExit) as raised:
        it.run(*words)
    assert raised.value.code == why
    assert it.states() == ["waiting", "waiting", "held"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sqlite:nowhere.db", "there is no queue nowhere.db; write the URL that --backend queue:URL of the server has"),
        ("sqlite:text", "txsmtpx.queue: text cannot be used (file is not a database); name a new file"),
        ("sqlite:directory", "directory cannot be used (Is a directory); name a file that can be written"),
        ("postgresql://me:secret@127.0.0.1:1/mail", "failed: Connection refused; Is the server running on that host"),
        ("sqlight:x", "there is no store sqlight; did you mean sqlite?"),
        ("postgresql://me:secret@/mail?host=/nowhere", "failed: No such file or directory"),
    ],
)
def test_a_queue_that_cannot_be_used(url: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("no database")
    Path("directory").mkdir()
    with pytest.raises(SystemExit) as raised:
        main([url, "list"])
    assert why in str(raised.value.code)
    assert "secret" not in str(raised.value.code)
    assert not Path("nowhere.db").exists()


@pytest.mark.system
def test_as_a_command(it: Queue) -> None:
    command = [sys.executable, "-m", "txsmtpx.queue", it.url, "list"]
    ran = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    assert ran.stdout.startswith(it.tried)
