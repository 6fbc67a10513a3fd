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


def _grid(rank: int) -> Recipe:
    """Images and points to look at; spoilt: more points than images."""

    def recipe(b: Builder, first: str) -> dict[str, Any]:
        dtype, batch = b.choose.one_of(_FLOATS), b.choose.integer(1, 2)
        image = making.new(b, (batch, b.choose.integer(1, 2), *(b.choose.integer(1, 3) for _ in range(rank))), dtype)
        places = tuple(b.choose.integer(1, 2) for _ in range(rank))
        grid = making.new(b, (batch + b.spoil(), *places, rank), dtype, low=-1.3, high=1.3)
        return {"input": s.Ref(image), "grid": s.Ref(grid)}

    return recipe


def _affine(b: Builder, first: str) -> dict[str, Any]:
    rank, batch = b.choose.integer(2, 3), b.choose.integer(1, 2)
    theta = making.new(b, (batch, rank, rank + 1), b.choose.one_of(_FLOATS))
    sizes = (batch + b.spoil(), 1, *(b.choose.integer(1, 2) for _ in range(rank)))
    return {"theta": s.Ref(theta), "size": s.Seq(sizes)}


def _bags(b: Builder, first: str) -> dict[str, Any]:
    """A table, indices into it, and where the bags begin."""
    table = making.new(b, (3, b.choose.integer(1, 2)), b.choose.one_of(_FLOATS))
    count = b.choose.integer(1, 4)
    places = [b.choose.integer(0, 2) for _ in range(count)]
    if b.spoil():
        places[-1] = 3
    starts = [0, *sorted(b.choose.integer(0, count) for _ in range(b.choose.integer(0, 2)))]
    made: dict[str, Any] = {
        "input": _integers(b, (count,), places), "weight": s.Ref(table),
        "offsets": _integers(b, (len(starts),), starts), "per_sample_weights": None,
    }  # fmt: skip
    if b.choose.coin(0.3):
        made["per_sample_weights"] = s.Ref(making.new(b, (count,), b.tensors[table].dtype.name))
        made["mode"] = "sum"
    return made


def _conv_tbc(b: Builder, first: str) -> dict[str, Any]:
    dtype, inner, outer = b.choose.one_of(_FLOATS), b.choose.integer(1, 2), b.choose.integer(1, 2)
    return {
        "self": s.Ref(making.new(b, (b.choose.integer(2, 3), 1, inner), dtype)),
        "weight": s.Ref(making.new(b, (b.choose.integer(1, 2), inner + b.spoil(), outer), dtype)),
        "bias": s.Ref(making.new(b, (outer,), dtype)),
    }


def _ctc(b: Builder, first: str) -> dict[str, Any]:
    """Logarithms of probabilities, labels, and how long each sample is; spoilt: longer than there is time."""
    steps, batch, labels = b.choose.integer(2, 3), b.choose.integer(1, 2), b.choose.integer(2, 3)
    scores = making.new(b, (steps, batch, labels), b.choose.one_of(_FLOATS), low=-3.0, high=-0.1)
    places = [b.choose.integer(1, labels - 1) for _ in range(2 * batch)]
    return {
        "log_probs": s.Ref(scores), "targets": _integers(b, (batch, 2), places),
        "input_lengths": s.Seq(tuple(b.choose.integer(1, steps) + b.spoil() for _ in range(batch))),
        "target_lengths": s.Seq(tuple(b.choose.integer(0, 2) for _ in range(batch))),
    }  # fmt: skip


def _rows(b: Builder, first: str) -> dict[str, Any]:
    """Samples with channels, and perhaps more."""
    shape = (b.choose.integer(1, 2), b.choose.integer(1, 3), *(2 for _ in range(b.choose.integer(0, 2))))
    return {"input": s.Ref(making.new(b, shape, b.choose.one_of(_FLOATS)))}


def _shuffled(b: Builder, first: str) -> dict[str, Any]:
    shape = (b.choose.integer(1, 2), 2 * b.choose.integer(1, 2) + b.spoil(), b.choose.integer(1, 2))
    return {"self": s.Ref(making.new(b, shape, b.choose.one_of((*_FLOATS, "int64"))))}


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
    **{f"grid{r}d": _grid(r) for r in (2, 3)},
    "affine": _affine,
    "bags": _bags,
    "conv_tbc": _conv_tbc,
    "ctc": _ctc,
    "rows": _rows,
    "shuffled": _shuffled,
    "labels": _labels,
}
