"""
A machine of its own, in which systemd is process 1: namespaces of Linux (namespaces(7)) around a root in which nothing
that is written stays (overlayfs).

It takes the right to make one, which root has where it is not taken away.  The network is that of whoever starts it.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from tests.command.daemon import children
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0

TARGETS = "basic default multi-user network shutdown sockets sysinit"
"""Those that units are ordered by; nothing of what is installed here is started there."""

# A private /dev has these; a mount namespace of systemd's own takes a root that is one, not that of chroot.
_START = r"""
set -e
echo $$ >"$6/cgroup.procs"
exec unshare --mount --pid --fork --kill-child --uts --ipc --cgroup sh -ec '
root=$1/root
mount --make-rprivate /
mount -t tmpfs tmpfs $1
mkdir $root
laid() { mkdir -p $1$3 $1$4 $5; mount -t overlay overlay -o "lowerdir=$2,upperdir=$1$3,workdir=$1$4" $5; }
laid $1 / /changes /work $root
laid $1 "$5" /source-changes /source-work $root/source
mount -t proc proc $root/proc
mount -t sysfs sysfs $root/sys
mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
for each in /dev /run /tmp /etc/systemd/system; do mount -t tmpfs -o mode=755 tmpfs $root$each; done
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty $root/dev
mkdir $root/dev/pts $root/dev/shm $root/python $root/packages
mount -t devpts -o newinstance,ptmxmode=666 devpts $root/dev/pts
ln -s pts/ptmx $root/dev/ptmx
mount --bind -o ro "$2" $root/python
mount --bind -o ro "$3" $root/packages
for each in $4; do printf "[Unit]\nDefaultDependencies=no\n" >$root/etc/systemd/system/$each.target; done
cd $root
pivot_root . mnt
umount -l /mnt
mount --make-rshared /
exec chroot . /usr/bin/env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH=/etc/systemd/system \
    /lib/systemd/systemd --system --unit=default.target --log-target=null --show-status=no
' sh "$@"
"""


class Machine:
    """One, with this Python in ``/python``, its packages in ``/packages``, and this repository in ``/source``."""

    def __init__(self, unshare: int) -> None:
        """
        Args:
            unshare: The process whose child is process 1.
        """
        self._unshare = unshare

    def run(self, script: str, typed: str = "") -> str:
        """
        Run a script there as root, where this repository is.

        Raises:
            AssertionError: It failed.
        """
        (first,) = children(self._unshare)
        within = ["nsenter", f"--target={first}", *(f"--{each}" for each in ("mount", "pid", "uts", "ipc", "cgroup"))]
        environment = {"PATH": "/python/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_UNIT_PATH": "/etc/systemd/system"}
        environment |= {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "LC_ALL": "C.UTF-8"}
        ended = subprocess.run(
            [*within, "sh", "-ec", f"cd /source\n{script}"],
            cwd="/", env=environment, input=typed, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, f"{script}\n{ended.stdout}{ended.stderr}"
        return ended.stdout


@contextlib.contextmanager
def machine(directory: Path) -> Iterator[Machine]:
    """
    Such a machine, until the end.

    Args:
        directory: An empty one.

    Raises:
        PermissionError: It cannot be made here.
    """
    group = _control_groups() / f"txsmtpx-{os.getpid()}"
    group.mkdir()
    process = subprocess.Popen(
        ["sh", "-c", _START, "sh", directory, sys.base_prefix, sysconfig.get_path("purelib"), TARGETS, ROOT, group],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        made = Machine(process.pid)
        eventually(lambda: process.poll() is not None or _is_up(made), lambda: "systemd does not come up")
        if process.returncode is not None:
            raise PermissionError(process.communicate()[0])
        yield made
    finally:
        process.kill()  # and the kernel kills all that are in there
        process.communicate()
        eventually(lambda: _removed(group))


def _control_groups() -> Path:
    """
    Where this process has its own, of version 2.

    Raises:
        PermissionError: Nowhere.
    """
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    for _, path, kind, *_ in mounts:
        if kind == "cgroup2":
            (own,) = re.findall(r"^0::/(.*)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE)
            return Path(path, own)
    raise PermissionError("there are no control groups of version 2")


def _is_up(machine: Machine) -> bool:
    with contextlib.suppress(ValueError, AssertionError):  # no process yet, or none that answers
        return machine.run("systemctl is-system-running").strip() == "running"
    return False


def _removed(group: Path) -> bool:
    for each in (*sorted(group.rglob("*/"), reverse=True), group):
        with contextlib.suppress(OSError):  # somebody is still in there
            each.rmdir()
    return not group.exists()
