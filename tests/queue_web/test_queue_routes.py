"""The table of the API of a queue: each operation answers as its description says."""

from __future__ import annotations

import copy
from typing import Any

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.inbox.documented import _close
from tests.inbox.site import Answer
from tests.queue.mails import new_mail
from tests.queue_web.site import QueueWeb
from txsmtpx.queue_web.queue_administration import QueueAdministration
from txsmtpx.queue_web.queue_routes import queue_routes

BODIES = {f"/queue/{change}": {"all": True} for change in ("retry", "hold", "release", "delete")}
"""The bodies that are required."""


async def document(it: QueueWeb) -> dict[str, Any]:
    found: dict[str, Any] = (await it.get("/api/openapi.json")).json
    return found


def check(described: dict[str, Any], document: dict[str, Any], answer: Answer) -> None:
    components = copy.deepcopy(document["components"])
    _close(components["schemas"])
    content = described["responses"][str(answer.status)]["content"]
    kind = answer.headers["Content-Type"]
    if kind == "application/json":
        Draft202012Validator(copy.deepcopy(content[kind]["schema"]) | {"components": components}).validate(answer.json)
    else:
        assert kind in content


async def test_it_is_valid(it: QueueWeb) -> None:
    found = await document(it)
    OpenAPIV31SpecValidator(found).validate()
    assert found["info"]["title"] == "The queue of txsmtpx"
    assert "--queue-web-auth" in found["components"]["securitySchemes"]["basic"]["description"]
    assert found["paths"]["/queue/delete"]["post"]["requestBody"]["required"]
    assert not found["paths"]["/queue/flush"]["post"]["requestBody"]["required"]
    text = str(found)
    assert [name for name in found["components"]["schemas"] if f"'#/components/schemas/{name}'" not in text] == []


async def test_each_operation_answers_as_described(it: QueueWeb) -> None:
    found = await document(it)
    for path, described in found["paths"].items():
        for method in described.keys() - {"parameters"}:
            mail = new_mail()
            await it.add(mail)
            address = f"/api{path if path != '/' else ''}"
            for id, status in ((mail.id, 200), ("x", 404 if "{id}" in path else 200)):
                answer = await it.ask(method.upper(), address.replace("{id}", id), BODIES.get(path))
                assert answer.status == status, (method, path)
                check(described[method], found, answer)
            answer = await it.ask(method.upper(), f"{address}?unknown=1".replace("{id}", mail.id), BODIES.get(path))
            assert answer.status == 400
            check(described[method], found, answer)


async def test_another_method_is_an_error(it: QueueWeb) -> None:
    for path, described in (await document(it))["paths"].items():
        for method in {"get", "post", "put", "delete"} - described.keys():
            answer = await it.ask(method.upper(), f"/api{path if path != '/' else ''}".replace("{id}", "x"))
            assert answer.status == 405


async def test_each_method_of_a_resource_is_an_operation(it: QueueWeb) -> None:
    handled: dict[type, set[str]] = {}
    declared: dict[type, set[str]] = {}
    for route in queue_routes(QueueAdministration(it.queue)):
        resource = type(route.resource(*["1"] * route.path.count("{")))
        own = {each for each in ("GET", "POST", "PUT", "DELETE") if each.lower() in vars(resource)}
        handled[resource] = own
        declared.setdefault(resource, set()).update(route.methods)
    assert handled == declared
