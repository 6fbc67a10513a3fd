"""Arguments that go with an image: the indices of a pool, the places of a grid, the labels of a sample."""

from __future__ import annotations

from itertools import product
from typing import Any

from conformance.generate.builder import Builder
from conformance.generate.families import making
from conformance.generate.families.recipes import Recipe
from conformance.program import steps as s

_FLOATS = ("float32", "float64")


def _integers(b: Builder, shape: tuple[int, ...], values: list[int]) -> s.Ref:
    name = b.fresh("i")
    b.emit(s.Make(name, tuple(values), shape, "int64"))
    return s.Ref(name)


def _unpool(rank: int) -> Recipe:
    """Maxima of windows of two, and where in its window each of them was."""

    def recipe(b: Builder, first: str) -> dict[str, Any]:
        shape = (b.choose.integer(1, 2), b.choose.integer(1, 2), *(1 + b.choose.integer(0, 1) for _ in range(rank)))
        image = making.new(b, shape, b.choose.one_of(_FLOATS))
        spatial = shape[2:]
        places: list[int] = []
        for at in product(*(range(n) for n in spatial)):
            place = 0
            for i, n in zip(at, spatial, strict=True):
                place = place * 2 * n + 2 * i + b.choose.integer(0, 1)
            places.append(place)
        if b.spoil():
            places[-1] = 4**rank * 8
        planes = places * (shape[0] * shape[1])
        return {
            "input": s.Ref(image), "indices": _integers(b, shape, planes), "kernel_size": 2, "stride": None,
            "padding": 0, "output_size": None,
        }  # fmt: skip

    return recipe


def _fractional(rank: int) -> Recipe:
    """An image, and where in it the windows begin: random numbers that are given, so that all engines have the same."""

    def recipe(b: Builder, first: str) -> dict[str, Any]:
        shape = (b.choose.integer(1, 2), b.choose.integer(1, 2), *(b.choose.integer(4, 5) for _ in range(rank)))
        dtype = b.choose.one_of(_FLOATS)
        image = making.new(b, shape, dtype)
        samples = b.fresh("s")
        count = shape[0] * shape[1] * rank
        starts = tuple(b.choose.integer(0, 15) / 16 for _ in range(count))
        b.emit(s.Make(samples, starts, (*shape[:2], rank), dtype))
        return {
            "input": s.Ref(image), "kernel_size": b.choose.integer(1, 2), "output_size": b.choose.integer(1, 2),
            "output_ratio": None, "return_indices": False, "_random_samples": s.Ref(samples),
        }  # fmt: skip

    return recipe


def _labels(b: Builder, first: str) -> dict[str, Any]:
    """Scores, and for each sample a list of classes that a -1 ends."""
    rows, classes = b.choose.integer(1, 2), b.choose.integer(2, 4)
    scores = making.new(b, (rows, classes), b.choose.one_of(_FLOATS))
    values: list[int] = []
    for _ in range(rows):
        count = b.choose.integer(0, classes)
        start = b.choose.integer(0, classes - 1)
        listed = [(start + i) % classes for i in range(count)]
        values += listed + [-1] * (classes - count)
    if b.spoil():
        values[0] = classes
    return {"input": s.Ref(scores), "target": _integers(b, (rows, classes), values)}


IMAGES: dict[str, Recipe] = {
    **{f"unpool{r}d": _unpool(r) for r in (1, 2, 3)},
    **{f"fractional{r}d": _fractional(r) for r in (2, 3)},
    "labels": _labels,
}
