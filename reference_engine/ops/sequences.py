"""Padded sequences packed step by step, and back: what ``nn.utils.rnn`` is written in."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import from_array
from reference_engine.tensor import Tensor


def _pack(input: Tensor, lengths: Tensor, batch_first: bool) -> tuple[Tensor, Tensor]:
    if not input.numel():
        raise RuntimeError("Cannot pack empty tensors.")
    if len(lengths._shape) != 1:
        raise RuntimeError(
            f"'lengths' argument should be a 1D CPU int64 tensor, but got {len(lengths._shape)}D cpu Long tensor"
        )
    values = input._read()
    steps_first = values.swapaxes(0, 1) if batch_first else values
    sizes = lengths._read().tolist()
    if len(sizes) != steps_first.shape[1]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} "
            f"(batch_size={steps_first.shape[1]})"
        )
    if sizes[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if any(after > before for before, after in pairwise(sizes)):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you "
            "do not need ONNX exportability."
        )
    alive = [sum(size > step for size in sizes) for step in range(sizes[0])]
    packed = np.concatenate([rows[:count] for rows, count in zip(steps_first, alive, strict=False)])
    return from_array(packed, input._dtype), from_array(np.array(alive, np.int64), lengths._dtype)


def _pack_vjp(grad: Tensor, input_shape: tuple[int, ...], result1: Tensor, batch_first: bool) -> Tensor:
    lead = input_shape[1::-1] if batch_first else input_shape[:2]
    made, start = grad.new_zeros((*lead, *input_shape[2:])), 0
    for step, count in enumerate(result1._read().tolist()):
        made[step].narrow(0, 0, count).copy_(grad.narrow(0, start, count))
        start += count
    return made.transpose(0, 1) if batch_first else made


declare(
    "_pack_padded_sequence(Tensor input, Tensor lengths, bool batch_first) -> (Tensor, Tensor)",
    forward=_pack, vjp={"input": _pack_vjp}, non_differentiable_outputs=(1,), method=False, exact=True,
)  # fmt: skip


def _pad(
    data: Tensor, batch_sizes: Tensor, batch_first: bool, padding_value: Any, total_length: int
) -> tuple[Tensor, Tensor]:
    """Runs of steps with as many sequences each are copied together."""
    alive = batch_sizes._read().tolist()
    inner = data._shape[1:]
    out = data.new_full((max(total_length, len(alive)), alive[0], *inner), padding_value)
    start = first = 0
    for step, count in enumerate(alive):
        if step + 1 < len(alive) and alive[step + 1] == count:
            continue
        steps = step + 1 - first
        rows = data.narrow(0, start, steps * count).view(steps, count, *inner)
        out.narrow(0, first, steps).narrow(1, 0, count).copy_(rows)
        start, first = start + steps * count, step + 1
    lengths = [sum(count > sequence for count in alive) for sequence in range(alive[0])]
    return out.transpose(0, 1) if batch_first else out, from_array(np.array(lengths, np.int64), batch_sizes._dtype)


declare(
    "_pad_packed_sequence(Tensor data, Tensor batch_sizes, bool batch_first, Scalar padding_value, int total_length) "
    "-> (Tensor, Tensor)",
    forward=_pad, composite=True, method=False,
)  # fmt: skip
