"""What the tests of the client share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.client.authority import Authority
from txsmtpx.testing import Network, ScriptedServer


@pytest.fixture
def network() -> Iterator[Callable[..., Network]]:
    """Makes a `Network` of a `ScriptedServer` with the settings given, and ends it."""
    made = []

    def make(*servers: Any, one_by_one: bool = False, **script: Any) -> Network:
        network = Network(*(servers or (lambda: ScriptedServer(**script),)), one_by_one=one_by_one)
        made.append(network)
        return network

    yield make
    for each in made:
        each.hang_up()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom the tests trust, where they trust anybody."""
    return Authority(tmp_path_factory.mktemp("authority"))
