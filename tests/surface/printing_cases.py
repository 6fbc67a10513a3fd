"""Arrays worth printing: drawn from a seed, with the options and words that go with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

DTYPES = (
    *("float32", "float64", "float16", "bfloat16", "complex64", "complex128"),
    *("int64", "int32", "int16", "int8", "uint8", "bool"),
)
SIZES = ([0, 1, 2, 3, 4, 5, 7, 8, 12, 40, 1100], [0.03, 0.2, 0.24, 0.24, 0.1, 0.1, 0.03, 0.02, 0.02, 0.01, 0.01])


@dataclass(frozen=True)
class Case:
    """One tensor to print."""

    values: Array
    dtype: str
    default_dtype: str = "float32"
    history: str = "none"  # or "leaf", a leaf that requires grad, or "clone", the clone of one
    options: dict[str, Any] = field(default_factory=dict)


def numpy_dtype(name: str) -> np.dtype[Any]:
    return np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)


def draw(rng: np.random.Generator) -> Case:
    """A tensor whose numbers are of one kind, so that each notation is met often."""
    shape = tuple(int(size) for size in rng.choice(SIZES[0], size=rng.integers(0, 5), p=SIZES[1]))
    while np.prod(shape, dtype=int) > 5000:
        shape = shape[1:]
    dtype = str(rng.choice(DTYPES))
    kind = int(rng.integers(8))
    values = numbers(rng, shape, kind)
    with np.errstate(all="ignore"):
        if dtype.startswith("complex"):
            values = values + 1j * numbers(rng, shape, kind)
        values = np.asarray(values).astype(numpy_dtype(dtype))
    differentiable = dtype.startswith(("float", "bfloat", "complex"))
    return Case(
        values=values,
        dtype=dtype,
        default_dtype=str(rng.choice(["float32", "float64", "float16"], p=[0.8, 0.1, 0.1])),
        history=str(rng.choice(["none", "leaf", "clone"])) if differentiable else "none",
        options=options(rng),
    )


def numbers(rng: np.random.Generator, shape: tuple[int, ...], kind: int) -> Array:
    kinds = (
        lambda: rng.standard_normal(shape),
        lambda: rng.integers(-5, 5, size=shape).astype(float),
        lambda: rng.standard_normal(shape) * 10 ** rng.uniform(-9, 9),
        lambda: rng.integers(-5, 5, size=shape) * 10.0 ** rng.integers(0, 10, size=shape),
        lambda: rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 3, size=shape),
        lambda: np.round(rng.standard_normal(shape), 2),
        lambda: rng.choice([0.0, -0.0, 1.0, -1.0, 2.0, 0.5], size=shape),
        lambda: rng.uniform(0, 1, size=shape),
    )
    values = np.asarray(kinds[kind]())
    if rng.random() < 0.25:
        odd = rng.choice([np.inf, -np.inf, np.nan, 0, 1e-30, 1e20], size=shape)
        values = np.where(rng.random(shape) < 0.2, odd, values)
    return values


def options(rng: np.random.Generator) -> dict[str, Any]:
    if rng.random() < 0.05:
        return {"profile": str(rng.choice(["default", "short", "full"]))}
    if rng.random() < 0.7:
        return {}
    return {
        "precision": int(rng.integers(0, 9)),
        "linewidth": int(rng.choice([20, 40, 80, 120])),
        "edgeitems": int(rng.integers(0, 5)),
        "threshold": int(rng.choice([0, 5, 20, 1000])),
        "sci_mode": [None, True, False][int(rng.integers(3))],
    }


def cases(seed: int, count: int) -> Iterator[Case]:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield draw(rng)
