"""A product of two dtypes is refused in the words of the version in force (observed on 2.0.1, 2.4.1 and 2.13.0)."""

from __future__ import annotations

import re

import pytest

import reference_engine as engine
from reference_engine.semantics import Semantics, using

SCALARS = "expected scalar type Float but found Double"
TYPES = "expected m1 and m2 to have the same dtype, but got: float != double"


@pytest.mark.parametrize(
    ("version", "op", "words"),
    [
        ("2.0", "mm", SCALARS),
        ("2.4", "mm", TYPES),
        ("2.13", "mm", TYPES),
        ("2.4", "mv", SCALARS),
        ("2.13", "mv", "addmv input tensors must have the same dtype, but got Double, Float, and Double"),
        ("2.0", "bmm", SCALARS),
        ("2.13", "bmm", SCALARS),
    ],
)
def test_the_refusal_names_both_types(version: str, op: str, words: str) -> None:
    shapes = {"mm": ((2, 2), (2, 2)), "mv": ((2, 2), (2,)), "bmm": ((1, 2, 2), (1, 2, 2))}[op]
    with using(Semantics(version)):
        left, right = engine.ones(shapes[0]), engine.ones(shapes[1], dtype=engine.float64)
        with pytest.raises(RuntimeError, match=f"^{re.escape(words)}$"):
            getattr(engine, op)(left, right)


def test_integers_are_called_as_in_c() -> None:
    with pytest.raises(RuntimeError, match="long int != float"):
        engine.mm(engine.ones(2, 2, dtype=engine.int64), engine.ones(2, 2))
