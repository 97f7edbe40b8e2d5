"""Values of a reactor: one for each loop of asyncio, and one for the global reactor."""

from __future__ import annotations

import asyncio
import gc

from txsmtpx import aio
from txsmtpx.interfaces.per_reactor import PerReactor


async def here(values: PerReactor[list[object]]) -> list[object]:
    assert aio.running_loop() is not None
    return values.current


def test_each_loop_has_its_own():
    values: PerReactor[list[object]] = PerReactor(list)
    found = [asyncio.run(here(values)) for _ in range(2)]
    assert found[0] is not found[1]
    assert values.current is values.current
    assert values.current is not found[0]


def test_a_loop_keeps_its_own():
    async def twice() -> bool:
        values: PerReactor[list[object]] = PerReactor(list)
        return await here(values) is await here(values)

    assert asyncio.run(twice())


def test_values_of_closed_loops_are_forgotten():
    made = []

    class Value:
        def __init__(self) -> None:
            made.append(self)

        def __del__(self) -> None:
            made.append("forgotten")

    values: PerReactor[Value] = PerReactor(Value)

    async def use() -> None:
        _ = values.current

    for _ in range(3):
        asyncio.run(use())
    made[:] = [each for each in made if isinstance(each, str)]
    gc.collect()
    assert made.count("forgotten") >= 1
