"""How connections open, as ``twistd -n smtpx`` does it: PROXY headers, TLS handshakes, and the log."""

from __future__ import annotations

import socket
import ssl
import time

import pytest

from tests.waiting import PATIENCE
from tests.wire.twistd import LOCAL, Twistd, tls_options

pytestmark = pytest.mark.system


def test_a_failed_handshake_is_in_the_log(directory, pem):
    """Within TLS from the first octet and by STARTTLS; a monitor of the port is not."""
    with Twistd(directory, "--port", LOCAL, "--tls-port", LOCAL, *tls_options(pem), forked=True) as server:
        plain, tls = (int(port) for port in server.ports(2))
        socket.create_connection(("127.0.0.1", tls), PATIENCE).close()
        with server.connect(tls) as client:
            client.say("EHLO client.example")
            assert client.reply()[:2] in ("", "\x15\x03")  # Twisted 24.11 sends an alert
        reason = r"\((wrong version number|record layer failure)\)"  # the second by OpenSSL 3.4
        why = rf"the client sent something that is not TLS, such as plain text {reason}"
        server.logged(rf"session=\S+ the TLS handshake with \[127\.0\.0\.1\] failed: {why}\n")
        with pytest.raises(ssl.SSLError):
            ssl.create_default_context().wrap_socket(
                socket.create_connection(("127.0.0.1", tls), PATIENCE), server_hostname="localhost"
            )
        server.logged(r"failed: the client does not accept the server's certificate \(\S+ alert unknown ca\)\n")
        with server.connect(plain) as client:
            client.reply()
            client.ask("EHLO client.example")
            assert client.ask("STARTTLS")[:4] == "220 "
        server.logged(r"failed: the client closed the connection\n")
        assert server.log.count("the TLS handshake with") == 3
        assert server.stop()


def test_the_headers_of_a_proxy(directory):
    """As they come from the network: cut, with TLVs, of the proxy's own; what is no header is in the log."""
    v2 = bytes.fromhex("0d0a0d0a000d0a515549540a 2111 0014 c6336407 cb007119 9c40 0019 ea0005") + b"hello"
    with Twistd(directory, "--port", "haproxy:" + LOCAL, forked=True) as server:

        def says(*pieces: bytes) -> str:
            with server.connect() as client:
                client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for piece in pieces:
                    client.socket.sendall(piece)
                    time.sleep(0.02)
                return client.reply()[:4]

        hello = b"EHLO client.example\r\n"
        for pieces in ((b"PROXY UNKNOWN\r\n",), (b"PRO", b"XY TCP4 198.51.100.7 203.0.113.25 1 25\r", b"\n"), (v2,),
                       (v2[:10], v2[10:]), (v2[:20], v2[20:] + hello)):  # fmt: skip
            assert says(*pieces) == "220 "
        before = server.log
        socket.create_connection(("127.0.0.1", server.port), PATIENCE).close()
        assert says(hello) == ""
        (line,) = server.logged(r"session=\S+ no PROXY header from .*\n")
        assert line.endswith("[127.0.0.1]: the connection begins with b'EHLO client.exam'\n")
        assert server.log.count("\n") == before.count("\n") + 1
        assert server.stop()
