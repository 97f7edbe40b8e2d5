"""
The milters of Debian: a context manager for each, which runs it from a directory of its own, on a UNIX socket.

Each gives the path of the socket.  The texts of the configurations are those of docs/howto/milter.md, with the paths of
the test.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.interop.milter_page import CLAMAV, OPENDMARC, RSPAMD_HEADERS, RSPAMD_PROXY, SPAMASS, here
from tests.interop.peers import program
from tests.waiting import PATIENCE, eventually
from txsmtpx.filters.milter import commands
from txsmtpx.filters.milter.negotiation import Negotiation

# Exactly what every virus scanner takes for a virus, and does no harm.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"

# What every SpamAssassin and rspamd takes for spam: https://spamassassin.apache.org/gtube/
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

# One signature, so that ClamAV needs no database of hundreds of megabytes.
CLAMAV_DATABASE = f"Eicar-Test-Signature:0:*:{EICAR.hex()}\n"


def answers(path: Path) -> bool:
    """Whether a milter negotiates at a socket."""
    return _answer(path, commands.encode(Negotiation()))[4:] == b"O"


def _answer(path: Path, octets: bytes) -> bytes:
    """The first octets that a program answers at a socket; none where it does not."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(path))
        connection.sendall(octets)
        return connection.recv(5)
    return b""


@contextlib.contextmanager
def started(
    command: list[str | Path], directory: Path, ready: Callable[[], bool], name: str = "output"
) -> Iterator[None]:
    """
    Run a program as long as the context lasts; it does not leave the foreground.

    It is killed, since libmilter looks every 5 seconds only whether it has to end.
    """
    output = directory / name
    with open(output, "wb") as file:
        process = subprocess.Popen(
            command, cwd=directory, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )
    try:
        eventually(lambda: process.poll() is not None or ready(), lambda: output.read_text(errors="replace"))
        if process.poll() is not None:
            raise ChildProcessError(f"{command[0]} has ended\n{output.read_text(errors='replace')}")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def write(path: Path, text: str) -> Path:
    """Write a file that any user may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)
    return path


def settings(values: Mapping[str, object]) -> str:
    """The text of a configuration whose lines are a name and a value."""
    return "".join(f"{name} {value}\n" for name, value in values.items())


@contextlib.contextmanager
def opendkim(directory: Path, page: str, dns: str = "") -> Iterator[Path]:
    """opendkim, with a configuration of the page and the TXT records that it is to find."""
    more = {"Background": "no", "Syslog": "no", "RequireSafeKeys": "no"}  # any user may write to /tmp
    if dns:
        more["TestDNSData"] = str(write(directory / "dns", dns))
    configuration = write(directory / "opendkim.conf", here(page, directory) + settings(more))
    path = directory / "opendkim.sock"
    with started([program("opendkim"), "-f", "-x", configuration], directory, lambda: answers(path)):
        yield path


@contextlib.contextmanager
def opendmarc(directory: Path, dns: str) -> Iterator[Path]:
    """opendmarc, with the configuration of the page and the TXT records that it is to find."""
    more = {
        "Background": "no", "Syslog": "no",
        "IgnoreHosts": write(directory / "ignore", ""),  # by default it trusts 127.0.0.1
        "TestDNSData": write(directory / "dns", dns),
    }  # fmt: skip
    configuration = write(directory / "opendmarc.conf", here(OPENDMARC, directory) + settings(more))
    path = directory / "opendmarc.sock"
    with started([program("opendmarc"), "-f", "-c", configuration], directory, lambda: answers(path)):
        yield path


@contextlib.contextmanager
def clamav_milter(directory: Path) -> Iterator[Path]:
    """clamav-milter, with the configuration of the page, and clamd with one signature."""
    path, daemon = directory / "milter.sock", directory / "clamd.ctl"
    write(directory / "db/test.ndb", CLAMAV_DATABASE)
    clamd = {"LocalSocket": daemon, "DatabaseDirectory": directory / "db", "Foreground": "yes"}
    daemon_command: list[str | Path] = [program("clamd"), "-c", write(directory / "clamd.conf", settings(clamd))]
    text = here(CLAMAV, directory) + settings({"Foreground": "yes", "MilterSocketMode": "666", "LogVerbose": "yes"})
    command: list[str | Path] = [program("clamav-milter"), "-c", write(directory / "clamav-milter.conf", text)]
    output = directory / "output"
    with (
        started(daemon_command, directory, lambda: _answer(daemon, b"zPING\0") == b"PONG\0", "clamd.output"),
        # It answers before it has found its daemon, and defers messages until then.
        started(command, directory, lambda: answers(path) and "returned: success" in output.read_text()),
    ):
        yield path


@contextlib.contextmanager
def spamass_milter(directory: Path, spamd_port: int) -> Iterator[Path]:
    """spamass-milter with the command of the page, and the port of a spamd that runs."""
    path = directory / "sock"
    name, *options = shlex.split(SPAMASS.replace("/run/spamass/spamass.sock", str(path)))
    command: list[str | Path] = [program(name), *options, "--", "-d", "127.0.0.1", "-p", str(spamd_port)]
    with started(command, directory, lambda: answers(path)):
        yield path


# Modules of rspamd that need a network, or hours to learn.
_RSPAMD_WITHOUT = (
    "arc", "asn", "bayes_expiry", "classifier-bayes", "dkim", "dkim_signing", "dmarc", "fuzzy_check", "history_redis",
    "maillist", "mid", "mx_check", "neural", "phishing", "ratelimit", "rbl", "replies", "reputation", "spf",
    "worker-controller.inc", "worker-fuzzy.inc", "worker-normal.inc",
)  # fmt: skip


@contextlib.contextmanager
def rspamd(directory: Path, files: Mapping[str, str]) -> Iterator[Path]:
    """
    rspamd as a milter, with the configuration of the page.

    Args:
        files: Further files, by the name in local.d.
    """
    path = directory / "milter.sock"
    directory.chmod(0o777)  # it changes to a user of its own
    domains = write(directory / "domains", "example\ntest\n")  # instead of ten thousand suffixes, which take seconds
    texts = {
        "options.inc": f'disable_monitoring = true;\nurl_tld = "{domains}";\n'
        'dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }\n',
        "logging.inc": f'type = "file"; filename = "{directory}/log"; level = "info";\n',
        "worker-proxy.inc": here(RSPAMD_PROXY, directory),
        "milter_headers.conf": here(RSPAMD_HEADERS, directory),
        **{each if "." in each else f"{each}.conf": "enabled = false;\n" for each in _RSPAMD_WITHOUT},
        **files,
    }
    for name, text in texts.items():
        write(directory / "local.d" / name, text)
    command: list[str | Path] = [program("rspamd"), "-f", "-c", "/etc/rspamd/rspamd.conf", "-u", "_rspamd"]
    command += ["-g", "_rspamd", "-p", directory / "pid", f"--var=LOCAL_CONFDIR={directory}"]
    command += [f"--var={name}={directory}" for name in ("RUNDIR", "DBDIR", "LOGDIR")]
    with started(command, directory, lambda: answers(path)):
        yield path
