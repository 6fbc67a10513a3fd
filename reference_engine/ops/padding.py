"""Padding: with a constant, or with copies of what is inside."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import strides
from reference_engine.ops import domains
from reference_engine.ops.declare import Op, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import Array, dtypes_in, from_array
from reference_engine.ops.supported import NEVER_BOOL, refuse_unsupported
from reference_engine.semantics import refusal, switch
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]
_HIDDEN: dict[str, Any] = {"function": False, "method": False}


def _pairs(pad: Ints, ndim: int) -> list[tuple[int, int]]:
    """(before, after) for each dimension; the argument begins with the last one."""
    pairs = [(0, 0)] * ndim
    for i in range(len(pad) // 2):
        pairs[ndim - 1 - i] = (pad[2 * i], pad[2 * i + 1])
    return pairs


# -- a constant; negative padding cuts ---------------------------------------------------------------------------------


def _constant(self: Tensor, pad: Ints, value: Any) -> Tensor:
    if len(pad) % 2:
        raise refusal("nn.pad.odd_constant", length=len(pad))
    if len(pad) > 2 * len(self._shape):
        raise refusal("nn.pad.too_long", length=len(pad), ndim=len(self._shape))
    pairs = _pairs(pad, len(self._shape))
    shape = [n + before + after for n, (before, after) in zip(self._shape, pairs, strict=True)]
    for i, (n, (before, after)) in enumerate(zip(self._shape, pairs, strict=True)):
        if shape[i] < 0:
            raise refusal("nn.pad.negative", input=n, dim=i, before=before, after=after)
    values = self._read()
    cut = values[
        tuple(slice(max(-b, 0), max(n - max(-a, 0), 0)) for n, (b, a) in zip(values.shape, pairs, strict=True))
    ]
    if max(pad, default=0) <= 0:  # a copy of what is left of the memory, as it lay there
        return from_array(cut, self._dtype, strides.like(cut.shape, self._strides))
    made = np.full(shape, value).astype(values.dtype)
    spots = tuple(slice(max(b, 0), max(b, 0) + n) for n, (b, _) in zip(cut.shape, pairs, strict=True))
    made[spots] = cut
    return from_array(made, self._dtype)


_CONSTANT: Op = declare(
    "constant_pad_nd(Tensor self, int[] pad, Scalar value=0) -> Tensor",
    forward=_constant, vjp={"self": lambda grad, pad: run(_CONSTANT, [grad, tuple(-n for n in pad), 0])},
    exact=True, method=False,
)  # fmt: skip

# -- copies of what is inside: each result is one element of the argument ----------------------------------------------


def _sources(size: int, before: int, after: int, mode: str) -> Array:
    """For each place of the result along a dimension, the place that it copies."""
    places = np.arange(-before, size + after)
    if mode == "replicate":
        return np.clip(places, 0, size - 1)
    places = np.abs(places)
    return np.where(places >= size, 2 * (size - 1) - places, places)


def _look(self: Ints, pad: Ints, mode: str) -> tuple[Any, ...]:
    axes = [_sources(n, *pair, mode) for n, pair in zip(self, _pairs(pad, len(self)), strict=True)]
    return np.ix_(*axes)


def _copied(self: Tensor, pad: Ints, mode: str) -> Tensor:
    return from_array(self._read()[_look(self._shape, pad, mode)], self._dtype)


def _collected(grad_output: Tensor, self: Tensor, pad: Ints, mode: str) -> Tensor:
    made = np.zeros(self._shape, self._dtype.compute)
    np.add.at(made, _look(self._shape, pad, mode), grad_output._read().astype(made.dtype))
    return from_array(made, self._dtype)


_COPIES: dict[tuple[str, int], Any] = {}


def _declare_copies(mode: str, word: str, dims: int) -> None:
    node = f"{word}Pad{dims}D"
    backward = declare(
        f"_{mode}_pad{dims}d_backward(Tensor grad_output, Tensor self, int[] pad, str mode) -> Tensor",
        forward=_collected, node=f"{node}BackwardBackward0",
        vjp={
            "grad_output": lambda grad, pad, mode: run(forward, [grad, pad, mode]),
            "self": lambda grad: grad.new_zeros(grad.shape),
        },
        **_HIDDEN,
    )  # fmt: skip
    forward = declare(
        f"_{mode}_pad{dims}d(Tensor self, int[] pad, str mode) -> Tensor",
        forward=_copied, node=f"{node}Backward0", exact=True,
        vjp={"self": lambda grad, self, pad, mode: run(backward, [grad, self, pad, mode])}, **_HIDDEN,
    )  # fmt: skip
    _COPIES[mode, dims] = forward


for _dims in (1, 2, 3):
    _declare_copies("reflect", "Reflection", _dims)
    _declare_copies("replicate", "Replication", _dims)

# -- around the other side ---------------------------------------------------------------------------------------------


def _circular(self: Tensor, pad: Ints) -> Tensor:
    """Written into a new tensor part by part: the inside first, then each dimension's ends from what is there."""
    pairs = _pairs(pad, len(self._shape))
    for n, (before, after) in zip(self._shape, pairs, strict=True):
        if before > n or after > n:
            raise refusal("nn.pad.circular_size")
        if n + before + after < 0:
            raise refusal("nn.pad.circular_negative")
    shape = tuple(n + b + a for n, (b, a) in zip(self._shape, pairs, strict=True))
    made = self.new_empty(shape)
    inside, source = made, self
    for d, (before, after) in enumerate(pairs):
        if d < len(self._shape) - len(pad) // 2:
            continue
        low, high = max(before, 0), shape[d] - max(after, 0)
        inside = inside.narrow(d, low, high - low)
        start, stop = max(-before, 0), self._shape[d] - max(-after, 0)
        source = source.narrow(d, start, stop - start)
    inside.copy_(source)
    for i in range(len(pad) // 2):
        d = len(shape) - 1 - i
        before, after = pairs[d]
        if before > 0:
            made.narrow(d, 0, before).copy_(made.narrow(d, shape[d] - before - max(after, 0), before))
        if after > 0:
            made.narrow(d, shape[d] - after, after).copy_(made.narrow(d, max(before, 0), after))
    return made


def _refuse_dtype(input: Tensor, mode: str, dims: int) -> None:
    kind = {"reflect": "reflection", "replicate": "replication"}[mode]
    old = not switch("nn.pad.integers")
    suffix = "_cpu" * (old and (mode == "replicate" or dims == 3))
    since = {d.name: "nn.pad.integers" for d in dtypes_in("int")}
    if (mode, dims) != ("reflect", 3):
        since |= {"float16": "nn.half.pads", "bfloat16": "nn.pad.integers"}
    refuse_unsupported(f"{kind}_pad{dims}d{suffix}", input._dtype, since, NEVER_BOOL)


def _refuse_empty(input: Tensor, mode: str, dims: int) -> None:
    """Raise if there is nothing to copy from: only the batch may be empty."""
    old = mode == "reflect" and dims < 3 and not switch("nn.pad.reflect_of_channels")
    of_sample = input._shape[1 if old else len(input._shape) - dims - 1 :]
    if 0 in of_sample:
        shape = ",".join(map(str, input._shape))
        raise refusal(
            "nn.pad.reflect_empty" if old else "nn.pad.empty", low=dims + 1, high=dims + 2, shape=list(input._shape),
            type=f"{input._dtype.tensor_name}{{{shape}}}",
        )  # fmt: skip


def _pad(input: Tensor, pad: Ints, mode: str, value: Any) -> Tensor:
    import reference_engine as engine

    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise refusal("nn.pad.mode", mode=mode)
    if len(pad) % 2:
        raise refusal("nn.pad.odd")
    if len(pad) > 2 * len(input._shape):
        raise refusal("nn.pad.too_long", length=len(pad), ndim=len(input._shape))
    if mode == "constant":
        return engine.constant_pad_nd(input, pad, 0 if value is None else value)
    if value is not None and value != 0:
        raise refusal("nn.pad.value", mode=mode)
    dims, rank = len(pad) // 2, len(input._shape)
    if not dims or rank not in (dims + 1, dims + 2):
        raise refusal("nn.pad.supported", length=len(pad), ndim=rank)
    if mode == "circular":
        if rank == dims + 1 and not switch("nn.pad.circular_of_a_sample"):
            raise refusal("nn.pad.circular_batch", expected=2 * (rank - 2), length=len(pad))
        return _circular(input, pad)
    _refuse_empty(input, mode, dims)
    if mode == "reflect":
        for i in range(dims):
            d = rank - 1 - i
            low, high = pad[2 * i], pad[2 * i + 1]
            if low >= input._shape[d] or high >= input._shape[d]:
                raise refusal(
                    "nn.pad.reflect_size", argument=4 + 2 * i, low=low, high=high, dim=d, shape=list(input._shape)
                )
    _refuse_dtype(input, mode, dims)
    return run(_COPIES[mode, dims], [input, pad, mode])


declare(
    "nn.functional.pad(Tensor input, int[] pad, str mode='constant', float? value=None) -> Tensor",
    forward=_pad, composite=True, exact=True, samples=domains.field(shapes="pad"),
)  # fmt: skip
