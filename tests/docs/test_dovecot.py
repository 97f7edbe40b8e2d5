"""The part of the how-to page on Dovecot that takes one: what its command relays is stored there."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.block import blocks
from tests.docs.story import Story, commands
from tests.interop import servers
from tests.interop.certificates import Certificate
from tests.interop.conftest import certificate, need, room  # noqa: F401  # fixtures
from tests.interop.process import eventually

PAGE = Path(__file__).parents[2] / "docs/howto/postfix-dovecot.md"
LETTER = b"Subject: Hello\r\n\r\n.Hey <3\r\n"


def test_what_is_relayed_is_stored(
    room: Callable[[str], Path],  # noqa: F811
    certificate: Certificate,  # noqa: F811
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
            (stored,) = eventually(lambda: list(dovecot.maildir.glob("new/*")), lambda: dovecot.end)
        finally:
            story.end()
        assert stored.read_bytes().replace(b"\r\n", b"\n").endswith(LETTER.replace(b"\r\n", b"\n"))
