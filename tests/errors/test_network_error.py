"""Errors that are instances of Twisted's classes too: made from a class, made from an error, copied and pickled."""

from __future__ import annotations

import copy
import pickle

import pytest
from twisted.internet import error as twisted_error
from twisted.internet.defer import CancelledError

from txsmtpx.errors import CommandCancelled, ConnectionAborted, Delivered, DeliveryError, Fault, NetworkError, TLSFailed


@pytest.mark.parametrize(
    "kind", [twisted_error.TimeoutError, twisted_error.ConnectionDone, twisted_error.DNSLookupError]
)
def test_an_error_like_one_of_twisted(kind):
    error = NetworkError.like(kind, "no reply within 300 seconds", "DATA")
    assert isinstance(error, kind)
    assert isinstance(error, NetworkError)
    assert (type(error).__name__, type(error).__doc__) == (kind.__name__, kind.__doc__)
    assert (error.command, error.temporary, error.fault, error.delivered) == (
        "DATA", True, Fault.NETWORK, Delivered.NO,
    )  # fmt: skip
    assert str(error) == "DATA: no reply within 300 seconds"
    assert str(NetworkError.like(kind, "no reply")) == "no reply"


def test_there_is_one_class_for_each_of_twisted():
    first, second = (NetworkError.like(twisted_error.TimeoutError, text) for text in ("one", "two"))
    assert type(first) is type(second)
    assert type(first) is not type(NetworkError.like(twisted_error.ConnectionLost, "one"))


def test_an_error_of_one_keeps_its_text_and_its_attributes():
    refused = twisted_error.ConnectionRefusedError(111, "refused")
    refused.osError = 111
    error = NetworkError.of(refused, "connect")
    assert isinstance(error, twisted_error.ConnectionRefusedError)
    assert error.osError == 111
    assert str(error) == f"connect: {refused}"
    assert error is not refused


def test_an_error_of_the_system_has_its_class_too():
    error = NetworkError.of(OSError(2, "No such file"), "connect")
    assert isinstance(error, OSError)
    assert isinstance(error, NetworkError)
    assert "No such file" in str(error)


@pytest.mark.parametrize(
    "error",
    [
        NetworkError("no route"),
        NetworkError.like(twisted_error.TimeoutError, "late", "EHLO"),
        NetworkError.of(twisted_error.ConnectionLost("gone"), "RCPT"),
    ],
    ids=["by itself", "like", "of"],
)
def test_copies_and_pickles_are_of_the_same_class(error):
    error.delivered = Delivered.MAYBE
    for again in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert again is not error
        assert type(again) is type(error)
        assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))


@pytest.mark.parametrize(
    ("kind", "twisted", "command", "fault"),
    [
        (TLSFailed, twisted_error.ConnectionLost, "TLS", Fault.SERVER),
        (CommandCancelled, CancelledError, "", Fault.CALLER),
        (ConnectionAborted, twisted_error.ConnectionAborted, "", Fault.CALLER),
    ],
)
def test_those_with_a_class_of_their_own(kind, twisted, command, fault):
    error = kind("the reason")
    assert isinstance(error, twisted)
    assert isinstance(error, DeliveryError)
    assert not isinstance(error, NetworkError)
    assert (error.command, error.fault, error.temporary) == (command, fault, True)
    assert str(error) == "the reason"
    assert str(pickle.loads(pickle.dumps(error))) == "the reason"
