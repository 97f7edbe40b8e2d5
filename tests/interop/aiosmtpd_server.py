"""
A server of aiosmtpd, as a program: it takes mail for whoever has a Maildir, and lets one user log in.

Arguments: port, port with TLS from the start, PEM file, directory of the Maildirs, user, password.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
import sys
from functools import partial
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

_numbers = itertools.count()


class Maildirs:
    """What aiosmtpd calls a handler."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """Is there such a Maildir?"""
        if not (self._directory / address.partition("@")[0]).exists():
            return "550 5.1.1 No such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Store it."""
        login = session.auth_data.login if session.authenticated else b"nobody"
        trace = b"X-Logged-In: %s\r\nX-TLS: %d\r\n" % (login, session.ssl is not None)
        for recipient in envelope.rcpt_tos:
            file = self._directory / recipient.partition("@")[0] / "new" / str(next(_numbers))
            file.with_suffix(".part").write_bytes(trace + envelope.original_content)
            file.with_suffix(".part").rename(file)
        return "250 2.0.0 Stored"


async def main(port: str, tls_port: str, pem: str, directory: str, user: str, password: str) -> None:
    """Serve for ever."""

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        good = (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=good, handled=False, auth_data=data)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    handler = Maildirs(Path(directory))
    make = partial(SMTP, handler, enable_SMTPUTF8=True, authenticator=authenticate, hostname="aiosmtpd.test")
    loop = asyncio.get_running_loop()
    await loop.create_server(partial(make, tls_context=context), "127.0.0.1", int(port))
    # It does not see TLS that it has not begun itself.
    await loop.create_server(partial(make, auth_require_tls=False), "127.0.0.1", int(tls_port), ssl=context)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
