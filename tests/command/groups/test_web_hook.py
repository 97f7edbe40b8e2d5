"""The options of the webhook.  ``errors.txt`` has the errors."""

from __future__ import annotations

import sys

import pytest

from tests.command.parsing import parsed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_url_and_a_secret(tmp_path):
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    options = ("--webhook", "https://me:pass@app.example/a", "--webhook-secret", str(tmp_path / "secret"))
    (service,) = parsed("--web", "8025", *options).process.services
    assert (service._webhook._url.text, repr(service._webhook._secret)) == (
        "https://app.example/a", "WebhookSecret('whsec_...')"
    )  # fmt: skip
    assert service.inbox.subscribers == [service._webhook.changed]


def test_there_is_none_by_default():
    (service,) = parsed("--web", "8025").process.services
    assert service._webhook is None


@pytest.mark.parametrize("url", ["https://me:pass@", "ftp://me:pass@app.example/", "https://me:pass@a b/"])
def test_an_error_does_not_show_the_password(url):
    with pytest.raises(SystemExit) as exit:
        parsed("--web", "8025", "--webhook", url)
    assert "pass" not in exit.value.code
    assert len(exit.value.code.splitlines()) == 1


def test_a_file_that_is_not_there():
    with pytest.raises(SystemExit) as exit:
        parsed("--web", "8025", "--webhook", "http://app.example/", "--webhook-secret", "/nowhere/x")
    assert "--webhook-secret /nowhere/x: cannot read it: No such file" in exit.value.code


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "txsmtpx.wire.web_request", None)
    with pytest.raises(SystemExit) as exit:
        parsed("--web", "8025", "--webhook", "http://app.example/")
    assert "pip install 'txsmtpx[http]'" in exit.value.code
