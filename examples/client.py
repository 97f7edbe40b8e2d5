"""
Send files on one connection, each as a message.

    python client.py [--lmtp] ENDPOINT SENDER RECIPIENT[,RECIPIENT...] FILE...

ENDPOINT is tcp:HOST:PORT, tls:HOST:PORT, unix:PATH or mx:DOMAIN.  It prints each refusal, and sends the next file.
"""

import argparse
import sys

from twisted.internet.task import react

from txsmtpx import NotOffered, RecipientsRefused, SMTPError, connect

parser = argparse.ArgumentParser(description="Send files, each a message.")
parser.add_argument("--lmtp", action="store_true", help="speak LMTP")
parser.add_argument("endpoint")
parser.add_argument("sender")
parser.add_argument("recipients", type=lambda text: text.split(","))
parser.add_argument("files", nargs="+")


async def main(reactor, *arguments):
    given = parser.parse_args(arguments)
    client = await connect(given.endpoint, lmtp=given.lmtp)
    for name in given.files:
        with open(name, "rb") as file:
            await send(client, given.sender, given.recipients, file)
    await client.quit()


async def send(client, sender, recipients, file):
    try:
        result = await client.send(sender, recipients, file)
    except RecipientsRefused as error:
        accepted, refused = [], error.refused
    except (SMTPError, NotOffered) as error:
        print(f"{file.name}: refused: {error}")
        return
    else:
        accepted, refused = result.accepted, result.refused
    for recipient, reply in accepted:
        print(f"{file.name}: {recipient}: accepted: {reply}")
    for recipient, error in refused:
        print(f"{file.name}: {recipient}: refused: {error}")


if __name__ == "__main__":
    react(main, sys.argv[1:])
