"""Stride arithmetic. Shapes, strides and offsets are counted in elements throughout."""

from __future__ import annotations

import functools
from collections.abc import Sequence

Ints = Sequence[int]


def numel(shape: Ints) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def contiguous(shape: Ints) -> tuple[int, ...]:
    """Row-major strides; a zero-size dimension counts as one, as torch has it."""
    return _contiguous(tuple(shape))


@functools.lru_cache(maxsize=4096)
def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides, step = [1] * len(shape), 1
    for i in range(len(shape) - 1, -1, -1):
        strides[i] = step
        step *= shape[i] or 1
    return tuple(strides)


def is_contiguous(shape: Ints, strides: Ints) -> bool:
    """Row-major in memory, ignoring dimensions of size one; an empty tensor is contiguous."""
    step, dense = 1, True
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size == 0:
            return True
        if size != 1:
            dense = dense and stride == step
            step *= size
    return dense


def is_non_overlapping_and_dense(shape: Ints, strides: Ints) -> bool:
    """A permutation of a contiguous layout: each element has its own place and there are no gaps."""
    if is_contiguous(shape, strides):
        return True
    dims = sorted((st, sz) for sz, st in zip(shape, strides, strict=True) if sz != 1)
    step = 1
    for stride, size in dims:
        if stride != step:
            return False
        step *= size
    return True


def extent(shape: Ints, strides: Ints) -> int:
    """How many elements of storage the layout spans (0 if it has no elements)."""
    span = 1
    for size, stride in zip(shape, strides, strict=True):
        if size == 0:
            return 0
        span += (size - 1) * stride
    return span


def may_overlap_internally(shape: Ints, strides: Ints) -> bool | None:
    """Whether two indices share memory: True (surely), False (surely not), None (too hard to tell cheaply)."""
    if is_non_overlapping_and_dense(shape, strides):
        return False
    for size, stride in zip(shape, strides, strict=True):
        if stride == 0 and size > 1:
            return True
    return None


def broadcast(a: Ints, b: Ints) -> tuple[int, ...] | int:
    """The broadcast shape, or, if there is none, the (non-negative) dimension of the result that clashes."""
    if a == b:
        return tuple(a)
    n = max(len(a), len(b))
    out = [1] * n
    for i in range(-1, -n - 1, -1):
        x = a[i] if -i <= len(a) else 1
        y = b[i] if -i <= len(b) else 1
        if x != y and x != 1 and y != 1:
            return n + i
        out[i] = y if x == 1 else x
    return tuple(out)


def is_expandable_to(shape: Ints, target: Ints) -> bool:
    """Whether a tensor of ``shape`` broadcasts to exactly ``target``."""
    if len(shape) > len(target):
        return False
    return all(s in (1, t) for s, t in zip(reversed(shape), reversed(target), strict=False))


def expanded(shape: Ints, strides: Ints, target: Ints) -> tuple[int, ...]:
    """Strides that show ``shape`` as ``target``: a repeated dimension has stride zero, and so has all of a number."""
    if not shape:
        return (0,) * len(target)
    out: list[int] = []
    lead = len(target) - len(shape)
    for i in range(len(target) - 1, -1, -1):
        j = i - lead
        if j < 0:  # a new leading dimension: stride zero when repeated, else what keeps the layout regular
            out.append(0 if target[i] != 1 else (out[-1] * target[i + 1] if out else 1))
        else:
            out.append(strides[j] if shape[j] == target[i] else 0)
    return tuple(reversed(out))


def fastest_first(shape: Ints, operands: Sequence[Ints]) -> list[int]:
    """The dimensions by the strides of operands of this shape; row-major order where no operand tells two apart."""
    n = len(shape)

    def order(dim0: int, dim1: int) -> int:
        for st in operands:
            if st[dim0] == 0 or st[dim1] == 0:
                continue
            if st[dim0] != st[dim1]:
                return -1 if st[dim0] < st[dim1] else 1
            if shape[dim0] > shape[dim1]:
                return 1
        return 0

    perm = list(range(n - 1, -1, -1))  # fastest first
    for i in range(1, n):  # insertion sort: the comparison is ambiguous, so the algorithm is part of the rule
        right = i
        for left in range(i - 1, -1, -1):
            verdict = order(perm[left], perm[right])
            if verdict > 0:
                perm[left], perm[right] = perm[right], perm[left]
                right = left
            elif verdict < 0:
                break
    return perm


