"""URLs with the parts of an address: escaped, and without another path than the operator has written."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.backends.http_template import URLTemplate
from txsmtpx.errors import SMTPError


@pytest.mark.parametrize(
    ("template", "recipient", "url"),
    [
        ("http://h/mail", "ann@example.org", "http://h/mail"),
        ("http://h/{domain}/{local}", "Ann@EXAMPLE.org", "http://h/example.org/ann"),
        ("http://h/{local}@{domain}?d={domain}", "a@b.example", "http://h/a@b.example?d=b.example"),
        ("http://h/{local}", "a/b?c#d&e%f@example.org", "http://h/a%2Fb%3Fc%23d%26e%25f"),
        ("http://h/{local}", '"a b"@example.org', "http://h/a%20b"),
        ("http://h/{local}", '"{domain}"@example.org', "http://h/%7Bdomain%7D"),
        ("http://h/{domain}", "a@bücher.example", "http://h/xn--bcher-kva.example"),
        ("http://h/{local}", "jürgen@example.org", "http://h/j%C3%BCrgen"),
        ("http://h/{domain}", "postmaster", "http://h/mail.example.org"),
        ("http://h/{domain}", "a@[192.0.2.1]", "http://h/%5B192.0.2.1%5D"),
        ("http://u:p@h/{domain}/{local}", "a@[IPv6:::1]", "http://h/%5Bipv6%3A%3A%3A1%5D/a"),
    ],
)
def test_a_url(template, recipient, url):
    made = URLTemplate(template)
    found = made.of(recipient, "mail.example.org")
    assert found.text == url
    assert (found.authorization is not None) is ("@h" in template)
    assert made.varies is ("{" in template)


@pytest.mark.parametrize("local", ['".."', '"."', '""'])
def test_an_address_that_would_change_the_path(local):
    with pytest.raises(SMTPError) as raised:
        URLTemplate("http://h/a/{local}").of(f"{local}@example.org", "")
    assert raised.value.reply.code == 553
    assert URLTemplate("http://h/a/{domain}").of(f"{local}@example.org", "").text == "http://h/a/example.org"


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text not in (".", "..")))
def test_any_local_part_is_one_part_of_the_path(local):
    quoted = local.replace("\\", "\\\\").replace('"', '\\"')
    split = urlsplit(URLTemplate("http://h/{local}/end").of(f'"{quoted}"@example.org', "").text)
    assert split.path.count("/") == 2
    assert (split.query, split.fragment, split.path.endswith("/end")) == ("", "", True)
    assert unquote(split.path).isascii() is local.isascii()


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("http://h/{user}", "only {domain} and {local} may stand in braces: http://h/{user}"),
        ("http://h/{domain", "only {domain} and {local} may stand in braces: http://h/{domain"),
        ("http://u:secret@h/}?a=b", "only {domain} and {local} may stand in braces: http://h/}"),
        ("http://{domain}/mail", "http://DOMAIN/mail has a part of an address in its host; write it behind the host"),
        ("http://{local}:p@h/", "http://h/ has a part of an address in its host; write it behind the host"),
        ("http://h:{local}/", "'http://h:LOCAL/' has no host and port that can be used"),
        ("{domain}", "'DOMAIN' is no URL of a web server: write http://HOST/PATH or https://..."),
    ],
)
def test_what_cannot_be_used(template, error):
    with pytest.raises(ValueError, match=r"^") as raised:
        URLTemplate(template)
    assert str(raised.value) == error


def test_no_login_is_shown():
    assert repr(URLTemplate("http://u:secret@h/{local}?key=secret")) == "URLTemplate('http://h/{local}')"
