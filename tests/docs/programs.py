"""Files that a page shows, each looked at by the program that would read it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.interop.conftest import need
from tests.interop.peers import program


def check_file(file: Path, environment: dict[str, str]) -> None:
    """
    Have a file looked at.

    Raises:
        AssertionError: With what the program says against it.
    """
    match file.name:
        case "haproxy.cfg":
            need("haproxy")
            _run([program("haproxy"), "-c", "-q", "-f", str(file)], environment)
        case "main.cf":
            need("postfix")
            _check_postfix(file, environment)
        case "redis.conf":
            need("redis")
        case "clamd.conf":
            need("clamd")  # which the page starts with it
        case name if name.endswith(".service"):
            need("policyd-spf")
            _run(["systemd-analyze", "verify", file.name], environment, file.parent)
        case name if name.endswith(".conf"):
            need("dovecot")
            _check_dovecot(file, environment)
        case name if name.endswith(".toml"):
            _run(["twistd", "smtpx", "--config", file.name, "--check"], environment, file.parent)
        case name if name.endswith((".py", ".tac")):
            compile(file.read_text(encoding="utf-8"), str(file), "exec")


def _check_postfix(file: Path, environment: dict[str, str]) -> None:
    """Each name is a parameter that Postfix knows, and each value comes back as it is written."""
    directory = file.parent / "postfix"
    directory.mkdir(exist_ok=True)
    shutil.copy(file, directory / "main.cf")
    (directory / "master.cf").write_text("lmtp unix - - n - - lmtp\n")  # whose parameters are known then
    _run([program("postconf"), "-c", str(directory), "-n"], environment)
    for name in re.findall(r"^(\w+) *=", file.read_text(), re.MULTILINE):
        _run([program("postconf"), "-c", str(directory), name], environment)


def _check_dovecot(file: Path, environment: dict[str, str]) -> None:
    whole = file.with_name("whole-dovecot.conf")
    whole.write_text("mail_location = maildir:~/Maildir\n" + file.read_text())
    _run([program("dovecot"), "-c", str(whole), "-n"], environment)


def _run(command: list[str], environment: dict[str, str], directory: Path | None = None) -> None:
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"{command}\n{said}"
    assert "unknown parameter" not in said, said
    assert "Unknown key" not in said, said
    assert "unused parameter" not in said, said


if __name__ == "__main__":
    check_file(Path(sys.argv[1]), {})
