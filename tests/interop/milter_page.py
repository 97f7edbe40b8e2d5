"""docs/howto/milter.md: the configurations that the tests of milters use, with the paths and addresses of a test."""

from __future__ import annotations

from pathlib import Path

from tests.docs.page import Page

PAGE = Page("docs/howto/milter.md")

BACKEND = PAGE.take("python", "11332").text
OPTIONAL = PAGE.take("python", "ConfiguredFilter").text
COMMAND = PAGE.take("shell", "--filter").text
OPENDKIM_VERIFIES = PAGE.take("ini", "Mode v").text
OPENDKIM_KEY = PAGE.take("shell", "opendkim-genkey").text
OPENDKIM_SIGNS = PAGE.take("ini", "Mode s").text
OPENDMARC = PAGE.take("ini", "TrustedAuthservIDs").text
RSPAMD_PROXY = PAGE.take("ini", "self_scan").text
RSPAMD_HEADERS = PAGE.take("ini", "x-spamd-result").text
RSPAMD_REDIS = PAGE.take("ini", "redis-server.sock").text
SPAMASS = PAGE.take("shell", "spamass-milter").text
CLAMAV = PAGE.take("ini", "ClamdSocket").text


def here(text: str, directory: Path) -> str:
    """A text of the page whose sockets are in a directory, for every user, and whose keys are there too."""
    for name in ("opendkim", "opendmarc", "rspamd", "clamav"):
        text = text.replace(f"/run/{name}/", f"{directory}/")
    return (
        text.replace("UMask 007", "UMask 000")
        .replace("0660", "0666")
        .replace("2026.private", f"{directory}/2026.private")
    )
