"""
Guarantee 7, where the server quotes what it was sent: secrets are in no error, traceback or transcript.  And what a
server says at length is cut.
"""

from __future__ import annotations

import base64
import traceback

import pytest
from twisted.python.failure import Failure

from tests.encoding import b64
from txsmtpx import Anonymous, AuthLogin, External, OAuthBearer, Plain, ProtocolError, SMTPError, XOAuth2
from txsmtpx.grammar.reply import MAX_KEPT
from txsmtpx.testing import Outcome

USER, PASSWORD, TOKEN = "someone", "correct horse battery", "ya29.a0AfH6SMBx" * 60


RESPONSES = [b64(f"\0{USER}\0{PASSWORD}"), b64(PASSWORD), b64(f"user={USER}\1auth=Bearer {TOKEN}\1\1"),
             b64(f"n,a={USER},\1auth=Bearer {TOKEN}\1\1")]  # fmt: skip
SECRETS = [PASSWORD, TOKEN, *RESPONSES]


class Custom:
    """A mechanism that does not say what is secret in it."""

    name = "X-CUSTOM"

    def start(self):
        return f"\0{USER}\0{PASSWORD}".encode()

    def next(self, challenge):
        return PASSWORD.encode()


MECHANISMS = {
    "PLAIN": Plain(USER, PASSWORD),
    "LOGIN": AuthLogin(USER, PASSWORD),
    "XOAUTH2": XOAuth2(USER, TOKEN),
    "OAUTHBEARER": OAuthBearer(USER, TOKEN),
    "X-CUSTOM": Custom(),
}


def whole(said):
    return said


