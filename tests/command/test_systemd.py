"""
The files of ``examples/systemd``: valid, hardened, and what they describe runs on sockets that systemd has opened, also
where it is process 1 and has them as the page installs them.
"""

from __future__ import annotations

import configparser
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command.daemon import gone
from tests.command.example import configured, deliver_to_both
from tests.docs.block import texts
from tests.interop.conftest import need
from tests.maildir import stored
from tests.newcomer.clone import without_pip
from tests.ports import free_port
from tests.waiting import PATIENCE, eventually
from tests.wire.twistd import environment
from txsmtpx.testing import issue

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "examples" / "systemd"
TWISTD = str(Path(sys.executable).with_name("twistd"))


def unit(name: str) -> configparser.ConfigParser:
    """A unit; of a key that stands there more than once, the values are lines."""
    read = configparser.ConfigParser(strict=False, interpolation=None, dict_type=_Repeated)
    read.optionxform = str  # type: ignore[assignment, method-assign]
    read.read(UNITS / name)
    return read


class _Repeated(dict):
    def __setitem__(self, key, value):
        if isinstance(value, list) and isinstance(self.get(key), list):
            value = self[key] + value
        super().__setitem__(key, value)


@pytest.fixture
def units(tmp_path):
    """The units, with a program that is here."""
    need("systemd")
    program = tmp_path / "twistd"  # a path without a space
    program.symlink_to(TWISTD)
    for file in UNITS.glob("txsmtpx.*"):
        (tmp_path / file.name).write_text(file.read_text().replace("/opt/txsmtpx/bin/twistd", str(program)))
    return tmp_path


def test_systemd_understands_them(units):
    ended = subprocess.run(
        ["systemd-analyze", "verify", "txsmtpx.service", "txsmtpx.socket"],
        cwd=units, env={**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")


def test_what_could_be_taken_away_is(units):
    """By systemd's own measure, 0 to 10, in tenths: what is left is a network and a place for mail."""
    ended = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", "txsmtpx.service"],
        cwd=units, env={**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_on_the_sockets_of_systemd(tmp_path):
    """The first connection starts it; whoever connects before it is there only waits."""
    need("systemd")
    listen = unit("txsmtpx.socket")["Socket"]["ListenStream"].split()
    assert listen == ["25", "465"]
    mx, submission = ports = [free_port("::1") for _ in listen]
    command = unit("txsmtpx.service")["Service"]["ExecStart"].split()
    command = [TWISTD, *command[1:-1], configured(UNITS, tmp_path)]
    names = ":".join(["txsmtpx.socket"] * len(ports))  # as systemd calls them
    activate = ["systemd-socket-activate", f"--fdname={names}", *(f"--listen=[::1]:{port}" for port in ports)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*activate, *command], cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        deliver_to_both(tmp_path, ("::1", mx), ("::1", submission))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, (tmp_path / "log").read_text()
    finally:
        process.kill()
        process.wait()
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert len(stored(tmp_path / "mail/mx.example.org/b")) == 2
    assert gone(process.pid)


LOGGED = """
mkdir /etc/systemd/system/txsmtpx.service.d
cd /etc/systemd/system/txsmtpx.service.d
printf '[Service]\\nStandardOutput=append:/log\\nStandardError=append:/log\\n' >log.conf
"""

GROUP = "/sys/fs/cgroup/system.slice/txsmtpx.service"
SHOW = "systemctl show txsmtpx.service --value --property="
PORTS = ("::1", 25), ("::1", 465)


def test_on_a_machine_of_its_own(there, tmp_path):
    """Installed by the script of the page; the service is nobody but its user, and may do what it has to."""
    pem = issue(tmp_path, "mx.example.org", "mx.example.org")
    (install,) = texts(ROOT / "docs" / "running.md", "sh")
    there.run(LOGGED)
    for file, name in ((pem.certificate, "fullchain.pem"), (pem.key, "privkey.pem")):
        there.run(f"cat >{name}", file.read_text())
    there.run(without_pip(install), "secret\n")
    deliver_to_both(tmp_path, *PORTS)
    assert there.run(f"ps -o user= -p $(paste -sd, {GROUP}/cgroup.procs)").split() == ["txsmtpx"] * 3
    there.run("systemctl reload txsmtpx")
    there.run("systemctl kill --kill-whom=main --signal=KILL txsmtpx")
    eventually(lambda: there.run(SHOW + "NRestarts") == "1\n")
    deliver_to_both(tmp_path, *PORTS)
    there.run("systemctl stop txsmtpx.socket txsmtpx.service")
    assert there.run(SHOW + "Result") == "success\n"
    assert there.run(f"ls -d {GROUP} || true") == ""
    stored = there.run("stat --format=%U:%a /var/lib/txsmtpx/mx.example.org/b/new/*").split()
    assert stored == ["txsmtpx:600"] * 4
    log = there.run("cat /log")
    assert "Traceback" not in log
    assert "plugin cache" not in log
