"""The scripts of the examples, run by root: a server that somebody else runs, and a certificate that he may read."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
import smtplib
import subprocess
from pathlib import Path

import pytest

from tests.command.daemon import children, gone, python_for
from tests.command.example import configured, deliver_to_both, privileged_port
from tests.docs.block import texts
from tests.interop.conftest import need
from tests.waiting import PATIENCE, eventually
from tests.wire.twistd import environment
from txsmtpx.testing import issue

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPT = EXAMPLES / "debian" / "txsmtpx"
USER = "nobody"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts and stops the servers of a machine")


def run(*command: str | Path, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment(extra), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
        check=False,
    )  # fmt: skip


def defaults(room: Path, ports: tuple[int, int]) -> str:
    """What ``/etc/default/txsmtpx`` would say here."""
    try:
        python, path = python_for(USER)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    program = room / "twistd"
    code = "from twisted.scripts.twistd import run; run()"
    program.write_text(f"#!/bin/sh\nPYTHONPATH={path['PYTHONPATH']} exec {python} -c '{code}' \"$@\"\n")
    program.chmod(0o755)
    config = Path(configured(EXAMPLES / "debian", room))
    text = config.read_text()
    for said, port in zip(("25", "465"), ports, strict=True):
        text = re.sub(rf"(?m)port = {said}$", f"port = 'tcp:{port}:interface=127.0.0.1'", text)
    config.write_text(text)
    for file in (room / "passwords", *room.glob("certificates/*")):
        shutil.chown(file, USER)
    found = {"RUN_AS": USER, "TWISTD": program, "CONFIG": config}
    found |= {name: room / name.lower() for name in ("MAIL", "RUN", "LOG")}
    file = room / "defaults"
    file.write_text("".join(f"{name}={shlex.quote(str(value))}\n" for name, value in found.items()))
    return str(file)


def test_a_server_of_its_own_user(room):
    need("start-stop-daemon")
    mx = privileged_port()
    submission = mx - 1
    said = {"DEFAULTS": defaults(room, (mx, submission))}
    pidfile, log = room / "run" / "txsmtpx.pid", room / "log" / "txsmtpx.log"
    assert run(SCRIPT, "status", **said).returncode != 0
    started = run(SCRIPT, "start", **said)
    assert (started.returncode, started.stderr) == (0, "")
    try:
        pid = int(pidfile.read_text())
        deliver_to_both(room, ("127.0.0.1", mx), ("127.0.0.1", submission))
        assert run(SCRIPT, "status", **said).returncode == 0
        nobody = pwd.getpwnam(USER).pw_uid
        assert {os.stat(f"/proc/{each}").st_uid for each in [pid, *children(pid)]} == {nobody}
        assert run(SCRIPT, "reload", **said).returncode == 0
        # By each of the two workers, for each of the two listeners.
        eventually(lambda: log.read_text().count("certificate read again") == 4, log.read_text)
    finally:
        stopped = run(SCRIPT, "stop", **said)
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert gone(pid)
    assert not pidfile.exists()
    assert "Traceback" not in log.read_text()
    stored = list(room.glob("mail/mx.example.org/b/new/*"))
    assert [path.stat().st_uid for path in stored] == [nobody] * 2


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
