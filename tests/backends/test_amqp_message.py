"""The envelope in the headers of a message, and back."""

from __future__ import annotations

import pytest

pytest.importorskip("pika", reason="pika is not installed (extra amqp)")

from dataclasses import replace

from tests.consume.queue import envelope
from txsmtpx.backends import amqp_message


def test_headers() -> None:
    headers = amqp_message.headers_of(envelope("bob@example.net", sender=""))
    assert headers["smtp-sender"] == ""
    assert headers["smtp-queue-id"] == "3fa9c1"
    assert headers["smtp-recipients"] == '["bob@example.net"]'
    assert all(name.startswith("smtp-") and "_" not in name for name in headers)


def test_the_inverse() -> None:
    sent = replace(
        envelope("bob@example.net", "j\u00f6rg@example.net"), tls_version="TLSv1.3", smtputf8=True, priority=3
    )
    headers = {**amqp_message.headers_of(sent), "x-delivery-count": 7, "other": "x", "smtp-number": 3}
    assert amqp_message.envelope_of(headers) == sent


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, "the envelope lacks the field queue_id"),
        ({"smtp-queue-id": 7}, "the envelope lacks the field queue_id"),
        ({"smtp-recipients": "bob"}, "the field recipients of the envelope is malformed"),
    ],
)
def test_malformed_headers(headers, error) -> None:
    known = {} if not headers or "smtp-queue-id" in headers else amqp_message.headers_of(envelope())
    with pytest.raises(ValueError, match=error):
        amqp_message.envelope_of({**known, **headers})


@pytest.mark.parametrize(("value", "number"), [(7, 7), (0, 0), (-1, 0), ("7", 0), (None, 0), (True, 1)])
def test_numbers(value, number) -> None:
    assert amqp_message.number_in({"a": value}, "a") == number
    assert amqp_message.number_in({}, "a") == 0


def test_properties() -> None:
    found = amqp_message.properties_of("m1", envelope(), {"a": "b"})
    assert (found.delivery_mode, found.message_id, found.headers) == (2, "m1", {"a": "b"})
    assert found.timestamp == int(envelope().received.timestamp())


def test_the_size_of_headers_is_not_less_than_what_is_sent() -> None:
    headers = amqp_message.headers_of(envelope(*(f"user{number}@example.net" for number in range(100))))
    sent = b"".join(amqp_message.properties_of("m1", envelope(), headers).encode())
    assert len(sent) - 200 < amqp_message.size_of(headers) <= len(sent) + 16 * len(headers)