def of_pointwise_result(shape: tuple[int, ...], operands: Sequence[tuple[Ints, Ints]]) -> tuple[int, ...]:
    """The strides that a fresh pointwise result gets: dense, in the memory order of its operands.

    ``operands`` are (shape, strides) pairs in argument order. Dimensions are sorted from fastest to slowest by the
    first operand that can tell two of them apart; where none can, row-major order stays.
    """
    n = len(shape)
    if n <= 1:
        return contiguous(shape)
    first_shape, first_strides = operands[0] if operands else (shape, contiguous(shape))
    same_shape = all(tuple(s) == shape for s, _ in operands)
    if same_shape:
        if all(is_contiguous(s, st) for s, st in operands):
            return contiguous(shape)
        if n == 4 and all(is_channels_last(s, st) for s, st in operands):
            return channels_last(shape)
        same_strides = all(tuple(st) == tuple(first_strides) for _, st in operands)
        if same_strides and is_non_overlapping_and_dense(first_shape, first_strides):
            return tuple(first_strides)
    padded = []
    for s, st in operands:
        lead = n - len(s)
        padded.append([0 if i < lead or (s[i - lead] == 1 and shape[i] != 1) else st[i - lead] for i in range(n)])

    perm = fastest_first(shape, padded)
    if perm == list(range(n - 1, -1, -1)):
        return contiguous(shape)
    out, step = [0] * n, 1
    for dim in perm:
        out[dim] = step
        step *= shape[dim]
    return tuple(out)


def like(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a fresh tensor "like" this one (``torch.preserve_format``)."""
    if is_non_overlapping_and_dense(shape, strides):
        return strides
    return of_pointwise_result(shape, [(shape, strides)])


def of_view(shape: Ints, strides: Ints, target: Ints) -> tuple[int, ...] | None:
    """Strides that show the same memory in the ``target`` shape (same number of elements), or None if impossible."""
    if numel(shape) == 0:
        return tuple(strides) if tuple(shape) == tuple(target) else contiguous(target)
    out = [0] * len(target)
    view_dim = len(target) - 1
    chunk_base = strides[-1] if shape else 1
    tensor_numel = view_numel = 1
    for dim in range(len(shape) - 1, -1, -1):
        tensor_numel *= shape[dim]
        # a run of dimensions ends where the next outer one does not continue it in memory
        if dim == 0 or (shape[dim - 1] != 1 and strides[dim - 1] != tensor_numel * chunk_base):
            while view_dim >= 0 and (view_numel < tensor_numel or target[view_dim] == 1):
                out[view_dim] = view_numel * chunk_base
                view_numel *= target[view_dim]
                view_dim -= 1
            if view_numel != tensor_numel:
                return None
            if dim > 0:
                chunk_base = strides[dim - 1]
                tensor_numel = view_numel = 1
    if not shape:
        return tuple(1 for _ in target)
    return tuple(out) if view_dim == -1 else None


def _channels_last_order(shape: Ints) -> tuple[int, ...]:
    """The dimensions of a batch of images (or volumes), from the fastest: channels, then places, then the batch."""
    return (1, *range(len(shape) - 1, 1, -1), 0)


def channels_last(shape: Ints) -> tuple[int, ...]:
    """The strides of a batch of images (or volumes) with the channels of one place side by side."""
    made, step = [0] * len(shape), 1
    for d in _channels_last_order(shape):
        made[d] = step
        step *= shape[d]
    return tuple(made)


def is_channels_last(shape: Ints, strides: Ints) -> bool:
    """Whether elements lie in memory channel by channel, without gaps; a dimension of one element takes no step."""
    return all(n == 1 or a == b for n, a, b in zip(shape, strides, channels_last(shape), strict=True))


def suggests_channels_last(shape: Ints, strides: Ints) -> bool:
    """Whether strides look like channels last and not also like row-major: what is ambiguous counts as the latter."""
    if len(shape) not in (4, 5) or strides[1] == 0:
        return False
    least = 0
    for d in _channels_last_order(shape):
        if shape[d] == 0 or strides[d] < least or (d == 0 and least == strides[1]):
            return False
        least = strides[d] * shape[d]
    return True
