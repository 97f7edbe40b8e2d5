#!/usr/bin/env python3
"""
The mail programs that the tests talk to: whether they are there, and how they are installed.

``python3 tests/interop/peers.py install`` installs them all, as root, on Debian or Ubuntu, and needs nothing but the
standard library.  None is left running: the tests start what they need, out of configurations of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

# Daemons live where an ordinary user's PATH does not look.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])

# Exim cannot be installed beside Postfix: each is "the" mail server of a Debian machine.  So its package is only
# unpacked, where the user it changes to can read it; that user is made here.
EXIM_PACKAGE = "exim4-daemon-light"
EXIM_ROOT = Path("/var/cache/txsmtpx-interop/exim")
EXIM = EXIM_ROOT / "usr/sbin/exim4"
EXIM_USER = "Debian-exim"  # compiled in

# Neither can OpenSMTPD.
OPENSMTPD_PACKAGE = "opensmtpd"
OPENSMTPD_ROOT = Path("/var/cache/txsmtpx-interop/opensmtpd")
OPENSMTPD = OPENSMTPD_ROOT / "usr/sbin/smtpd"
OPENSMTPD_USERS = ("opensmtpd", "opensmtpq")  # compiled in

UNPACKED = frozenset({EXIM_PACKAGE, OPENSMTPD_PACKAGE})

# With the programs of Cyrus SASL, Postfix knows more than how to ask Dovecot.
SASLPASSWD = "saslpasswd2"

# The scripts in /usr/sbin change to a user of the system's service.
RABBITMQ = Path("/usr/lib/rabbitmq/bin")

# Each version has a folder of its own, which is not on the path.
POSTGRESQL = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/usr/lib/postgresql/bin"))

NODE_MODULES = Path("/usr/share/nodejs")

# name: (what has to be there, the Debian packages it comes from)
PEERS: dict[str, tuple[tuple[str | Path, ...], tuple[str, ...]]] = {
    "caddy": (("caddy",), ("caddy",)),  # in front of the web inbox
    "cc": (("cc", "/usr/include/openssl/ssl.h"), ("gcc", "libc6-dev", "libssl-dev")),
    "chromium": (("chromium",), ("chromium",)),  # which shows the web inbox
    "clamav-milter": (("clamav-milter", "clamd"), ("clamav-milter", "clamav-daemon")),
    "clamd": (("clamd",), ("clamav-daemon",)),
    "curl": (("curl",), ("curl",)),
    "dovecot": (("dovecot", "/usr/lib/dovecot/lmtp"), ("dovecot-core", "dovecot-lmtpd")),
    "exim": ((EXIM,), (EXIM_PACKAGE,)),
    "fetchmail": (("fetchmail",), ("fetchmail",)),  # which reads the web inbox by POP3
    "gsasl": (("gsasl",), ("gsasl",)),
    "haproxy": (("haproxy",), ("haproxy",)),
    "knot": (("knotd", "ldns-keygen", "ldns-signzone"), ("knot", "ldnsutils")),  # which has zones that are signed
    "miltertest": (("miltertest",), ("miltertest",)),
    "mpop": (("mpop",), ("mpop",)),  # which reads the web inbox by POP3
    "msmtp": (("msmtp",), ("msmtp",)),
    "nginx": (("nginx",), ("nginx-light",)),  # in front of the web inbox
    "nodemailer": (("node", NODE_MODULES / "nodemailer"), ("nodejs", "node-nodemailer")),
    "opendkim": (("opendkim", "opendkim-genkey"), ("opendkim", "opendkim-tools")),
    "opendmarc": (("opendmarc",), ("opendmarc",)),
    "opensmtpd": ((OPENSMTPD, "unshare"), (OPENSMTPD_PACKAGE,)),
    "policyd-spf": (
        ("policyd-spf", "systemd-socket-activate", "unshare"),
        ("postfix-policyd-spf-python", "systemd"),
    ),
    "postfix": (("postfix",), ("postfix",)),
    "postfix-sasl": (("postfix", SASLPASSWD), ("postfix", "sasl2-bin", "libsasl2-modules")),
    "postgresql": ((POSTGRESQL / "initdb", POSTGRESQL / "postgres"), ("postgresql",)),  # which keeps a queue
    "postgrey": (("postgrey",), ("postgrey",)),
    "postsrsd": (("postsrsd",), ("postsrsd",)),
    "prometheus": (("prometheus", "promtool"), ("prometheus",)),  # which reads the metrics
    "rabbitmq": ((RABBITMQ / "rabbitmq-server", "epmd"), ("rabbitmq-server",)),
    "redis": (("redis-server",), ("redis-server",)),  # which counts for several servers
    "rspamd": (("rspamd",), ("rspamd",)),
    "smtp-sink": (("smtp-sink",), ("postfix",)),
    "spamass-milter": (("spamass-milter", "spamd", "spamc"), ("spamass-milter", "spamassassin", "spamd", "spamc")),
    "spamd": (("spamd", "spamc"), ("spamassassin", "spamd", "spamc")),
    "start-stop-daemon": (("start-stop-daemon",), ("dpkg",)),
    "systemd": (("systemd-analyze", "systemd-socket-activate"), ("systemd",)),
    "unbound": (("unbound",), ("unbound",)),  # which validates them
    "swaks": (("swaks",), ("swaks", "libnet-ssleay-perl")),
}

# They change to users of their own, or refuse to start as anyone else.
NEED_ROOT = frozenset({"dovecot", "exim", "opensmtpd", "policyd-spf", "postfix", "postfix-sasl", "postgrey", "rspamd"})


def program(name: str) -> str:
    """
    The path of a program.

    Raises:
        FileNotFoundError: It is not installed.
    """
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        raise FileNotFoundError(name)
    return found


def unusable(peer: str) -> str:
    """Why ``peer`` cannot be run here; "" if it can."""
    needed, packages = PEERS[peer]
    missing = [str(each) for each in needed if shutil.which(each, path=SEARCH_PATH) is None and not Path(each).exists()]
    if missing:
        return f"{peer} is not installed: no {', '.join(missing)} (Debian: {', '.join(packages)})"
    if peer in NEED_ROOT and os.geteuid() != 0:
        return f"{peer} can be started by root only"
    return ""


def install() -> None:
    """Install what is missing of all the peers."""
    install_packages({package for _, packages in PEERS.values() for package in packages} - UNPACKED)
    if not EXIM.exists():
        _unpack(EXIM_PACKAGE, EXIM_ROOT)
    _make_user(EXIM_USER)
    install_opensmtpd()


def install_opensmtpd() -> None:
    """Unpack the package of OpenSMTPD, and make its users."""
    if not OPENSMTPD.exists():
        _unpack(OPENSMTPD_PACKAGE, OPENSMTPD_ROOT)
    for user in OPENSMTPD_USERS:
        _make_user(user)


def _make_user(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        _run("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", name)


def install_packages(packages: Iterable[str]) -> None:
    """Install packages of Debian, as root; what is there stays as it is, and no server is started."""
    _apt_get("update")
    with _no_daemons_started():
        _install(packages)


def _install(packages: Iterable[str]) -> None:
    _apt_get("install", "--yes", "--no-install-recommends", "--no-upgrade", *sorted(packages))


def _unpack(package: str, root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    # By default a user of apt's own downloads, who may not write here.
    _apt_get("download", "-o", "APT::Sandbox::User=root", package, cwd=root)
    (archive,) = root.glob("*.deb")
    field = subprocess.run(["dpkg-deb", "--field", archive, "Depends"], check=True, capture_output=True, text=True)
    _install(re.findall(r"\blib[\w.+-]+", field.stdout))
    _run("dpkg-deb", "--extract", str(archive), str(root))
    archive.unlink()
    for file in root.rglob("*"):
        if not file.is_symlink() and file.stat().st_mode & (stat.S_ISUID | stat.S_ISGID):
            file.chmod(0o755)  # it is root who starts it in the tests, and nobody else needs to


@contextlib.contextmanager
def _no_daemons_started() -> Iterator[None]:
    """Keep the packages from starting servers on the ports of the machine."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


def _apt_get(*arguments: str, cwd: Path | None = None) -> None:
    _run("apt-get", "--quiet=2", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120", *arguments, cwd=cwd)


def _run(*command: str, cwd: Path | None = None) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, cwd=cwd, env=environment, check=True, stdin=subprocess.DEVNULL)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="The mail programs of the interoperation tests.")
    parser.add_argument("command", choices=["install", "list"])
    if parser.parse_args().command == "install":
        install()
    for peer in PEERS:
        print(unusable(peer) or f"{peer} is here")
    sys.exit(any(map(unusable, PEERS)))


if __name__ == "__main__":
    main()
