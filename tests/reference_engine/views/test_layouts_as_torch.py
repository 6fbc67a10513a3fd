"""Where elements lie in memory: views and results of many layouts have the strides that torch gives them."""

from __future__ import annotations

import random
from typing import Any

import pytest

import reference_engine as engine

torch = pytest.importorskip("torch")

Layout = tuple[tuple[int, ...], tuple[int, ...], int]


def a_layout(chance: random.Random) -> Layout:
    """A shape, strides and an offset: permuted, with gaps, repeated, of size one or empty here and there."""
    rank = chance.choice((0, 1, 2, 2, 3, 3, 4, 4, 5))
    shape = [chance.choice((1, 2, 2, 3, 3, 4)) for _ in range(rank)]
    order = list(range(rank))
    if chance.random() < 0.6:
        chance.shuffle(order)
    if rank in (4, 5) and chance.random() < 0.4:
        order = [0, *range(2, rank), 1]
    strides, step = [0] * rank, 1
    for dim in reversed(order):
        strides[dim] = step
        step *= shape[dim]
        if chance.random() < 0.1:
            step += chance.choice((1, 3))
        if chance.random() < 0.08:
            strides[dim] = 0
        if shape[dim] == 1 and chance.random() < 0.3:
            strides[dim] = chance.choice((0, 1, 2, 7))
    if rank and chance.random() < 0.05:
        shape[chance.randrange(rank)] = 0
    return tuple(shape), tuple(strides), chance.choice((0, 0, 0, 2))


def made(module: Any, layout: Layout) -> Any:
    shape, strides, offset = layout
    return module.arange(2000.0).as_strided(shape, strides, offset)


def factored(chance: random.Random, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Another shape of as many elements."""
    sizes = list(shape)
    for _ in range(chance.randrange(4)):
        what = chance.randrange(3)
        if what == 0:
            sizes.insert(chance.randrange(len(sizes) + 1), 1)
        elif what == 1 and len(sizes) > 1:
            at = chance.randrange(len(sizes) - 1)
            sizes[at : at + 2] = [sizes[at] * sizes[at + 1]]
        elif what == 2 and sizes:
            at = chance.randrange(len(sizes))
            if sizes[at] and sizes[at] % 2 == 0:
                sizes[at : at + 1] = [2, sizes[at] // 2]
    return tuple(sizes)


def seen(t: Any) -> tuple[Any, ...]:
    return tuple(t.shape), tuple(t.stride()), t.storage_offset(), t.tolist()


def tried(call: Any) -> object:
    """What a call gives; that it refuses is as good an answer."""
    try:
        return call()
    except RuntimeError as error:
        return str(error)


def looks(module: Any, first: Layout, second: Layout, target: tuple[int, ...], wide: tuple[int, ...]) -> list[object]:
    """All that is asked of two layouts."""
    t, u = made(module, first), made(module, second)
    copies = [module.contiguous_format, module.preserve_format]
    if t.dim() in (4, 5):
        copies.append(module.channels_last if t.dim() == 4 else module.channels_last_3d)
    return [
        seen(t),
        t.is_contiguous(),
        [t.is_contiguous(memory_format=f) for f in copies if f is not module.preserve_format],
        [seen(t.clone(memory_format=f)) for f in copies],
        seen(t + 1),
        seen(t.neg().to(module.float64)),
        tried(lambda: seen(t + u)),
        tried(lambda: seen(module.where(t > 3, u, t))),
        tuple(module.empty_like(u).stride()),
        tried(lambda: seen(t.view(target))),
        seen(t.reshape(target)),
        tried(lambda: seen(t.expand(wide))),
        tried(lambda: seen(t.expand(wide) * 2)),
        tried(lambda: seen(made(module, first).add_(1))),
        tried(lambda: seen(made(module, first).add_(u))),
    ]


@pytest.mark.parametrize("block", range(10))
def test_views_and_results_lie_in_memory_as_torch_lays_them(block: int) -> None:
    chance = random.Random(block)
    for _ in range(60):
        first = a_layout(chance)
        shape = first[0]
        second = a_layout(chance)
        if chance.random() < 0.7:  # the same shape in another layout, or one that broadcasts
            order = list(range(len(shape)))
            chance.shuffle(order)
            part = tuple(1 if chance.random() < 0.2 else n for n in shape)[chance.choice((0, 0, 1)) :]
            permuted, step = [0] * len(part), 1
            for dim in order:
                if dim < len(part):
                    permuted[dim] = step
                    step *= part[dim] or 1
            second = (part, tuple(permuted), 0)
        target = factored(chance, shape)
        wide = (*(chance.choice((1, 2)) for _ in range(chance.randrange(3))), *(3 if n == 1 else n for n in shape))
        asked = (first, second, target, wide)
        assert looks(engine, *asked) == looks(torch, *asked), asked
