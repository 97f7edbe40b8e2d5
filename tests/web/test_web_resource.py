"""Resources: the methods and parameters that each takes."""

from __future__ import annotations

import pytest

from txsmtpx.web.web_errors import BadRequest
from txsmtpx.web.web_resource import ErrorResource, WebResource


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "delete", "X"])
def test_other_methods_do_nothing(web, method):
    web.keep(b"")
    for path in ("/", "/messages/1", "/api/messages", "/api/messages/1", "/api/events", "/static/inbox.js"):
        assert web.ask(method, path).status == 405
    assert len(web.backend.messages) == 1


class Echo(WebResource):
    """Answers with its parameter."""

    isLeaf = True

    def __init__(self, answer=None):
        super().__init__({"GET": ["a", "b"], "DELETE": ()})
        self._answer = answer

    def get(self, request, parameters):
        return self._answer or parameters.text("a").encode()

    def delete(self, request, parameters):
        raise BadRequest("not now")

    def put(self, request, parameters):
        raise AssertionError("it is not declared")


@pytest.fixture
def echo(web):
    """An inbox with one more path."""
    web.site.resource._inner.putChild(b"echo", Echo())
    return web


def test_a_method_that_is_declared(echo):
    assert echo.get("/echo?a=x").body == b"x"
    assert echo.get("/echo").body == b""
    head = echo.ask("HEAD", "/echo?a=x")
    assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize("method", ["PUT", "POST", "get", "__init__", "render"])
def test_a_method_that_is_not_declared(echo, method):
    """The client chooses the name of a method, and calls none but those that are declared."""
    said = echo.ask(method, "/echo")
    assert (said.status, said.headers["Allow"]) == (405, "GET, DELETE, HEAD")
    assert "This path allows GET, DELETE, HEAD only." in said.text


def test_a_bad_request_is_told_why(echo):
    said = echo.ask("DELETE", "/echo")
    assert (said.status, said.text) == (400, "not now\n")
    assert echo.get("/echo?c=1").status == echo.ask("DELETE", "/echo?a=1").status == 400


def test_an_answer_in_pieces(web):
    web.site.resource._inner.putChild(b"echo", Echo(each for each in [b"one", None, b"two"]))
    assert web.get("/echo").body == b"onetwo"


def test_a_longer_path_leads_nowhere(web):
    web.site.resource._inner.putChild(b"plain", WebResource())
    for path in ("/plain", "/plain/", "/plain/x", "/api/x/y"):
        said = web.get(path)
        assert said.status == 404
        assert "There is nothing at this path." in said.text


def test_an_error_for_each_request(web):
    web.site.resource._inner.putChild(b"gone", ErrorResource(410, "It is gone."))
    for method, path in (("GET", "/gone"), ("POST", "/gone/x"), ("PUT", "/gone?x=1")):
        said = web.ask(method, path)
        assert (said.status, said.text) == (410, "It is gone.\n")
