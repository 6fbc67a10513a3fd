"""A grad mode that decorates a coroutine function holds while the coroutine runs, and only then."""

from __future__ import annotations

import asyncio

import reference_engine as engine


def test_the_mode_holds_inside_of_a_coroutine_and_not_while_it_waits() -> None:
    seen: list[tuple[str, bool]] = []

    @engine.no_grad()
    async def quiet() -> str:
        seen.append(("before", engine.is_grad_enabled()))
        await asyncio.sleep(0)
        seen.append(("after", engine.is_grad_enabled()))
        return "done"

    async def beside() -> None:
        seen.append(("beside", engine.is_grad_enabled()))

    async def both() -> str:
        result, _ = await asyncio.gather(quiet(), beside())
        return result

    assert asyncio.run(both()) == "done"
    assert seen == [("before", False), ("beside", True), ("after", False)]
    assert engine.is_grad_enabled()
