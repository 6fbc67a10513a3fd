"""nextafter steps to the next number of the very dtype."""

from __future__ import annotations

import pytest

import reference_engine as engine


@pytest.mark.parametrize(("dtype", "step"), [("bfloat16", 2.0**-7), ("float16", 2.0**-10), ("float32", 2.0**-23)])
def test_the_neighbour_of_one(dtype: str, step: float) -> None:
    one, two, zero = (engine.tensor(v, dtype=getattr(engine, dtype)) for v in (1.0, 2.0, -0.0))
    assert engine.nextafter(one, two).item() == 1 + step
    assert str(engine.nextafter(zero, engine.tensor(0.0, dtype=zero.dtype)).item()) == "0.0"
