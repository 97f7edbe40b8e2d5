"""Standard Webhooks: signatures that the package of the specification verifies, and the other way round."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from txsmtpx.backends.http_signature import WebhookSecret

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def lowered(headers):
    return {name.lower(): value for name, value in headers.items()}


@given(st.text(st.characters(codec="utf-8"), max_size=100))
def test_the_package_verifies_what_is_signed(text):
    headers = WebhookSecret(SECRET).headers("3fa9c1", int(time.time()), b'{"text":%d}' % len(text))
    assert Webhook(SECRET).verify(b'{"text":%d}' % len(text), lowered(headers)) == {"text": len(text)}


def test_a_body_in_pieces():
    secret = WebhookSecret(SECRET)
    begun = secret.signature("a", 1)
    for piece in (b"ab", b"", b"c"):
        begun.update(piece)
    whole = secret.signature("a", 1)
    whole.update(b"abc")
    assert begun.digest() == whole.digest()


def test_what_the_package_has_signed_is_verified():
    now = time.time()
    signature = Webhook(SECRET).sign("msg_1", datetime.fromtimestamp(int(now), UTC), "body")
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now)), "webhook-signature": f"v1,AAAA {signature}"}
    assert WebhookSecret(SECRET).verify(headers, b"body", now) == "msg_1"


def test_another_body_is_refused_by_both():
    now = int(time.time())
    headers = lowered(WebhookSecret(SECRET).headers("a", now, b"body"))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b"other", headers)
    with pytest.raises(ValueError, match=r"^the signature of the request is wrong$"):
        WebhookSecret(SECRET).verify(headers, b"other", now)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"webhook-id": "b"}, "the signature of the request is wrong"),
        ({"webhook-signature": ""}, "the signature of the request is wrong"),
        ({"webhook-signature": "ü"}, "the signature of the request is wrong"),
        ({"webhook-timestamp": "699"}, "the time of the request is not the present time"),
        ({"webhook-timestamp": "1301"}, "the time of the request is not the present time"),
        ({"webhook-timestamp": "1e3"}, "the time of the request is not the present time"),
        ({"webhook-timestamp": "9" * 5000}, "the time of the request is not the present time"),
        ({"webhook-id": None}, "the request has no header webhook-id"),
        ({"webhook-signature": None}, "the request has no header webhook-signature"),
    ],
)
def test_what_is_refused(changed, error):
    secret = WebhookSecret(SECRET)
    headers = {**lowered(secret.headers("a", 1000, b"body")), **changed}
    headers = {name: value for name, value in headers.items() if value is not None}
    with pytest.raises(ValueError, match=f"^{error}$"):
        secret.verify(headers, b"body", 1000)
    assert secret.verify(lowered(secret.headers("a", 1000, b"body")), b"body", 1300) == "a"


@pytest.mark.parametrize("text", ["", "opensesame", "whsec_!!!!", "whsec_c2hvcnQ=", SECRET[6:], "whsec_ü"])
def test_a_secret_that_is_none(text):
    with pytest.raises(ValueError, match=r"^must be whsec_ and 24 to 64 octets in base64, such as python -c") as raised:
        WebhookSecret(text)
    assert not text or text not in str(raised.value)


def test_a_secret_is_not_shown():
    assert repr(WebhookSecret(SECRET)) == "WebhookSecret('whsec_...')"
