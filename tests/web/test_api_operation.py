"""The operations of the API as values."""

from __future__ import annotations

from jsonschema import Draft202012Validator

from txsmtpx.web.api_operation import (
    FLAG,
    NUMBER,
    TEXT,
    ApiOperation,
    ApiParameter,
    ApiRoute,
    list_of,
    map_of,
    named,
    object_of,
)
from txsmtpx.web.web_resource import WebResource


def valid(schema, value):
    return Draft202012Validator(schema).is_valid(value)


def test_schemas():
    schema = object_of({"name": TEXT, "numbers": list_of(NUMBER), "flags": map_of(FLAG)})
    right = {"name": "x", "numbers": [0, 1], "flags": {"a": True}}
    assert valid(schema, right)
    assert valid(schema, right | {"another": 1})
    for wrong in ({"name": 1}, {"numbers": [-1]}, {"numbers": [1.5]}, {"flags": {"a": 1}}, {"flags": []}):
        assert not valid(schema, right | wrong)
    for name in right:
        assert not valid(schema, {each: right[each] for each in right if each != name})


def test_a_reference():
    assert valid(named("Thing") | {"components": {"schemas": {"Thing": TEXT}}}, "x")


def test_methods_of_a_route():
    parameters = (ApiParameter("a", "A.", TEXT), ApiParameter("b", "B.", TEXT, required=True))
    operations = (ApiOperation("GET", "Get it.", (), parameters), ApiOperation("DELETE", "Delete it.", ()))
    assert ApiRoute("/x", operations, WebResource).methods == {"GET": ["a", "b"], "DELETE": []}
