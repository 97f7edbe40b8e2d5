"""
Mail servers that our client sends to: each a context manager, which runs one on loopback from a directory of its own.

Where a server can, it offers TLS, and logins for the user of the other tests.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.interop import servers
from tests.interop.clients import PASSWORD, USER
from tests.interop.peers import EXIM, EXIM_USER, OPENSMTPD, OPENSMTPD_ROOT, SASLPASSWD, program
from tests.interop.process import Running, running
from tests.interop.servers import DOMAIN
from tests.ports import free_port
from tests.waiting import eventually
from txsmtpx.testing import Pem

UMLAUT_DOMAIN, UMLAUT_DOMAIN_ASCII = "exämple.test", "xn--exmple-cua.test"

# Known to each server; anybody else is unknown.
USERS = (USER, "bob", "carol")
MAX_MESSAGE_BYTES = 10_000_000
HASHED = "hilda"
"""Exim does not have the password of this one, and so can check PLAIN, and not CRAM-MD5."""
PICKY = "picky"
"""Exim refuses what this one gets only after the data, by PRDR."""

START = 300
"""Octets that tell a message from the others, some of which are large."""
ADDED = 10_000
"""Octets, more than a server puts before a message."""

MANY = 1000
MANY_BOX = "many"


@dataclass
class Receiver:
    """
    A server that runs.

    Attributes:
        port: Plain, with STARTTLS where there is TLS.
        tls_port: TLS from the start; 0 for none.
        mail: Where the Maildirs are.
    """

    program: Running
    port: int
    tls_port: int
    mail: Path

    def stored(self, box: str, sent: bytes) -> bytes:
        """
        Wait for the one message in ``box`` that ends in ``sent``, octet for octet but for the line ends of the machine.

        Returns:
            The headers that the server has put before it.
        """
        as_file = sent.replace(b"\r\n", b"\n")
        start = as_file[:START]

        def found() -> list[bytes]:
            paths = (self.mail / box).glob("new/*")
            whole = [path.read_bytes().replace(b"\r\n", b"\n") for path in paths if start in _head(path)]
            return [each for each in whole if each.endswith(as_file)]

        (whole,) = eventually(found, lambda: f"it is not in {self.mail / box}\n{self.program.end}")
        return whole[: -len(as_file)]


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(ADDED + START).replace(b"\r\n", b"\n")


def _users_of_many() -> list[str]:
    return [f"user{number}" for number in range(MANY)]


# Postfix


@contextlib.contextmanager
def postfix(
    directory: Path, certificate: Pem, max_message_bytes: int = MAX_MESSAGE_BYTES
) -> Iterator[Receiver]:
    """
    Postfix, with the logins of Cyrus SASL.

    Args:
        max_message_bytes: The largest message it takes, 0 for any.
    """
    boxes = {f"{user}@{DOMAIN}": f"{user}/" for user in (*USERS, "jürgen")}
    boxes |= {f"{user}@{DOMAIN}": f"{MANY_BOX}/" for user in _users_of_many()}
    boxes[f"{USER}@{UMLAUT_DOMAIN_ASCII}"] = f"{USER}/"
    listed = directory / "boxes"
    listed.write_text("".join(f"{address} {box}\n" for address, box in boxes.items()))
    os.utime(listed, (0, 0))  # else it waits two seconds, for somebody might still be writing
    _make_sasldb(directory / "conf" / "sasl")
    settings = {
        "virtual_mailbox_domains": f"{DOMAIN} {UMLAUT_DOMAIN_ASCII}",
        "virtual_mailbox_maps": f"texthash:{listed}",
        "smtpd_relay_restrictions": "permit_sasl_authenticated, reject_unauth_destination",
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_sasl_path": "smtpd",
        "smtpd_sasl_local_domain": DOMAIN,
        "broken_sasl_auth_clients": "yes",  # it announces AUTH in both forms
        "smtpd_tls_auth_only": "yes",
        "smtputf8_enable": "yes",
        "message_size_limit": max_message_bytes,
        "virtual_mailbox_limit": 0,
    }
    with servers.postfix(directory, certificate, {}, **settings) as server:
        yield Receiver(server, server.port, server.tls_port, server.maildir)


def _make_sasldb(directory: Path) -> None:
    """Where Debian's Postfix looks: what Cyrus SASL is to offer, and its file of users."""
    directory.mkdir(parents=True)
    database = directory / "sasldb2"
    mechanisms = "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256"
    (directory / "smtpd.conf").write_text(
        f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {database}\nmech_list: {mechanisms}\n"
    )
    command = [program(SASLPASSWD), "-p", "-c", "-f", str(database), "-u", DOMAIN, USER]
    subprocess.run(command, input=PASSWORD.encode(), check=True)
    shutil.chown(database, "postfix", "postfix")


