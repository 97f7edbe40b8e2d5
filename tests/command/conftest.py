"""What the tests of the command share."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command.machine import Machine, machine
from tests.docs.network import network
from tests.interop.conftest import need


@pytest.fixture
def room() -> Iterator[Path]:
    """A directory that any user may enter, unlike those of pytest."""
    directory = Path(tempfile.mkdtemp(prefix="txsmtpx-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Machine]:
    """A machine and a network of its own, in which pip finds what it would have fetched."""
    need("systemd")
    (tmp_path / "machine").mkdir()
    with contextlib.ExitStack() as stack:
        try:
            if not stack.enter_context(network()):
                raise PermissionError("no network of its own")
            made = stack.enter_context(machine(tmp_path / "machine"))
        except PermissionError as error:
            pytest.skip(f"no machine of its own: {error}")
        made.run(_LEND)
        yield made


# Named as twistd is, it does nothing.
SLEEPER = "import time; print(flush=True); time.sleep(600)"


def running(*words: str) -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", SLEEPER, *words], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


@pytest.fixture
def server() -> Iterator[int]:
    """A process whose command line is that of a server."""
    yield from running("/usr/bin/twistd", "-n", "smtpx")


@pytest.fixture
def other() -> Iterator[int]:
    """A process of another program, for which a file of twistd is a word as any other."""
    yield from running("tail", "-f", "twistd.log")


@pytest.fixture
def gone() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        return process.pid


# A Python with a library of its own may have been built to look for it where only root gets to.
_LEND = """
echo /python/lib >/etc/ld.so.conf.d/python.conf
ldconfig
python3 -m venv --without-pip /opt/txsmtpx
python3 -c 'from pathlib import Path; from tests.newcomer.clone import lend
lend(Path("/opt/txsmtpx"), Path("/packages"))'
"""
