"""Arguments of matrix decompositions and of what is solved with them: matrices that have one, and systems that fit.

Recipes as in ``recipes.py``.
"""

from __future__ import annotations

from typing import Any

from conformance.generate.builder import Builder
from conformance.generate.families import making
from conformance.generate.families.layers import _fresh
from conformance.generate.families.recipes import Recipe
from conformance.program import steps as s


def _dtype(t: Any) -> str:
    name: str = t.dtype.name
    return name if t.dtype.is_floating_point or t.dtype.is_complex else "float64"


def _size(b: Builder) -> int:
    return b.choose.weighted((1, 2, 3), (1, 5, 7))


def _hermitian(b: Builder, first: str) -> dict[str, Any]:
    """Any matrix will do: one triangle is read."""
    n = _size(b)
    matrix = _fresh(b, b.tensors[first], (n, n) if b.choose.coin(0.8) else (2, n, n))
    return {"A": matrix, "self": matrix}


def _positive(b: Builder, first: str) -> dict[str, Any]:
    """A matrix with a heavy diagonal, which is positive definite; spoilt: one that is not."""
    n, dtype = _size(b), _dtype(b.tensors[first])
    values: list[Any] = [
        (4.0 + i / 2 if i == j else b.choose.one_of((-1.0, -0.5, 0.25, 1.0))) for i in range(n) for j in range(n)
    ]
    if b.spoil():
        values[-1] = -1.0
    name = b.fresh()
    b.emit(s.Make(name, tuple(values), (n, n), dtype, b.choose.coin(0.7)))
    return {"A": s.Ref(name), "self": s.Ref(name)}


def _factor(b: Builder, first: str) -> dict[str, Any]:
    """A triangular factor; now and then with something in the other half, which is not read."""
    n, dtype = _size(b), _dtype(b.tensors[first])
    whole = b.choose.coin(0.2)
    lower = [
        (1.0 + i / 2 if i == j else b.choose.one_of((-1.0, 0.5, 1.5)) if i > j or whole else 0.0)
        for i in range(n)
        for j in range(n)
    ]
    name = b.fresh()
    b.emit(s.Make(name, tuple(lower), (n, n), dtype, b.choose.coin(0.7)))
    return {"self": s.Ref(name), "input2": s.Ref(name), "upper": whole and b.choose.coin(0.5)}


def _factor_and_sides(b: Builder, first: str) -> dict[str, Any]:
    found = _factor(b, first)
    n = int(b.tensors[found["input2"].name].shape[-1])
    return {**found, "self": _fresh(b, b.tensors[first], (n, b.choose.integer(1, 2)))}


def _pivots(b: Builder, n: int) -> s.Ref:
    name = b.fresh("i")
    b.emit(s.Make(name, tuple(b.choose.integer(i + 1, n) for i in range(n)), (n,), "int32"))
    return s.Ref(name)


def _lu_unpack(b: Builder, first: str) -> dict[str, Any]:
    n = _size(b)
    return {"LU_data": _fresh(b, b.tensors[first], (n, n)), "LU_pivots": _pivots(b, n)}


def _lu_solve(b: Builder, first: str) -> dict[str, Any]:
    n, t = _size(b), b.tensors[first]
    packed, pivots = s.Ref(making.new(b, (n, n), _dtype(t), low=0.5, high=3.0)), _pivots(b, n)
    left = b.choose.coin(0.6)
    sides = _fresh(b, t, (n, b.choose.integer(1, 2)) if left else (b.choose.integer(1, 2), n))
    return {
        "left": left,
        "LU": packed,
        "LU_data": packed,
        "pivots": pivots,
        "LU_pivots": pivots,
        "B": sides,
        "self": sides,
    }


def _old_solve(b: Builder, first: str) -> dict[str, Any]:
    n, t = _size(b), b.tensors[first]
    return {"A": _fresh(b, t, (n, n)), "self": _fresh(b, t, (n, b.choose.integer(1, 2)))}


def _reflections(b: Builder, first: str) -> dict[str, Any]:
    t, rows = b.tensors[first], b.choose.integer(2, 3)
    count = b.choose.integer(1, rows)
    columns, scales = _fresh(b, t, (rows, count)), _fresh(b, t, (count,))
    other = _fresh(b, t, (rows, b.choose.integer(1, 2)))
    return {"input": columns, "self": columns, "tau": scales, "input2": scales, "input3": other}


def _least_squares(b: Builder, first: str) -> dict[str, Any]:
    t, columns = b.tensors[first], b.choose.integer(1, 2)
    rows = columns + b.choose.integer(0, 1)
    return {"self": _fresh(b, t, (rows, columns)), "b": _fresh(b, t, (rows, b.choose.integer(1, 2)))}


def _crossed(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    shape = b.choose.one_of(((3,), (2, 3), (3, 3)))
    dtype = t.dtype.name if t.dtype.name != "bool" else "float32"
    return {name: s.Ref(making.new(b, shape, dtype)) for name in ("input", "other")} | {"dim": -1}


SYSTEMS: dict[str, Recipe] = {
    "hermitian": _hermitian,
    "positive": _positive,
    "factor": _factor,
    "factor_and_sides": _factor_and_sides,
    "lu_unpack": _lu_unpack,
    "lu_solve": _lu_solve,
    "old_solve": _old_solve,
    "reflections": _reflections,
    "least_squares": _least_squares,
    "crossed": _crossed,
}
