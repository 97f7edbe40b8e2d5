"""What a client is told: a message and its recipients as arguments, and on the standard input how often to send it."""

import sys
from dataclasses import dataclass

SENDER = "sender@example.org"


@dataclass
class Orders:
    port: int
    body: bytes
    recipients: list[str]

    def next(self):
        """How many messages to send now; None when there is nothing more to do.  Waits."""
        line = sys.stdin.readline()
        return int(line) if line else None

    def done(self):
        """They are sent, and accepted."""
        print("done", flush=True)


def orders():
    port, path, recipients = sys.argv[1:]
    with open(path, "rb") as file:
        body = file.read()
    return Orders(int(port), body, [f"recipient{n}@example.net" for n in range(int(recipients))])
