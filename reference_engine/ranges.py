"""Tensors of numbers in some order, and functions of shapes: the less usual makers."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import reference_engine as torch
from reference_engine import creation, dtypes
from reference_engine.dispatcher import factories
from reference_engine.semantics import switch, warn
from reference_engine.size import Size
from reference_engine.tensor import Tensor


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool | None = None
) -> Tensor:
    """A tensor of anything, sharing its memory where that can be.

    Raises:
        ValueError: no copy is allowed, and one is needed.
    """
    made = creation.as_tensor(obj, dtype=dtype)
    if (copy is True and made is obj) or (copy and isinstance(obj, (Tensor, np.ndarray))):
        made = made.clone()
    if copy is False and not isinstance(obj, (Tensor, np.ndarray)):
        raise ValueError("can't alias arbitrary sequence into a tensor.")
    if isinstance(obj, Tensor) and requires_grad is None and obj.requires_grad:
        if switch("tensor.asarray.keeps_requires_grad"):
            warn("tensor.asarray.unspecified")
            return made
    if isinstance(obj, Tensor) and not requires_grad:
        return made.detach() if made.requires_grad else made
    return made.requires_grad_() if requires_grad and not made.requires_grad else made


def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A tensor over the memory of a buffer.

    Raises:
        ValueError: no buffer, or not of the size that is asked for.
    """
    d = dtypes.of_type(dtype)
    try:
        memory = memoryview(buffer)
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
    length = memory.nbytes
    if not length or not count:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({length} bytes) minus 1"
        )
    left = length - offset
    if count < 0 and left % d.itemsize:
        raise ValueError(
            f"buffer length ({left} bytes) after offset ({offset} bytes) must be a multiple of element size "
            f"({d.itemsize})"
        )
    if count * d.itemsize > left:
        raise ValueError(
            f"requested buffer length ({count} * {d.itemsize} bytes) after offset ({offset} bytes) must not be greater "
            f"than actual buffer length ({length} bytes)"
        )
    if memory.readonly:
        warn("tensor.frombuffer.constant")
        memory = memoryview(bytearray(memory))
    made = creation.from_numpy(np.frombuffer(memory, d.np, count, offset))
    return made.requires_grad_() if requires_grad else made


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these shapes broadcast to.

    Raises:
        RuntimeError: they do not.
    """
    sequences = [(shape,) if isinstance(shape, int) else shape for shape in shapes if shape is not None]
    for shape in sequences:
        if not isinstance(shape, Sequence):
            raise RuntimeError(f"Input shapes should be of type ints, a tuple of ints, or a list of ints, got {shape}")
    made = [1] * max((len(shape) for shape in sequences), default=0)
    explained = switch("ops.broadcast_shapes.explained")
    for index, shape in enumerate(sequences):
        for at in builtins.range(-1, -1 - len(shape), -1):
            size = shape[at]
            if size < 0 and explained:
                raise ValueError("Attempting to broadcast a dimension with negative length!")
            if size < 0:
                raise RuntimeError(f"Trying to create tensor with negative dimension ({size}): ({size})")
            if size in (1, made[at]):
                continue
            if made[at] != 1 and explained:
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {size} at {at}! Mismatching argument at index "
                    f"{index} had {shape}; but expected shape should be broadcastable to {made}"
                )
            if made[at] != 1:
                raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape")
            made[at] = size
    return Size(made)


def logspace(
    start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Powers of `base` whose exponents are equally far apart."""
    wanted = dtype or dtypes.get_default_dtype()
    made = torch.pow(float(base), torch.linspace(start, end, steps, dtype=wanted))
    made = made.to(wanted)
    return made.requires_grad_() if requires_grad else made


def range(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """From `start` to `end`, both included; deprecated."""
    import warnings

    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
        "Python's range builtin. Instead, use torch.arange, which produces values in [start, end).",
        stacklevel=2,
    )
    if end is None:
        start, end = 0, start
    count = math.floor((end - start) / step) + 1
    made = torch.tensor(
        [start + i * step for i in np.arange(count).tolist()], dtype=dtype or dtypes.get_default_dtype()
    )
    return made.requires_grad_() if requires_grad else made


def _triangle(indices: Any, dtype: Any) -> Tensor:
    return torch.tensor(np.stack(indices), dtype=dtype or dtypes.int64)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Rows and columns of the elements on and below a diagonal."""
    return _triangle(np.tril_indices(row, offset, col), dtype)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Rows and columns of the elements on and above a diagonal."""
    return _triangle(np.triu_indices(row, offset, col), dtype)


def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The coordinates of elements given by their place in a row.

    Raises:
        TypeError: positions or sizes that are no integers. ValueError: a negative size.
    """
    if indices.is_complex() or indices.is_floating_point() or indices.dtype is dtypes.bool_:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    if not isinstance(shape, (int, Sequence)):
        raise TypeError(f"expected 'shape' to be int or sequence of ints, but got {type(shape)}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    for size in sizes:
        if not isinstance(size, int):
            raise TypeError(f"expected 'shape' sequence to only contain ints, but got {type(size)}")
    if any(size < 0 for size in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    made = []
    for size in reversed(sizes):
        made.append(indices % size)
        indices = torch.div(indices, size, rounding_mode="floor")
    return tuple(reversed(made))


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each element is one of others."""
    values, others = (t._read() if isinstance(t, Tensor) else np.asarray(t) for t in (elements, test_elements))
    return torch.tensor(np.isin(values, others, invert=invert))


factories.watch(globals(), ("logspace",))
