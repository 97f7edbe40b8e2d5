"""
The other mail servers: a context manager for each, which runs it on loopback from a directory of its own.

They use nothing of the machine's configuration.  The directory has to be one that any user may enter, for most of
them change theirs.
"""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.interop.peers import EXIM, EXIM_USER, program
from tests.interop.process import Running, running
from tests.ports import free_port
from txsmtpx.testing import Pem

# Takes local mail for anybody at this domain, in every server.
DOMAIN = "example.test"


@dataclass
class Server(Running):
    """A mail server that runs."""

    port: int
    maildir: Path


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    # Postfix lets two seconds pass before it trusts a configuration that has only just been written.
    os.utime(path, (0, 0))
    return path


def _settings(settings: Mapping[str, object]) -> str:
    return "".join(f"{name} = {value}\n" for name, value in settings.items())


# Postfix

# name, type, private, unprivileged, chroot, wakeup, maxproc, command
_POSTFIX_SERVICES = """\
{port} inet n - n - - smtpd
{tls_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
{proxied_port} inet n - n - - smtpd -o smtpd_upstream_proxy_protocol=haproxy
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n - 0 flush
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
virtual unix - n n - - virtual
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass
class Postfix(Server):
    """
    A Postfix that runs.

    Attributes:
        tls_port: TLS from the start.
        proxied_port: Where it waits for a PROXY header.
    """

    configuration: Path
    tls_port: int
    proxied_port: int

    def queue(self) -> dict[str, str]:
        """Why each recipient whose mail is still in the queue has not got it."""
        listing = subprocess.run(
            [program("postqueue"), "-c", self.configuration, "-j"], check=True, capture_output=True, text=True
        ).stdout
        messages = map(json.loads, listing.splitlines())
        return {each["address"]: each.get("delay_reason", "") for message in messages for each in message["recipients"]}


@contextlib.contextmanager
def postfix(
    directory: Path, certificate: Pem, routes: Mapping[str, str], **settings: object
) -> Iterator[Postfix]:
    """
    Postfix, as a server and as a relay.  If there is a file resolv.conf in the directory, it is its /etc/resolv.conf.

    Args:
        routes: Domain to transport: ``smtp:[127.0.0.1]:PORT``, ``lmtp:inet:127.0.0.1:PORT``, ``lmtp:unix:PATH``.
        settings: Further parameters of main.cf.
    """
    port, tls_port, proxied_port = free_port(), free_port(), free_port()
    _make_postfix_queue(directory)
    configuration, maildir = directory / "conf", directory / "mail"
    nobody = pwd.getpwnam("nobody")
    maildir.mkdir()
    os.chown(maildir, nobody.pw_uid, nobody.pw_gid)
    log = directory / "maillog"
    main = {
        "compatibility_level": "3.6",
        "queue_directory": directory / "queue",
        "data_directory": directory / "data",
        "maillog_file": log,
        "maillog_file_prefixes": directory,
        "myhostname": "postfix.test",
        "mydestination": "",
        "mynetworks": "127.0.0.0/8",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        # Nothing is asked of the machine: no aliases, no DNS.
        "alias_maps": "",
        "local_recipient_maps": "",
        "smtpd_peername_lookup": "no",
        "disable_dns_lookups": "yes",
        "smtp_host_lookup": "native",
        "lmtp_host_lookup": "native",
        "virtual_mailbox_domains": DOMAIN,
        "virtual_mailbox_base": maildir,
        "virtual_mailbox_maps": "static:all/",
        "virtual_uid_maps": f"static:{nobody.pw_uid}",
        "virtual_gid_maps": f"static:{nobody.pw_gid}",
        "virtual_minimum_uid": 1,
        "relay_domains": " ".join(routes),
        "transport_maps": f"texthash:{configuration}/transport",
        "relay_transport": "smtp",
        "smtpd_relay_restrictions": "permit_mynetworks, reject",
        "smtpd_tls_security_level": "may",
        "smtpd_tls_chain_files": f"{certificate.key}, {certificate.certificate}",
        "smtp_tls_security_level": "may",
        "smtp_tls_CAfile": certificate.certificate,
        "smtp_tls_loglevel": 1,
        # What slows a client down that makes mistakes.
        "smtpd_error_sleep_time": 0,
        "in_flow_delay": 0,
        **settings,
    }
    _write(configuration / "main.cf", _settings(main))
    _write(configuration / "transport", "".join(f"{domain} {transport}\n" for domain, transport in routes.items()))
    ports = {"port": port, "tls_port": tls_port, "proxied_port": proxied_port}
    services = _POSTFIX_SERVICES.format(**{name: f"127.0.0.1:{number}" for name, number in ports.items()})
    _write(configuration / "master.cf", services)
    master: list[str | Path] = [_daemons_of_postfix() / "master", "-c", configuration, "-s"]
    resolv_conf = directory / "resolv.conf"
    if resolv_conf.exists():
        mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        master = [program("unshare"), "--mount", "sh", "-c", mount, resolv_conf, *master]
    with running(master, directory, port, log) as process:
        yield Postfix(process.process, log, port, maildir, configuration, tls_port, proxied_port)


def _daemons_of_postfix() -> Path:
    """Where its distributor has put them."""
    asked = subprocess.run([program("postconf"), "-dh", "daemon_directory"], check=True, capture_output=True, text=True)
    return Path(asked.stdout.strip())


def _make_postfix_queue(directory: Path) -> None:
    """As the installation of Postfix does for the one of the machine."""
    owner, drop = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
    rooms = [("pid", 0, 0, 0o755), ("maildrop", owner, drop, 0o730), ("public", owner, drop, 0o710)]
    for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "trace"):
        rooms.append((name, owner, 0, 0o700))
    for name, uid, gid, mode in rooms:
        room = directory / "queue" / name
        room.mkdir(parents=True)
        os.chown(room, uid, gid)
        room.chmod(mode)
    (directory / "data").mkdir()
    os.chown(directory / "data", owner, 0)


# Exim

_EXIM = """\
primary_hostname = exim.test
spool_directory = {directory}/spool
log_file_path = {directory}/log/%s
pid_file_path = {directory}/spool/exim.pid
log_selector = +all
exim_path = {program}
exim_user = {user}
exim_group = {user}
# Not being installed, the program is not setuid: what began as the daemon's child has to deliver, too.
deliver_drop_privilege
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =
tls_advertise_hosts = *
tls_certificate = {certificate.certificate}
tls_privatekey = {certificate.key}
chunking_advertise_hosts = *
dsn_advertise_hosts = *
prdr_enable
smtputf8_advertise_hosts = *
message_size_limit = 0
acl_smtp_rcpt = accept
{settings}
begin routers
{routers}
local:
  driver = accept
  domains = {domain}
  transport = maildir

