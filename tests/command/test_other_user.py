"""A server that runs as a user of its own, and the certificates that this user may read; as root."""

from __future__ import annotations

import os
import shutil
import smtplib
import subprocess
from pathlib import Path

import pytest

from tests.docs.block import texts
from tests.waiting import PATIENCE, eventually
from tests.wire.twistd import environment
from tests.wire.twistd import run as twistd
from txsmtpx.testing import issue

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts and stops the servers of a machine")


def run(*command: str | Path, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment(extra), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
        check=False,
    )  # fmt: skip


def test_what_certbot_has_renewed(room):
    lineage = room / "live" / "mx.example.org"
    lineage.mkdir(parents=True)
    pem = issue(room, "mx.example.org", "mx.example.org")
    shutil.copy(pem.certificate, lineage / "fullchain.pem")
    shutil.copy(pem.key, lineage / "privkey.pem")
    said = {"RENEWED_LINEAGE": str(lineage), "DIRECTORY": str(room / "copies"), "GROUP": "nogroup"}
    for _ in range(2):  # the first, and one that takes its place
        ended = run(EXAMPLES / "renewed", **said, RELOAD=f"touch {room}/reloaded")
        assert (ended.returncode, ended.stderr) == (0, "")
    (copy,) = (room / "copies").iterdir()
    assert copy.name == "mx.example.org.pem"
    assert copy.read_bytes() == pem.both.read_bytes()
    assert (copy.stat().st_mode & 0o777, copy.group(), copy.owner()) == (0o640, "nogroup", "root")
    assert (room / "copies").stat().st_mode & 0o777 == 0o750
    assert (room / "reloaded").exists()


def test_as_another_user(there):
    """As the page says; the directories are what it asks for."""
    (command,) = [each for each in texts(EXAMPLES.parent / "docs" / "running.md", "shell") if "--uid" in each]
    there.run("/opt/txsmtpx/bin/python -m pip install --quiet .")
    there.run("install -d -o mail /run/txsmtpx /var/log/txsmtpx /srv/mail")
    there.run(f"PATH=/opt/txsmtpx/bin:$PATH\n{command}")
    with smtplib.SMTP("127.0.0.1", 25, timeout=PATIENCE) as client:
        client.sendmail("a@client.example", ["b@example.org"], "Subject: hi\r\n\r\n")
    users = there.run("pid=$(cat /run/txsmtpx/txsmtpx.pid); ps -o user= -p $pid --ppid $pid")
    assert users.split() == ["mail"] * 3
    assert there.run("stat --format=%U /srv/mail/example.org/b/new/*") == "mail\n"
    there.run("kill $(cat /run/txsmtpx/txsmtpx.pid)")
    eventually(lambda: there.run("ls /run/txsmtpx") == "")
    assert "Traceback" not in there.run("cat /var/log/txsmtpx/txsmtpx.log")


FILES = {
    "--tls-certificate localhost.pem": "--tls-certificate localhost.pem",
    "--auth file:users": "--auth file",
    "--rewrite virtual": "--rewrite virtual",
    "--config mail.toml": "--config mail.toml",
}
"""Options with a file, and what an error about the file begins with."""


@pytest.fixture
def unreadable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that any user may enter, with files that only root may read."""
    directory = tmp_path_factory.mktemp("root")
    for each in (directory, *directory.parents[:2]):
        each.chmod(0o755)
    shutil.move(issue(directory).both, directory / "localhost.pem")
    for name, text in [("users", "me:secret\n"), ("virtual", "a@b c@d\n"), ("mail.toml", "lmtp = true\n")]:
        (directory / name).write_text(text)
    for each in directory.iterdir():
        each.chmod(0o600)
    return directory


def checked(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run ``--check`` for a server that becomes the user nobody."""
    as_nobody = ("-n", "--pidfile=", "--uid=nobody")  # which imports modules as another user too
    return twistd(directory, "--check", "--port", "unix:s", *options, twistd=as_nobody, forked=False)


@pytest.mark.parametrize(("options", "named"), FILES.items(), ids=FILES)
def test_workers_read_files_as_the_user_that_they_run_as(unreadable, options, named):
    """The parent reads them as root, so without this check the workers would end one after the other."""
    ended = checked(unreadable, "--workers", "2", *options.split())
    assert ended.returncode == 1, ended.stdout
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"twistd smtpx: {named}: cannot read ")
    assert line.endswith("Permission denied (each worker reads it as the user of twistd --uid)")


@pytest.mark.parametrize("options", FILES)
def test_one_process_reads_files_before_it_changes_its_user(unreadable, options):
    ended = checked(unreadable, *options.split())
    assert (ended.returncode, ended.stderr) == (0, "")
