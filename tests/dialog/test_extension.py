"""
An extension of a user's own, with both of our ends.  ``examples/own_extension.py`` is the same over a socket.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.extensions.ends import Ends
from txsmtpx import Extension, MailOptions, NotOffered, OpenBackend, Session, SMTPError, SMTPServerFactory, Verb
from txsmtpx.dialog.extension import supported_by
from txsmtpx.extensions import registry
from txsmtpx.testing import RecordingBackend

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_extension.py"
XCOLOUR = runpy.run_path(str(EXAMPLE))["XCOLOUR"]


def red() -> MailOptions:
    options = MailOptions()
    options.colour = "red"
    return options


def test_on_both_ends() -> None:
    backend = RecordingBackend()
    backend.supports = (XCOLOUR,)
    ends = Ends(backend, known=[XCOLOUR])
    assert ends.client.extensions["XCOLOUR"] == ["RED", "GREEN", "BLUE"]
    reply = ends.come(ends.client.command("XCOLOURS"))
    assert reply.lines == ("RED is to be had", "GREEN is to be had", "BLUE is to be had")
    ends.send("me@example.com", ["you@example.com"], b"Roses\r\n", red())
    assert backend.messages[0].options.colour == "red"
    with pytest.raises(SMTPError, match=r"501 5\.5\.4 Bad parameter value: XCOLOUR: takes one of RED, GREEN, BLUE"):
        ends.come(ends.client.command("MAIL", "FROM:<me@example.com>", "XCOLOUR=PINK"))
    ends.over()


def test_not_offered() -> None:
    ends = Ends(known=[XCOLOUR])
    with pytest.raises(NotOffered, match="does not offer XCOLOUR"):
        ends.send("me@example.com", ["you@example.com"], b"Roses\r\n", red())
    with pytest.raises(SMTPError, match=r"555 5\.5\.4 Parameter not recognized: XCOLOUR"):
        ends.come(ends.client.command("MAIL", "FROM:<me@example.com>", "XCOLOUR=RED"))
    with pytest.raises(SMTPError, match=r"500 5\.5\.2"):
        ends.come(ends.client.command("XCOLOURS"))
    ends.over()


def test_ours_are_as_they_were() -> None:
    assert XCOLOUR not in registry.EXTENSIONS
    ends = Ends()
    assert "XCOLOUR" not in ends.client.extensions
    ends.over()


def test_for_one_session_only() -> None:
    """What a session supports besides is announced at the next hello, and forgotten with it."""

    class Colourful(Session):
        supports = (XCOLOUR,)

    class ByName(RecordingBackend):
        def login(self, connection: object, username: str, password: str) -> Session:
            return Colourful()

    ends = Ends(ByName({"username": "password"}), inside_tls=True)
    ends.client._allow_insecure_auth = True
    assert "XCOLOUR" not in ends.client.extensions
    ends.come(ends.client.authenticate(("username", "password")))
    ends.come(ends.client.hello())
    assert "XCOLOUR" in ends.client.extensions
    ends.over()


def test_what_a_backend_supports_may_stand_in_its_class_or_its_sessions() -> None:
    class Colourful(Session):
        supports = (XCOLOUR,)

        def __init__(self, connection: object) -> None:
            """Of no consequence."""

    class Backend(OpenBackend):
        supports = (XCOLOUR,)

    for backend in (OpenBackend(Colourful), Backend(lambda connection: Session())):
        ends = Ends(backend, known=[XCOLOUR])
        assert "XCOLOUR" in ends.client.extensions
        ends.over()


VERB = Verb("XFOO", lambda dialog, argument: None, "XFOO")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"verbs": VERB}, r"verbs must be a tuple of Verb objects, such as \(Verb\(\.\.\.\),\), not Verb\("),
        ({"verbs": [VERB]}, r"verbs must be a tuple of Verb objects, such as .*, not \[Verb\("),
        ({"mail": ("XFOO",)}, r"mail must be a tuple of Parameter objects, such as .*, not \('XFOO',\)$"),
        ({"rcpt": "XFOO"}, r"rcpt must be a tuple of Parameter objects, such as .*, not 'XFOO'$"),
        ({"announce": "1"}, "announce must be a function, not '1'$"),
        ({"read": None}, "read must be a function, not None$"),
        ({"wanted": True}, "wanted must be a function, not True$"),
        (
            {"requires": {"SIZE"}},
            r"requires must be a frozenset of keywords, such as frozenset\(\{'8BITMIME'\}\), not \{'SIZE'\}$",
        ),
    ],
)
def test_a_wrong_value_is_refused(wrong: Any, error: str) -> None:
    with pytest.raises(TypeError, match=f"^Extension XFOO: {error}"):
        Extension("XFOO", "none yet", **wrong)


def test_an_extension_is_not_wanted_unless_it_says_so() -> None:
    assert not Extension("XFOO", "none yet").wanted(MailOptions(size=1))


@pytest.mark.parametrize("supports", ["DSN", ["DSN"], XCOLOUR, [Extension]], ids=type)
def test_a_backend_that_supports_anything_else_is_refused(supports: Any) -> None:
    backend = RecordingBackend()
    backend.supports = supports
    with pytest.raises(TypeError, match=r"^RecordingBackend\.supports must be a tuple of Extension objects, such as "):
        SMTPServerFactory(backend)


def test_a_class_of_sessions_is_named() -> None:
    class Wrong(Session):
        supports = ("DSN",)

    text = r"Wrong\.supports must be a tuple of Extension objects, such as \(DSN,\), not \('DSN',\)$"
    with pytest.raises(TypeError, match=text):
        supported_by(Wrong)
    assert supported_by(object()) == ()
