"""``torch.hash_tensor``: elements, each as 64 bits of a number of its kind, combined by exclusive or.

Source: https://docs.pytorch.org/docs/stable/generated/torch.hash_tensor.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains, kernels
from reference_engine.ops.declare import OutForm, declare
from reference_engine.ops.kernels import from_array, wrap_dims
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor


def _hash_tensor(self: Tensor, dim: Any, keepdim: bool, mode: int) -> Tensor:
    if (out := kernels.written_dtype) is not None and out is not dtypes.uint64:
        raise refusal("reduction.hash_tensor.out", got=out.scalar_name)
    axes = wrap_dims(dim, len(self._shape))
    if not dim and not self.numel():
        raise refusal("reduction.hash_tensor.empty")
    for axis in axes:
        if self._shape and not self._shape[axis]:
            raise refusal("reduction.hash_tensor.size", dim=axis)
    if mode != 0:
        raise refusal("reduction.hash_tensor.mode", mode=mode)
    if self._dtype.is_complex:
        raise refusal("ops.not_implemented_for", op="xor_sum_cpu", dtype=self._dtype.scalar_name)
    wide = self._read().astype(np.float64 if self._dtype.is_floating_point else np.int64)
    bits = np.ascontiguousarray(wide).view(np.uint64).reshape(self._shape)
    combine: Any = np.bitwise_xor.reduce
    return from_array(np.asarray(combine(bits, axis=axes, keepdims=keepdim)), dtypes.uint64)


declare(
    "hash_tensor(Tensor self, int[] dim=(), *, bool keepdim=False, int mode=0) -> Tensor", forward=_hash_tensor,
    exact=True, out=OutForm(unrecorded=True), when="reduction.hash_tensor.exists",
    samples=domains.ordered(arguments={"dim": "dimensions", "mode": (0, 0, 1)}),
)  # fmt: skip
