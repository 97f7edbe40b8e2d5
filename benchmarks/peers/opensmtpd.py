"""
OpenSMTPD, which stores each message in its queue.  No message leaves the queue: the mail transfer agent is paused.

``opensmtpd.py PORT ROOT`` runs it from the present directory, in place of this process.  Its package is unpacked in
ROOT.  It has its directories for itself: they are mounted in its own name space, where the package puts them.
"""

import os
import sys
from pathlib import Path

CONFIGURATION = """\
smtp limit max-mails 1000000
listen on 127.0.0.1 port {port} hostname localhost
action "keep" relay host smtp://127.0.0.1:1
match from any for any action "keep"
"""

MOUNTED = {"spool": "/var/spool", "lib": "/var/lib", "run": "/run", "libexec": "/usr/libexec"}

here, root = Path.cwd(), Path(sys.argv[2])
for name, mode in (("spool/smtpd", 0o711), ("lib/opensmtpd/empty", 0o755), ("run", 0o755)):
    (here / name).mkdir(parents=True)
    (here / name).chmod(mode)
(here / "libexec").symlink_to(root / "usr/libexec")
configuration = here / "smtpd.conf"
configuration.write_text(CONFIGURATION.format(port=sys.argv[1]))
configuration.chmod(0o600)
mounts = [f"mount --bind {here}/{name} {place}" for name, place in MOUNTED.items()]
script = "; ".join(["set -e", "mount --make-rprivate /", *mounts, 'exec "$@"'])
smtpd = [f"{root}/usr/sbin/smtpd", "-d", "-P", "mta", "-f", str(configuration)]
os.execvp("unshare", ["unshare", "--mount", "sh", "-c", script, "sh", *smtpd])
