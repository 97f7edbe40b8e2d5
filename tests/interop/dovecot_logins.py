"""A Dovecot that checks logins for others, on a socket of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.interop.peers import program
from tests.waiting import PATIENCE, eventually

_CONFIGURATION = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols =
ssl = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 digest-md5 external anonymous oauthbearer xoauth2
auth_verbose = yes
auth_debug = yes
auth_failure_delay = {delay}s
auth_ssl_username_from_cert = yes
passdb {{
  driver = passwd-file
  mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 digest-md5
  args = {directory}/users
}}
passdb {{
  driver = static
  mechanisms = external
  args = nopassword
}}
passdb {{
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {directory}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  unix_listener {directory}/auth-client {{
    mode = 0666
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0{penalty}
  }}
}}
"""

_OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={directory}/keys/
username_attribute = sub
"""


@dataclass
class DovecotLogins:
    """
    A Dovecot that checks logins.

    Attributes:
        process: Its master process.
        path: The socket.
        log: Its log.
        keys: The directory of the public keys of OAuth, each ``AZP/ALGORITHM/KID``.
    """

    process: subprocess.Popen[bytes]
    path: Path
    log: Path
    keys: Path


@contextlib.contextmanager
def dovecot_logins(directory: Path, users: str, delay: str = "0", penalty: str = "0") -> Iterator[DovecotLogins]:
    """
    Run Dovecot, as root.

    Args:
        directory: Its files; the path is short enough for a socket.
        users: The lines of its passwd-file.
        delay: Its delay of failures.
        penalty: The mode of the socket by which it counts failures of an address; "0" turns that off.

    Raises:
        FileNotFoundError: It is not installed.
    """
    for name in ("run", "state", "keys"):
        (directory / name).mkdir(exist_ok=True)
    (directory / "users").write_text(users)
    (directory / "oauth2.conf").write_text(_OAUTH2.format(directory=directory))
    configuration = directory / "dovecot.conf"
    configuration.write_text(_CONFIGURATION.format(directory=directory, delay=delay, penalty=penalty))
    path, output = directory / "auth-client", directory / "output"
    with open(output, "wb") as file:
        process = subprocess.Popen(
            [program("dovecot"), "-F", "-c", configuration],
            cwd=directory, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
    try:
        eventually(lambda: _answers(path) or process.poll() is not None, output.read_text)
        assert process.poll() is None, output.read_text()
        yield DovecotLogins(process, path, directory / "log", directory / "keys")
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(path))
        return connection.recv(100).startswith(b"VERSION\t1\t")
    return False
