"""A real RabbitMQ for tests, which can be killed, restarted and stopped, with its own node, ports and directory."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

from tests.interop.peers import RABBITMQ
from tests.ports import free_port
from tests.waiting import eventually
from txsmtpx.testing import Pem

START = 90.0
"""Seconds for a start; 5 to 10 on a quiet machine."""

CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{port}
log.file = false
log.console = true
log.console.level = warning
heartbeat = 30
"""

TLS = """\
listeners.ssl.1 = 127.0.0.1:{port}
ssl_options.certfile = {pem.certificate}
ssl_options.keyfile = {pem.key}
ssl_options.verify = verify_none
"""


class RabbitMQServer:
    """
    A RabbitMQ that listens on ports of the loopback interface.

    Args:
        directory: Where it runs and keeps its messages.
        pem: Its certificate.
    """

    def __init__(self, directory: Path, pem: Pem) -> None:
        self.port, self.tls_port = free_port(), free_port()
        self.log = directory / "log"
        self._node = f"txsmtpx{self.port}@localhost"
        self._process: subprocess.Popen[bytes] | None = None
        configuration, plugins = directory / "rabbitmq.conf", directory / "enabled_plugins"
        configuration.write_text(CONFIGURATION.format(port=self.port) + TLS.format(port=self.tls_port, pem=pem))
        plugins.write_text("[].\n")
        epmd = free_port()
        self._environment = {
            **os.environ,
            "HOME": str(directory),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(epmd),
            "RABBITMQ_CONFIG_FILE": str(configuration),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_LOG_BASE": str(directory),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        # RabbitMQ starts the daemon of Erlang's names if it finds none, and would leave it behind.
        self._epmd = subprocess.Popen(
            ["epmd", "-port", str(epmd), "-address", "127.0.0.1"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    @property
    def url(self) -> str:
        """Its URL."""
        return f"amqp://localhost:{self.port}"

    @property
    def tls_url(self) -> str:
        """Its URL with TLS."""
        return f"amqps://localhost:{self.tls_port}"

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        self.launch()
        eventually(self._accepts, lambda: self.log.read_text(), START)

    def launch(self) -> None:
        """Start it."""
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                [RABBITMQ / "rabbitmq-server"],
                env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def _accepts(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            connection.settimeout(5)
            return connection.recv(1) == b"\x01"
        return False

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl, and return its output."""
        command = [str(RABBITMQ / "rabbitmqctl"), "-q", "-n", self._node, *arguments]
        return subprocess.run(command, env=self._environment, check=True, capture_output=True, text=True).stdout

    def alarm(self, *, on: bool) -> None:
        """Begin or end an alarm: no memory is left, so it blocks all connections that publish."""
        verb = "set_alarm({{resource_limit, memory, node()}, []})" if on else (
            "clear_alarm({resource_limit, memory, node()})"
        )  # fmt: skip
        self.control("eval", f"rabbit_alarm:{verb}, ok.")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to all that it has started."""
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """Kill it by SIGKILL, with all that it has started, and wait for its end."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            eventually(lambda: not self._listens())

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5):
            return True
        return False

    def stop(self) -> None:
        """Kill it and the daemon of names."""
        self.kill()
        self._epmd.kill()
        self._epmd.wait()