ECHOES = {
    "the line": whole,
    "the line in quotes": lambda said: f'"{said}"',
    "in capitals": str.upper,
    "cut off": lambda said: said[: max(len(said) * 2 // 3, 12)],
    "its end": lambda said: said[-30:],
    "decoded": lambda said: base64.b64decode(said.rpartition(" ")[2]).decode().replace("\0", " ").replace("\1", " "),
}


def folded(text):
    """In lines of 60 characters."""
    return [text[at : at + 60] for at in range(0, len(text), 60)]


def leaked(text):
    """A secret, or a third of one, in capitals or not."""
    text = text.lower()
    pieces = [secret[at : at + max(len(secret) // 3, 8)] for secret in SECRETS for at in range(0, len(secret), 7)]
    return [piece for piece in [*SECRETS, *pieces] if len(piece) >= 8 and piece.lower() in text]


def shown(*outcomes):
    """All that may get into a log: what errors say, their tracebacks, chained ones included."""
    texts = []
    for outcome in outcomes:
        error = outcome.error
        if error is not None:
            texts += [str(error), repr(error), "".join(traceback.format_exception(error)), repr(error.__dict__)]
            texts += [Failure(error).getTraceback(), str(getattr(error, "reply", ""))]
        texts.append(repr(outcome.results))
    return "\n".join(texts)


def exchange(answers):
    """Quotes the last line that holds a secret, by ``answers``: lines to (reply)."""

    def run(argument):
        said = [f"AUTH {argument}"]
        if argument == "LOGIN":
            said.append((yield "334 VXNlcm5hbWU6"))
            said.append((yield "334 UGFzc3dvcmQ6"))
        elif " " not in argument:
            said.append((yield "334 "))
        while True:
            yield answers(said[-1])

    return run


REPLIES = {
    "535": lambda text: "\n".join(f"535{' ' if last else '-'}5.7.8 {line}" for line, last in _lines(text)),
    "421": lambda text: "\n".join(f"421{' ' if last else '-'}4.7.0 {line}" for line, last in _lines(text)),
    "235": lambda text: "\n".join(f"235{' ' if last else '-'}2.7.0 {line}" for line, last in _lines(text)),
    "nonsense": lambda text: text,
    "no answer": lambda text: f"354 {text}",
    "a challenge": lambda text: f"334 {b64('You sent ' + text)}",
    "no challenge": lambda text: f"334 {text}!",
}


def _lines(text):
    lines = folded(text)
    return [(line, n == len(lines)) for n, line in enumerate(lines, 1)]


@pytest.mark.parametrize("name", MECHANISMS)
@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("reply", REPLIES)
def test_a_server_that_quotes_the_login(network, name, echo, reply):
    net = network(offers=[f"AUTH {name}"], AUTH=exchange(lambda said: REPLIES[reply](ECHOES[echo](said))))
    transcript = []
    client = net.greeted(allow_insecure_auth=True, transcript=lambda *words: transcript.append(words[-1]))
    first = Outcome(client.authenticate(MECHANISMS[name]))
    net.flush()
    later = Outcome(client.noop())
    net.flush()
    assert first.fired
    assert leaked("\n".join(transcript)) == []
    assert leaked(shown(first, later)) == []
    if reply == "535":
        assert isinstance(first.error, SMTPError)
        assert (first.error.code, first.error.enhanced_code) == (535, (5, 7, 8))
        assert "[credentials]" in str(first.error)


@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "XOAUTH2"])
def test_a_server_that_quotes_it_later(network, name):
    """In the answer to another command, or unasked."""
    heard = []

    def remember(said):
        heard.append(said)
        return "235 2.7.0 In"

    net = network(offers=[f"AUTH {name}"], AUTH=exchange(remember), NOOP=lambda argument: f"500 5.5.2 Not {heard[0]}")
    transcript = []
    client = net.greeted(allow_insecure_auth=True, transcript=lambda *words: transcript.append(words[-1]))
    net.result(client.authenticate(MECHANISMS[name]))
    refused = Outcome(client.noop())
    net.flush()
    net.servers[0].send_reply(f"250 2.0.0 By the way, {heard[0]}")
    net.flush()
    lost = Outcome(client.noop())
    assert isinstance(refused.error, SMTPError)
    assert isinstance(lost.error, ProtocolError)
    assert leaked(shown(refused, lost)) == []
    assert leaked("\n".join(transcript)) == []


def test_what_is_no_secret_is_shown(network):
    """Neither a name, nor a reply that happens to hold a short password, outside of the exchange."""
    net = network(offers=["AUTH PLAIN"], AUTH=["535 5.7.8 someone is unknown", "235 2.7.0 In"], NOOP="550 5.5.0 no ok")
    client = net.greeted(allow_insecure_auth=True)
    with pytest.raises(SMTPError, match="someone is unknown"):
        net.result(client.authenticate(Plain(USER, PASSWORD)))
    net.result(client.authenticate(Plain(USER, "ok")))
    with pytest.raises(SMTPError, match=r"550 5\.5\.0 no ok"):
        net.result(client.noop())
    for mechanism, name in ((External("boss"), "EXTERNAL"), (Anonymous("guest"), "ANONYMOUS")):
        net = network(offers=[f"AUTH {name}"], AUTH="535 5.7.8 No boss, no guest")
        with pytest.raises(SMTPError, match="No boss, no guest"):
            net.result(net.greeted(allow_insecure_auth=True).authenticate(mechanism))


# ---- replies of megabytes


@pytest.mark.parametrize("line", [b"550-5.7.1 " + b"x" * 990 + b"\r\n", b"550-" + b"y" * 8000 + b"\r\n"])
def test_a_long_reply_is_cut(network, line):
    net = network(NOOP=line * 900 + b"550 5.7.1 end\r\n")
    client = net.greeted()
    with pytest.raises(SMTPError) as caught:
        net.result(client.noop())
    assert caught.value.code == 550
    assert len(str(caught.value)) < MAX_KEPT + len(line) + 100
    assert client.usable


def test_a_reply_of_megabytes_ends_the_connection(network):
    net = network(NOOP=(b"250-" + b"x" * 8000 + b"\r\n") * 2000)
    with pytest.raises(ProtocolError, match="a reply has more than 1000 lines") as caught:
        net.result(net.greeted().noop())
    assert len(str(caught.value)) < 200
    assert net.servers[0].lost
