"""
Postfix's SMTP server, which stores each message in its queue.  No message leaves the queue: no queue manager runs.

``postfix.py PORT`` runs it from the present directory, in place of this process.
"""

import grp
import os
import pwd
import subprocess
import sys
from pathlib import Path

MAIN = """\
compatibility_level = 3.6
queue_directory = {here}/queue
data_directory = {here}/data
maillog_file = {here}/log
maillog_file_prefixes = {here}
myhostname = localhost
mydestination =
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
"""

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""

here = Path.cwd()
owner, drop = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
rooms = [("pid", 0, 0, 0o755), ("maildrop", owner, drop, 0o730), ("public", owner, drop, 0o710)]
rooms += [(name, owner, 0, 0o700) for name in ("active", "corrupt", "deferred", "hold", "incoming", "private")]
for name, uid, gid, mode in rooms:
    (here / "queue" / name).mkdir(parents=True)
    os.chown(here / "queue" / name, uid, gid)
    (here / "queue" / name).chmod(mode)
(here / "data").mkdir()
os.chown(here / "data", owner, 0)
(here / "conf").mkdir()
for name, text in (("main.cf", MAIN), ("master.cf", MASTER)):
    (here / "conf" / name).write_text(text.format(here=here, port=sys.argv[1]))
    os.utime(here / "conf" / name, (0, 0))  # Postfix waits until a new file is two seconds old
daemons = subprocess.run(["postconf", "-dh", "daemon_directory"], check=True, capture_output=True, text=True).stdout
os.execv(f"{daemons.strip()}/master", ["master", "-c", str(here / "conf"), "-s"])
