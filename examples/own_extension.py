"""An extension of your own, in server and client: an EHLO keyword, a parameter of MAIL, and a command."""

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import react

from txsmtpx import (
    Extension,
    MailOptions,
    Malformed,
    OpenBackend,
    Parameter,
    Reply,
    Session,
    SMTPServerFactory,
    Verb,
    connect,
)

COLOURS = ("RED", "GREEN", "BLUE")


def decode(text):  # the text after "XCOLOUR=", or None; a Malformed is answered by 501 5.5.4 with its text
    if text is None or text.upper() not in COLOURS:
        raise Malformed("takes one of " + ", ".join(COLOURS))
    return text.lower()


def list_colours(dialog, argument):
    return Reply(250, (2, 0, 0), *(f"{colour} is to be had" for colour in COLOURS))


XCOLOUR = Extension(
    keyword="XCOLOUR",
    rfc="none yet",
    announce=lambda dialog: " ".join(COLOURS),  # the text after the keyword in EHLO
    read=str.split,  # the client parses that text
    mail=(Parameter("XCOLOUR", field="colour", decode=decode, encode=str.upper, syntax="XCOLOUR=colour"),),
    verbs=(Verb("XCOLOURS", list_colours, "XCOLOURS"),),
    wanted=lambda options: getattr(options, "colour", None) is not None,  # the message needs it
)


class ColouredSession(Session):
    supports = (XCOLOUR,)  # the server advertises it

    def __init__(self, connection):
        self.connection = connection

    def mail(self, sender, options):
        print(sender, "sends something", getattr(options, "colour", "without a colour"))


async def main(reactor):
    factory = SMTPServerFactory(OpenBackend(ColouredSession))
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    client = await connect(f"tcp:127.0.0.1:{port.getHost().port}", tls="none", extensions=[XCOLOUR])
    print("offered:", client.extensions["XCOLOUR"])
    reply = await client.command("XCOLOURS")
    print(*reply.lines, sep="\n")
    options = MailOptions()
    options.colour = "red"
    await client.send("me@example.org", ["you@example.net"], b"Subject: Roses\r\n", options)
    await client.quit()
    await port.stopListening()


if __name__ == "__main__":
    react(main)