begin transports
{transports}
maildir:
  driver = appendfile
  directory = {directory}/mail
  maildir_format
  user = {user}
"""
_EXIM_ROUTER = """\
{name}:
  driver = manualroute
  domains = {routed}
  route_list = * 127.0.0.1
  self = send
  transport = {name}
"""
_EXIM_TRANSPORT = """\
{name}:
  driver = smtp
  protocol = {protocol}
  port = {port}
  allow_localhost
  hosts_try_chunking = *
  tls_verify_certificates = {certificate.certificate}
"""


@contextlib.contextmanager
def exim(
    directory: Path, certificate: Pem, routes: Mapping[str, tuple[str, int]], **settings: object
) -> Iterator[Server]:
    """
    Exim, as a server and as a relay that sends BDAT where it can.

    Args:
        routes: Domain to ``("smtp", port)`` or ``("lmtp", port)``.
        settings: Further options of its main section.
    """
    port = free_port()
    for room in ("spool", "log", "mail"):
        (directory / room).mkdir()
        shutil.chown(directory / room, EXIM_USER, EXIM_USER)
    hops = [
        {"name": routed.replace(".", "_"), "routed": routed, "protocol": protocol, "port": there}
        for routed, (protocol, there) in routes.items()
    ]
    configuration = _write(
        directory / "exim.conf",
        _EXIM.format(
            directory=directory,
            program=EXIM,
            user=EXIM_USER,
            port=port,
            certificate=certificate,
            domain=DOMAIN,
            settings=_settings(settings),
            routers="".join(_EXIM_ROUTER.format(**hop) for hop in hops),
            transports="".join(_EXIM_TRANSPORT.format(certificate=certificate, **hop) for hop in hops),
        ),
    )
    log = directory / "log/main"
    with running([EXIM, "-bdf", "-C", configuration], directory, port, log) as process:
        yield Server(process.process, log, port, directory / "mail")


# HAProxy

_HAPROXY = """\
defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen v1
  bind 127.0.0.1:{v1}
  server it 127.0.0.1:{behind} send-proxy