# Exim

# Its log names no recipients: where a line with many of them comes out just so long, Exim 4.96 dies of it, between the
# message and its reply.
_EXIM = """\
primary_hostname = exim.test
spool_directory = {directory}/spool
log_file_path = {directory}/log/%s
pid_file_path = {directory}/spool/exim.pid
log_selector = +all -received_recipients
exim_path = {program}
exim_user = {user}
exim_group = {user}
deliver_drop_privilege
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port} : {tls_port}
tls_on_connect_ports = {tls_port}
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =
tls_advertise_hosts = *
tls_certificate = {certificate.certificate}
tls_privatekey = {certificate.key}
tls_verify_certificates = {certificate.certificate}
tls_try_verify_hosts = *
chunking_advertise_hosts = *
smtputf8_advertise_hosts = *
pipelining_connect_advertise_hosts =
smtp_enforce_sync
message_size_limit = {max_message_bytes}
acl_smtp_rcpt = recipient
prdr_enable
acl_smtp_data_prdr = each

begin acl
each:
  deny message = 5.7.1 Not to me
       condition = ${{if eq{{$local_part}}{{{picky}}}}}
  accept
recipient:
  accept authenticated = *
  require message = 5.1.1 No such mailbox here
          verify = recipient
  accept domains = {domain}

begin routers
local:
  driver = accept
  domains = {domain}
  local_parts = {users}
  transport = maildir
many:
  driver = accept
  domains = {domain}
  local_parts = ^user[0-9]+\\$
  transport = together

begin transports
maildir:
  driver = appendfile
  directory = {directory}/mail/$local_part_data
  maildir_format
  user = {user}
together:
  driver = appendfile
  directory = {directory}/mail/{many}
  maildir_format
  user = {user}
  batch_max = {batch}

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{inlist{{$auth2}}{{{login} : {hashed}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
  server_advertise_condition = ${{if def:tls_in_cipher}}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = ${{if and{{{{eq{{$auth1}}{{{login}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
  server_advertise_condition = ${{if def:tls_in_cipher}}
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{{login}}}{{{password}}}fail}}
  server_set_id = $auth1
external:
  driver = external
  public_name = EXTERNAL
  server_param2 = ${{certextract{{subject,CN}}{{$tls_in_peercert}}}}
  server_condition = ${{if bool{{$tls_in_certificate_verified}}}}
  server_set_id = $auth2
  server_advertise_condition = $tls_in_certificate_verified
"""


@contextlib.contextmanager
def exim(directory: Path, certificate: Pem) -> Iterator[Receiver]:
    """Exim; who shows the certificate may log in as its common name."""
    port, tls_port = free_port(), free_port()
    for room in ("spool", "log", "mail"):
        (directory / room).mkdir()
        shutil.chown(directory / room, EXIM_USER, EXIM_USER)
    configuration = directory / "exim.conf"
    configuration.write_text(
        _EXIM.format(
            directory=directory,
            program=EXIM,
            user=EXIM_USER,
            port=port,
            tls_port=tls_port,
            certificate=certificate,
            domain=DOMAIN,
            max_message_bytes=MAX_MESSAGE_BYTES,
            users=" : ".join((*USERS, PICKY)),
            picky=PICKY,
            many=MANY_BOX,
            batch=MANY,
            login=USER,
            hashed=HASHED,
            password=PASSWORD,
        )
    )
    with running([EXIM, "-bdf", "-C", configuration], directory, port, directory / "log/main") as process:
        yield Receiver(process, port, tls_port, directory / "mail")


# OpenSMTPD

_OPENSMTPD = """\
smtp max-message-size {max_message_bytes}
table boxes file:{directory}/boxes
listen on 127.0.0.1 port {port} hostname "opensmtpd.test"
action "box" maildir "{directory}/mail/%{{dest.user}}" virtual <boxes>
match from any for domain "{domain}" action "box"
"""

# It wants its own directories where the package puts them: there they are, for it alone.
_OPENSMTPD_ROOMS = {"spool": "/var/spool", "lib": "/var/lib", "run": "/run", "libexec": "/usr/libexec"}


