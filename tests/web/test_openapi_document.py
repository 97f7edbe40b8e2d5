"""The description of the API."""

from __future__ import annotations

import json

from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.inbox.site import Web


def test_it_is_valid(web):
    document = web.json("/api/openapi.json")
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"] == "3.1.0"


def test_each_schema_is_used(web):
    document = web.json("/api/openapi.json")
    text = json.dumps(document)
    unused = [name for name in document["components"]["schemas"] if f'"#/components/schemas/{name}"' not in text]
    assert unused == []


def test_each_operation_has_an_identifier(web):
    paths = web.json("/api/openapi.json")["paths"].values()
    names = [each["operationId"] for path in paths for method, each in path.items() if method != "parameters"]
    assert "get_messages_id_source" in names
    assert len(set(names)) == len(names) > 20


def test_the_server_is_that_of_the_browser():
    web = Web(path="/mail", proxies=["unix"])
    assert web.json("/mail/api/openapi.json")["servers"] == [{"url": "/mail/api"}]
    web.stop()


def test_parameters_are_described(web):
    listed = web.json("/api/openapi.json")["paths"]["/messages"]["get"]
    assert [each["name"] for each in listed["parameters"]] == ["search", "mailbox", "start", "limit", "wait"]
    assert {"200", "400", "401", "403", "503"} == set(listed["responses"])
    paths = web.json("/api/openapi.json")["paths"]
    assert paths["/v1/messages"]["put"]["requestBody"]["required"]
    assert not paths["/v1/messages"]["delete"]["requestBody"]["required"]
    assert {"413", "415"} < set(paths["/v1/messages"]["delete"]["responses"])
    (value,) = web.json("/api/openapi.json")["paths"]["/messages/{id}"]["parameters"]
    assert (value["name"], value["in"], value["required"]) == ("id", "path", True)
