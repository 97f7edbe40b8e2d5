"""The how-to page on Postfix and Dovecot with one and the other: what is handed over, or relayed, is stored."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.block import blocks
from tests.docs.story import Story, commands
from tests.interop import servers
from tests.interop.conftest import certificate, need, room  # noqa: F401  # fixtures
from tests.maildir import stored
from tests.waiting import eventually
from txsmtpx.testing import Pem

PAGE = Path(__file__).parents[2] / "docs/howto/postfix-dovecot.md"
LETTER = b"Subject: Hello\r\n\r\n.Hey <3\r\n"
RECIPIENTS = ["me@example.org", "you@example.org"]


def test_what_postfix_hands_over_is_stored(
    room: Callable[[str], Path],  # noqa: F811
    certificate: Pem,  # noqa: F811
    tmp_path: Path,
) -> None:
    """With the settings of the page, and a socket in Postfix's own directory."""
    need("postfix")
    (command,) = [each for block in blocks(PAGE) for each in commands(block.text) if "--lmtp" in each]
    (printed,) = [block.text for block in blocks(PAGE) if "virtual_transport" in block.text]
    settings = dict(re.findall(r"^(\w+) = (.*)$", printed, re.MULTILINE))
    directory = room("hands-over")
    there = f"{directory}/queue/{settings['virtual_transport'].removeprefix('lmtp:unix:')}"
    story = Story(tmp_path)
    with servers.postfix(directory, certificate, {}, **settings) as postfix:
        try:
            story.run(story.at_home(command.replace("unix:lmtp.sock", f"unix:{there}")))
            with smtplib.SMTP("127.0.0.1", postfix.port, timeout=20) as client:
                assert client.sendmail("a@example.net", RECIPIENTS, LETTER) == {}
            stored = eventually(lambda: _both(tmp_path / "Maildir/example.org"), lambda: postfix.end)
        finally:
            story.end()
    assert {file.parents[1].name for file in stored} == {"me", "you"}
    for file in stored:
        assert b"\r\nSubject: Hello\r\n" in file.read_bytes()
        assert file.read_bytes().endswith(b"\r\n\r\n.Hey <3\r\n")


def _both(maildirs: Path) -> list[Path]:
    found = list(maildirs.glob("*/new/*"))
    return found if len(found) == len(RECIPIENTS) else []


def test_what_is_relayed_to_dovecot_is_stored(
    room: Callable[[str], Path],  # noqa: F811
    certificate: Pem,  # noqa: F811
    tmp_path: Path,
) -> None:
    need("dovecot")
    (command,) = [each for block in blocks(PAGE) for each in commands(block.text) if "/run/dovecot/lmtp" in each]
    story = Story(tmp_path)
    with servers.dovecot(room("stores"), certificate) as dovecot:
        try:
            story.run(story.at_home(command).replace("/run/dovecot/lmtp", str(dovecot.socket)))
            port = int(story.at_home("--port 2525").split()[1])
            with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
                assert client.sendmail("me@example.net", ["alice@example.org"], LETTER) == {}
                with pytest.raises(smtplib.SMTPDataError, match="552"):
                    client.sendmail("me@example.net", ["full@example.org"], LETTER)
                with pytest.raises(smtplib.SMTPRecipientsRefused, match="550"):
                    client.sendmail("me@example.net", ["nobody@example.org"], LETTER)
            (message,) = eventually(lambda: stored(dovecot.maildir), lambda: dovecot.end)
        finally:
            story.end()
        assert message.replace(b"\r\n", b"\n").endswith(LETTER.replace(b"\r\n", b"\n"))
