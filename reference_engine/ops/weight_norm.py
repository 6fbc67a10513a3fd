"""A weight made of its direction and of a norm for each index of one dimension."""

from __future__ import annotations

from typing import Any

from reference_engine import dtypes
from reference_engine.ops.citing import differentiated
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import from_array, noisy
from reference_engine.tensor import Tensor


def _norm_except(v: Tensor, pow: int, dim: int) -> Tensor:
    """The norm over all dimensions but one; over all of them for dim -1."""
    if dim == -1:
        return v.norm(pow)
    last = v.dim() - 1
    if dim == 0:
        return v.contiguous().view(v.size(0), -1).norm(pow, 1).view([v.size(0)] + [1] * last)
    if dim == last:
        return v.contiguous().view(-1, v.size(last)).norm(pow, 0).view([1] * last + [v.size(last)])
    return _norm_except(v.transpose(0, dim), pow, 0).transpose(0, dim)


declare(
    "norm_except_dim(Tensor v, int pow=2, int dim=0) -> Tensor", forward=_norm_except, composite=True, method=False
)  # fmt: skip


def _fused(v: Tensor, g: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    import numpy as np

    d = v._dtype
    values, norms = v._read().astype(d.compute), g._read().astype(d.compute)
    others = tuple(axis for axis in range(values.ndim) if axis != dim)

    def norm(x: Any) -> Any:
        return np.sqrt(np.sum(x * x, axis=others, keepdims=True))

    def apply(x: Any, scale: Any) -> Any:
        return x * (scale.reshape(norm(x).shape) / norm(x))

    wide = dtypes.float32 if d.itemsize == 2 else d
    with np.errstate(invalid="ignore", divide="ignore"):
        made = noisy(apply(values, norms), apply, [values, norms], d)
        return from_array(made, d), from_array(norm(values).reshape(g._shape), wide)


def _fused_vjp(grad: Tensor, v: Tensor, g: Tensor, dim: int, result1: Tensor) -> dict[str, Tensor]:
    others = [axis for axis in range(v.dim()) if axis != dim]
    per = (grad * v).sum(others, keepdim=True)
    again = grad.requires_grad or v.requires_grad
    norms = differentiated(v, "nn.weight_norm.norm").norm(2, others, keepdim=True) if again else result1
    return {"v": (g / norms) * (grad - v * (per / (norms * norms))), "g": per / norms}


_INTERFACE = declare(
    "_weight_norm_interface(Tensor v, Tensor g, int dim=0) -> (Tensor, Tensor)",
    forward=_fused, vjp={"v, g": _fused_vjp}, non_differentiable_outputs=(1,), method=False,
)  # fmt: skip


def _weight_norm(v: Tensor, g: Tensor, dim: int) -> Tensor:
    if dim in (0, v.dim() - 1) and v._dtype is not dtypes.float16:
        return run(_INTERFACE, [v.contiguous(), g.contiguous(), dim])[0]
    return v * (g / _norm_except(v, 2, dim))


declare("_weight_norm(Tensor v, Tensor g, int dim=0) -> Tensor", forward=_weight_norm, composite=True, method=False)
