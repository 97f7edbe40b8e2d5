"""Who may ask: the names of the host, and where a browser says that a request comes from."""

from __future__ import annotations

import pytest

from txsmtpx.inbox.api_table import INBOX
from txsmtpx.web.same_origin_check import SameOriginCheck

OURS = ["localhost", "localhost:8025", "LOCALHOST:8025", "localhost.", "mail.localhost:8025", "127.0.0.1:8025", "[::1]",
        "[::1]:8025", "192.0.2.1", "devbox.example:8025", "DevBox.Example",
        "devbox.example.", "XN--BCHER-KVA.example:8025"]  # fmt: skip

OTHERS = ["evil.example", "evil.example:8025", "localhost.evil.example", "127.0.0.1.evil.example",
          "notlocalhost", "evil.example/localhost", "localhost@evil.example", "a b", "localhost:x", "[::1", "::1", "1",
          "0x7f000001", "localhost..", "\xff", "localhost\xe9"]  # fmt: skip


@pytest.mark.parametrize("host", OURS)
def test_it_answers_to_its_names(web, host):
    assert web.get("/", Host=host).status == 200


@pytest.mark.parametrize("host", OTHERS)
@pytest.mark.parametrize("path", ["/", "/api/messages", "/static/inbox.js", "/nowhere"])
def test_it_answers_to_no_other(web, host, path):
    web.keep(b"Subject: secret\r\n\r\n")
    said = web.get(path, Host=host)
    assert said.status == 403
    assert b"secret" not in said.body
    assert "--web-host" in said.text


def test_without_a_name(web):
    assert web.get("/", Host="").status in (400, 403)


HERE = {"Origin": "http://localhost:8025", "Sec_Fetch_Site": "same-origin"}

ELSEWHERE = [
    {"Origin": "http://evil.example"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "http://localhost"},
    {"Origin": "null"},
    {"Origin": "http://[evil"},
    {"Origin": "http://localhost:8025@evil.example"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "navigate"},
]

CHANGES = [("POST", "/?delete=all"), ("POST", "/messages/1?delete=this"), ("DELETE", "/api/messages"),
           ("DELETE", "/api/messages/1")]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("fields", ELSEWHERE, ids=str)
def test_a_page_from_elsewhere_changes_nothing(web, method, path, fields):
    web.keep(b"")
    assert web.ask(method, path, **fields).status == 403
    assert len(web.backend.messages) == 1


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("fields", [{}, HERE], ids=["a program", "a page of the inbox"])
def test_the_inbox_itself_and_programs_do(web, method, path, fields):
    web.keep(b"")
    assert web.ask(method, path, **fields).status in (204, 303)
    assert web.backend.messages == []


@pytest.mark.parametrize("path", ["/api/messages", "/api/messages/1/source", "/messages/1/frame", "/api/events"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_from_elsewhere_embeds_nothing(web, path, site):
    web.keep(b"Content-Type: text/html\r\n\r\nx")
    assert web.get(path, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors").status == 403
    assert web.get(path, Sec_Fetch_Site=site, Sec_Fetch_Mode="cors", Origin="http://evil.example").status == 403


def test_a_link_from_elsewhere_may_lead_here(web):
    assert web.get("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status == 200


@pytest.mark.parametrize("name", ["", "not a host", "a..b", "ex\uff0eample", "-"])
def test_a_name_that_is_no_domain(name):
    with pytest.raises(ValueError, match="a host name of the inbox must be a domain, such as devbox, not ") as raised:
        SameOriginCheck(INBOX, [name])
    assert repr(name) in str(raised.value)
