"""Send one message, with one call."""

import sys
from email.message import EmailMessage

from twisted.internet.task import react

from txsmtpx import send_mail


async def main(reactor, endpoint="tcp:localhost:1025", sender="me@example.org", *recipients):
    recipients = recipients or ["you@example.net"]
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = sender, ", ".join(recipients), "Hello"
    letter.set_content("Hey <3\n")
    result = await send_mail(endpoint, sender, recipients, letter)
    for recipient, outcome in [*result.accepted, *result.refused]:
        print(f"{recipient}: {outcome}")


if __name__ == "__main__":
    react(main, sys.argv[1:])
