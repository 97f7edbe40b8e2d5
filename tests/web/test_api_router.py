"""The paths of the API are found in its table."""

from __future__ import annotations

import pytest

from tests.inbox.site import Web
from txsmtpx.web.api_operation import ApiOperation, ApiRoute
from txsmtpx.web.api_router import ApiRouter
from txsmtpx.web.web_resource import WebResource

PATHS = ["/things", "/things/all", "/things/{id}", "/things/{id}/parts/{part}", "/{kind}/all/of"]


class Named(WebResource):
    """It answers with the path of its route, and the values."""

    def __init__(self, path: str, *values: str) -> None:
        super().__init__()
        self._text = " ".join([path, *values])

    def get(self, request, parameters):
        return self._text.encode()


@pytest.fixture
def routed():
    operation = ApiOperation("GET", "Name it.", ())
    routes = [ApiRoute(path, (operation,), lambda *values, path=path: Named(path, *values)) for path in PATHS]
    made = Web()
    made.site.resource._inner.putChild(b"api", ApiRouter(routes))
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("path", "found"),
    {
        "things": "/things",
        "things/": "/things",
        "things/all": "/things/all",
        "things/all/": "/things/all",
        "things/1": "/things/{id} 1",
        "things/a%20%C3%BC%FF": "/things/{id} a ü�",
        "things/%7B%7D": "/things/{id} {}",
        "things/%7Bid%7D": "/things/{id} {id}",
        "things/1/parts/2": "/things/{id}/parts/{part} 1 2",
        "others/all/of": "/{kind}/all/of others",
    }.items(),
)
def test_a_path_is_found(routed, path, found):
    assert routed.get(f"/api/{path}").text == found


@pytest.mark.parametrize(
    "path", ["", "/", "/things/1/parts", "/things/1/parts/", "/things/1/2", "/things/all/parts/1", "/things//1", "/x",
             "/x/all", "/things/1/parts/2/3"]
)  # fmt: skip
def test_no_other_path_is(routed, path):
    assert routed.get(f"/api{path}").status == 404


def test_methods_and_parameters_are_those_of_the_table(routed):
    assert routed.ask("POST", "/api/things").headers["Allow"] == "GET, HEAD"
    assert "this request takes none" in routed.get("/api/things?x=1").json["error"]
