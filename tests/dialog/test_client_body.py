"""The kinds of messages that a client takes from its caller, told from what is none."""

from __future__ import annotations

import io
import os
from email.message import EmailMessage
from types import SimpleNamespace

import pytest
from twisted.web.client import FileBodyProducer

from tests.bodies import asynchronous
from txsmtpx.dialog.client_body import BodyProducer, ReadableFile, check_body, check_piece, is_seekable

BODIES = {
    "bytes": b"x",
    "bytearray": bytearray(b"x"),
    "memoryview": memoryview(b"x"),
    "a message": EmailMessage(),
    "a file": io.BytesIO(b"x"),
    "an object with read": SimpleNamespace(read=lambda size: b"x"),
    "a producer": FileBodyProducer(io.BytesIO(b"x")),
    "a list": [b"x", bytearray(b"y"), memoryview(b"z")],
    "a tuple": (b"x",),
    "an empty list": [],
    "an iterator": iter([b"x"]),
    "a generator": (each for each in [b"x"]),
    "an asynchronous iterable": asynchronous([b"x"]),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_is_accepted(kind):
    check_body(BODIES[kind])


@pytest.mark.parametrize("body", ["x", 7, None, object(), {"a": b"x"}, {b"x"}, frozenset()], ids=type)
def test_what_is_no_body_is_refused_by_its_type(body):
    with pytest.raises(TypeError, match=rf"^a body must be bytes, .*, not {type(body).__name__}\b"):
        check_body(body)


def test_a_file_that_is_open_for_text_is_refused():
    with pytest.raises(TypeError, match=r"^the file is open for text, a body is octets$"):
        check_body(io.StringIO("x"))


@pytest.mark.parametrize("body", [["x"], [b"x", 7], (None,)], ids=repr)
def test_the_pieces_of_a_list_are_looked_at(body):
    with pytest.raises(TypeError, match=f"^a body is octets, and a piece of it is {type(body[-1]).__name__}$"):
        check_body(body)


def test_an_iterator_is_not_read():
    """Its pieces are checked as they come."""
    body = iter(["x"])
    check_body(body)
    assert next(body) == "x"


@pytest.mark.parametrize("piece", [b"", b"x", bytearray(b"x"), memoryview(b"x")], ids=type)
def test_a_piece_is_octets(piece):
    check_piece(piece)


@pytest.mark.parametrize("piece", ["x", 7, None, [b"x"]], ids=repr)
def test_another_piece_is_refused(piece):
    with pytest.raises(TypeError, match=f"^a body is octets, and a piece of it is {type(piece).__name__}$"):
        check_piece(piece)


def test_which_bodies_can_be_read_twice(tmp_path):
    (tmp_path / "body").write_bytes(b"x")
    with (tmp_path / "body").open("rb") as file:
        assert is_seekable(file)
    assert is_seekable(io.BytesIO(b"x"))
    reading, writing = os.pipe()
    os.close(writing)
    with open(reading, "rb") as pipe:
        assert not is_seekable(pipe)
    for other in (b"x", [b"x"], SimpleNamespace(read=lambda size: b""), SimpleNamespace(seekable=lambda: True)):
        assert not is_seekable(other)


def test_the_protocols_are_checked_at_run_time():
    producer = FileBodyProducer(io.BytesIO(b"x"))
    assert isinstance(producer, BodyProducer)
    assert not isinstance(producer, ReadableFile)
    assert isinstance(io.BytesIO(), ReadableFile)
    assert not isinstance(io.BytesIO(), BodyProducer)


@pytest.mark.parametrize("body", ["text", 7, None, object()])
def test_what_is_no_body(network, body):
    net = network()
    client = net.greeted()
    with pytest.raises(TypeError, match=rf"^a body must be bytes, .*, not {type(body).__name__}\b"):
        net.result(client.send("me@example.org", ["you@example.net"], body))
    assert net.servers[0].verbs == ["EHLO"]
    assert net.result(client.noop()).code == 250


def test_a_file_that_is_open_for_text_is_refused_before_anything_is_sent(network, tmp_path):
    (tmp_path / "body").write_bytes(b"text")
    net = network()
    client = net.greeted()
    for file in ((tmp_path / "body").open(), io.StringIO("text")):
        with file, pytest.raises(TypeError, match=r"^the file is open for text, a body is octets$"):
            net.result(client.send("me@example.org", ["you@example.net"], file))
    assert net.servers[0].verbs == ["EHLO"]
