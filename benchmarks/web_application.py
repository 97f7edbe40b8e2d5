"""
The throughput of the backend ``http`` in each format, and without it.

    python -m benchmarks.web_application

The server runs on one core, the load generator and the application on the others.  The application is ASGI, in uvicorn.
It reads each request and answers 204.  Each message has 4 KB and one recipient; eight clients send at a time.  Prints
the messages a second by the clock, and the CPU of each message in the server.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from benchmarks.build import compile_tools
from benchmarks.content import content
from benchmarks.program import Program
from benchmarks.server import serving
from benchmarks.servers import smtpx
from tests.ports import free_port
from tests.waiting import eventually

LOAD = "--connections 8 --per-connection 10"
"""Eight clients at a time, each with ten messages on a connection."""

APPLICATION = '''
received = 0

async def application(scope, receive, send):
    global received
    while (await receive()).get("more_body"):
        pass
    received += scope["method"] == "POST"
    body = str(received).encode() if scope["method"] == "GET" else b""
    await send({"type": "http.response.start", "status": 200 if body else 204, "headers": []})
    await send({"type": "http.response.body", "body": body})
'''

SECRET = f"whsec_{base64.b64encode(bytes(32)).decode()}"

BACKENDS = {
    "null": "null",
    "http, raw": "http:{url}",
    "http, raw, signed": "http:{url} secret-file={secret}",
    "http, json": "http:{url} format=json",
    "http, form": "http:{url} format=form",
}


@contextlib.contextmanager
def application(directory: Path) -> Iterator[str]:
    """
    Run the application.

    Args:
        directory: Its directory.

    Yields:
        Its URL.
    """
    (directory / "application.py").write_text(APPLICATION)
    port = free_port()
    command = ["uvicorn", "application:application", "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen([Path(sys.executable).with_name(command[0]), *command[1:], "--lifespan", "off"],
                               cwd=directory)  # fmt: skip
    url = f"http://127.0.0.1:{port}/"
    try:
        eventually(lambda: answers(url))
        yield url
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> str:
    """Return the number of messages that the application has; "" if it does not answer."""
    return subprocess.run(["curl", "--silent", url], capture_output=True, text=True).stdout


def main() -> None:
    """Measure, and print a line for each backend."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1000, help="of each backend in a round [1000]")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    compile_tools()
    with ExitStack() as stack:
        top = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="txsmtpx-")))
        message, secret = top / "message", top / "secret"
        message.write_bytes(content("wrapped", 4096))
        secret.write_text(SECRET)
        url = stack.enter_context(application(top))
        servers = {}
        for number, (name, backend) in enumerate(BACKENDS.items()):
            (room := top / str(number)).mkdir()
            command = smtpx("--backend", backend.format(url=url, secret=secret))
            servers[name] = stack.enter_context(serving(Program(name, command, str, str), room))
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
        for number in range(given.rounds + 1):
            for name, server in servers.items():
                before = int(answers(url))
                count = given.messages if number else 50
                cost = server.take(f"{LOAD} --message {message}", count)
                arrived = int(answers(url)) - before
                assert arrived == (0 if name == "null" else count), f"{name}: {arrived} messages of {count}"
                taken[name].append((count / cost["seconds"], cost["server"] / count))
                print(f"round {number}: {name}", file=sys.stderr)
        for name, found in taken.items():
            rate, cpu = (median(values) for values in zip(*found[1:], strict=True))
            print(f"{name:<20} {rate:6.0f} messages a second, CPU {cpu * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
