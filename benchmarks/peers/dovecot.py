"""
Dovecot's LMTP server, which stores each message in a Maildir, with its default fsync.

``dovecot.py PORT`` runs it from the present directory, in place of this process.
"""

import os
import pwd
import shutil
import sys
from pathlib import Path

CONFIGURATION = """\
base_dir = {here}/run
state_dir = {here}/state
log_path = {here}/log
protocols = lmtp
listen = 127.0.0.1
hostname = localhost
postmaster_address = postmaster@localhost
ssl = no
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~
auth_username_format = %n
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={user.pw_uid} gid={user.pw_gid} home={here}/mail/%n
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""

here, user = Path.cwd(), pwd.getpwnam("nobody")
(here / "mail").mkdir()
shutil.chown(here / "mail", user.pw_uid, user.pw_gid)
(here / "dovecot.conf").write_text(CONFIGURATION.format(here=here, user=user, port=sys.argv[1]))
os.execvp("dovecot", ["dovecot", "-F", "-c", str(here / "dovecot.conf")])