listen v2
  bind 127.0.0.1:{v2}
  server it 127.0.0.1:{behind} send-proxy-v2
listen v2_tls
  bind 127.0.0.1:{v2_tls} ssl crt {certificate.both}
  server it 127.0.0.1:{behind} send-proxy-v2 proxy-v2-options ssl,cert-cn,unique-id,authority,crc32c
"""


@contextlib.contextmanager
def haproxy(directory: Path, certificate: Pem, behind: int) -> Iterator[dict[str, int]]:
    """
    HAProxy in front of the port ``behind``; gives the ports ``v1``, ``v2`` and ``v2_tls``, where the TLS ends.
    """
    ports = {name: free_port() for name in ("v1", "v2", "v2_tls")}
    configuration = _write(
        directory / "haproxy.cfg", _HAPROXY.format(behind=behind, certificate=certificate, **ports)
    )
    with running([program("haproxy"), "-db", "-f", configuration], directory, ports["v1"]):
        yield ports


# Dovecot

_DOVECOT = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols = lmtp
listen = 127.0.0.1
first_valid_uid = 1
first_valid_gid = 1
hostname = dovecot.test
postmaster_address = postmaster@{domain}
ssl = yes
ssl_cert = <{certificate.certificate}
ssl_key = <{certificate.key}
mail_location = maildir:~/mail
mail_plugins = quota
plugin {{
  quota = count:User quota
  quota_vsizes = yes
  quota_grace = 0
}}
passdb {{
  driver = passwd-file
  args = username_format=%n {directory}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%n {directory}/users
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
"""


@dataclass
class Dovecot(Server):
    """A Dovecot that runs."""

    socket: Path


@contextlib.contextmanager
def dovecot(directory: Path, certificate: Pem) -> Iterator[Dovecot]:
    """
    Dovecot, as an LMTP server with STARTTLS.

    ``alice`` takes everything, ``full`` refuses everything after the data; nobody else is known.
    """
    port = free_port()
    nobody = pwd.getpwnam("nobody")
    homes = {"alice": "", "full": "userdb_quota_rule=*:bytes=1"}
    for user in homes:
        (directory / user).mkdir()
        os.chown(directory / user, nobody.pw_uid, nobody.pw_gid)
    ids = f"{nobody.pw_uid}:{nobody.pw_gid}"
    users = (f"{user}:{{PLAIN}}secret:{ids}::{directory}/{user}::{extra}\n" for user, extra in homes.items())
    _write(directory / "users", "".join(users))
    text = _DOVECOT.format(directory=directory, domain=DOMAIN, certificate=certificate, port=port)
    command: list[str | Path] = [program("dovecot"), "-F", "-c", _write(directory / "dovecot.conf", text)]
    log = directory / "log"
    with running(command, directory, port, log) as process:
        yield Dovecot(process.process, log, port, directory / "alice/mail", directory / "socket")


# smtp-sink


@contextlib.contextmanager
def smtp_sink(directory: Path, *options: str) -> Iterator[tuple[Running, int]]:
    """
    Postfix's server for tests, which keeps nothing, and its port.

    Args:
        options: How it misbehaves: ``-f rcpt`` refuses RCPT, ``-q data`` hangs up at DATA, ``-L`` speaks LMTP.
    """
    port = free_port()
    command = [program("smtp-sink"), "-v", *options, f"127.0.0.1:{port}", "100"]
    if os.geteuid() == 0:
        command[1:1] = ["-u", "nobody"]  # as root it insists on another user
    with running(command, directory, port) as process:
        yield process, port