@contextlib.contextmanager
def opensmtpd(directory: Path) -> Iterator[Receiver]:
    """OpenSMTPD, without TLS, which its package for Debian 12 cannot serve, and so without logins."""
    port, mail = free_port(), directory / "mail"
    for room, mode in (("spool/smtpd", 0o711), ("lib/opensmtpd/empty", 0o755), ("run", 0o755), ("mail", 0o755)):
        (directory / room).mkdir(parents=True)
        (directory / room).chmod(mode)
    (directory / "libexec").symlink_to(OPENSMTPD_ROOT / "usr/libexec")
    nobody = pwd.getpwnam("nobody")
    shutil.chown(mail, nobody.pw_uid, nobody.pw_gid)
    (directory / "boxes").write_text("".join(f"{user} nobody\n" for user in USERS))
    configuration = directory / "smtpd.conf"
    configuration.write_text(
        _OPENSMTPD.format(directory=directory, port=port, domain=DOMAIN, max_message_bytes=MAX_MESSAGE_BYTES)
    )
    configuration.chmod(0o600)
    mounts = "".join(f"mount --bind {directory}/{room} {there}\n" for room, there in _OPENSMTPD_ROOMS.items())
    script = f'set -e\nmount --make-rprivate /\n{mounts}exec "$@"'
    command = [program("unshare"), "--mount", "sh", "-c", script, "sh", OPENSMTPD, "-d", "-f", configuration]
    with running(command, directory, port) as process:
        yield Receiver(process, port, 0, mail)


# Dovecot

_DOVECOT = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {log}
protocols = lmtp
listen = 127.0.0.1
hostname = dovecot.test
postmaster_address = postmaster@{domain}
first_valid_uid = 1
first_valid_gid = 1
ssl = yes
ssl_cert = <{certificate.certificate}
ssl_key = <{certificate.key}
mail_location = maildir:~
mail_plugins = quota
auth_username_format = %Ln
passdb {{
  driver = passwd-file
  args = {directory}/users
}}
userdb {{
  driver = passwd-file
  args = {directory}/users
}}
plugin {{
  quota = count:User quota
  quota_vsizes = yes
  quota_grace = 0
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
  unix_listener {directory}/socket {{
    mode = 0666
  }}
}}
service auth {{
  unix_listener auth-userdb {{
    mode = 0666
  }}
}}
"""

OVER_QUOTA = "full"


@dataclass
class LMTPReceiver(Receiver):
    """
    One that speaks LMTP.

    Attributes:
        socket: A UNIX socket.
    """

    socket: Path


@contextlib.contextmanager
def dovecot(directory: Path, certificate: Pem) -> Iterator[LMTPReceiver]:
    """Dovecot, of any domain; the mailbox of one user is full."""
    port, log, mail = free_port(), directory / "log", directory / "mail"
    nobody = pwd.getpwnam("nobody")
    lines = []
    for user in (*USERS, OVER_QUOTA):
        (mail / user).mkdir(parents=True)
        shutil.chown(mail / user, nobody.pw_uid, nobody.pw_gid)
        rule = "userdb_quota_rule=*:bytes=20" if user == OVER_QUOTA else ""
        lines.append(f"{user}:{{PLAIN}}{PASSWORD}:{nobody.pw_uid}:{nobody.pw_gid}::{mail}/{user}::{rule}\n")
    (directory / "users").write_text("".join(lines))
    configuration = directory / "dovecot.conf"
    configuration.write_text(
        _DOVECOT.format(directory=directory, log=log, port=port, certificate=certificate, domain=DOMAIN)
    )
    with running([program("dovecot"), "-F", "-c", configuration], directory, port, log) as process:
        yield LMTPReceiver(process, port, 0, mail, directory / "socket")


# aiosmtpd


@contextlib.contextmanager
def aiosmtpd(directory: Path, certificate: Pem) -> Iterator[Receiver]:
    """aiosmtpd, Python's server for asyncio."""
    port, tls_port = free_port(), free_port()
    for user in USERS:
        (directory / "mail" / user / "new").mkdir(parents=True)
    script = Path(__file__).with_name("aiosmtpd_server.py")
    command = [sys.executable, script, str(port), str(tls_port), certificate.both, directory / "mail", USER, PASSWORD]
    with running(command, directory, port) as process:
        yield Receiver(process, port, tls_port, directory / "mail")


# Postfix's test server


@contextlib.contextmanager
def smtp_sink(*options: str) -> Iterator[int]:
    """Postfix's server for tests, which misbehaves as ``options`` say; gives its port."""
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []  # for it refuses to be root
    command = [program("smtp-sink"), *user, *options, f"127.0.0.1:{port}", "100"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")
    try:
        eventually(lambda: process.poll() is not None or _listens(port), lambda: f"{command} does not listen")
        yield port
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    # To connect would be a session.
    return f"0100007F:{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()
