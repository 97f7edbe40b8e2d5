"""docs/configuration.md: the errors that it shows are what ``--check`` says; all else on it is acted out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.wire.twistd import run
from txsmtpx.testing import issue

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
FILE, *_ = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
(WRONG,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def directory(tmp_path):
    """Where the command of the page is run."""
    pem = issue(tmp_path)
    pem.certificate.rename(tmp_path / "fullchain.pem")
    pem.key.rename(tmp_path / "privkey.pem")
    return tmp_path


def test_what_is_wrong(directory):
    lines = FILE.split("\n")
    lines[9] = lines[9].replace("connections", "connection")
    lines[17] = lines[17].replace("true", '"yes"')
    (directory / "mail.toml").write_text("\n".join(lines))
    ended = run(directory, "--config", "mail.toml", "--check")
    assert (ended.returncode, ended.stderr) == (1, WRONG)
