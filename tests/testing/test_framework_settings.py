"""The settings of Django and Flask-Mail: a message arrives, with each version of Django, without a warning."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from tests.docs.block import texts
from tests.testing.frameworks import ROOT, VERSIONS, DjangoVersion
from tests.testing.projects import DJANGO
from tests.testing.test_plugin import STRICT, how_many
from txsmtpx.testing import MailServer

pytestmark = pytest.mark.time_limit(300)

SUITES = [
    DJANGO,  # first, since it configures Django
    (ROOT / "examples/django_mail.py").read_text(),
    *(suite for suite in texts(ROOT / "docs/testing.md", "python") if "django" in suite),
]

SEND = "from django.core.mail import send_mail; send_mail('Hi', 'text', 'a@example.org', ['b@example.net'])"


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> DjangoVersion:
    return DjangoVersion(request.param)


def test_suites(version: DjangoVersion, tmp_path: Path) -> None:
    """The fixtures, the example and the suites of the page."""
    for number, suite in enumerate(SUITES):
        (tmp_path / f"test_{number}.py").write_text(suite)
    # A directory of its own: pytest removes old ones in the usual place, which other processes remove too.
    own = ["--basetemp", str(tmp_path / "base")]
    run = version.run("-m", "pytest", "-p", "no:asyncio", "-p", "no:twisted", *own, *STRICT, directory=tmp_path)
    assert run.returncode == 0, run.stdout
    (passed,) = re.findall(r"(\d+) passed", run.stdout)
    assert int(passed) == sum(map(how_many, SUITES))


def test_settings_on_pages(version: DjangoVersion, tmp_path: Path) -> None:
    (settings,) = [text for text in of_page() if text.startswith("MAILERS") is version.has_mailers]
    with MailServer() as server:
        (tmp_path / "settings.py").write_text(settings.replace("1025", str(server.port)))
        run = version.run("-W", "error", "-c", SEND, directory=tmp_path, DJANGO_SETTINGS_MODULE="settings")
        assert run.returncode == 0, run.stdout
        assert len(server.messages) == 1


def of_page() -> list[str]:
    """Return the settings on the page of the inbox."""
    return [text for text in texts(ROOT / "docs/inbox.md", "python") if text.startswith(("MAILERS", "EMAIL_"))]


def test_the_inbox_shows_the_settings_of_its_page() -> None:
    template = (ROOT / "txsmtpx/inbox/templates/getting_started.html").read_text()
    shown = template.replace("{{ host }}", "127.0.0.1").replace("{{ port }}", "1025")
    blocks = [html.unescape(text) + "\n" for text in re.findall(r"<pre>(.*?)</pre>", shown, re.DOTALL)]
    assert [text for text in blocks if text in of_page()] == of_page()


def test_all_settings_of_django(monkeypatch: pytest.MonkeyPatch) -> None:
    with MailServer(tls="implicit", users={"me": "secret"}) as server:
        _check_settings(server, monkeypatch)


def _check_settings(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"host": "127.0.0.1", "port": server.port, "username": "me", "password": "secret"}
    options |= {"use_tls": False, "use_ssl": True}
    mailers = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}}
    assert server.django_mailers() == mailers
    monkeypatch.setattr("django.VERSION", (6, 1, 0, "alpha", 0))
    assert server.django_settings() == {"MAILERS": mailers}
    monkeypatch.setattr("django.VERSION", (6, 0, 9, "final", 0))
    assert server.django_settings() == {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": server.port,
        "EMAIL_HOST_USER": "me",
        "EMAIL_HOST_PASSWORD": "secret",
        "EMAIL_USE_TLS": False,
        "EMAIL_USE_SSL": True,
    }


@pytest.mark.parametrize("tls", [None, "starttls", "implicit"])
def test_flask_mail(monkeypatch: pytest.MonkeyPatch, tls) -> None:
    flask, flask_mail = pytest.importorskip("flask"), pytest.importorskip("flask_mail")
    app = flask.Flask("shop")
    app.config["TESTING"] = True
    with MailServer(tls=tls, users={"shop": "secret"}) as server:
        if server.certificate is not None:
            monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate.certificate))
        app.config.update(server.flask_settings())
        mail = flask_mail.Mail(app)
        with app.app_context():
            mail.send(flask_mail.Message("Hi", ["b@example.net"], "text", sender="a@example.org"))
        assert [each.username for each in server.messages] == ["shop"]
