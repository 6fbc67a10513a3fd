"""Which clause of the specification a new tangent is an instance of.

A tangent is looked at long after the operation that made it. The clause is kept with its memory, so that it is cited
where a tangent, or what was made of it, is unpacked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reference_engine import dtypes, levels, remarks
from reference_engine.semantics import cite

if TYPE_CHECKING:
    from reference_engine.autograd.forward_ad import Pushing
    from reference_engine.ops.declare import Op
    from reference_engine.tensor import Tensor

_INSTANCES = {
    "logcumsumexp": "forward_ad.logcumsumexp",
    "fmax": "forward_ad.fmax", "fmin": "forward_ad.fmax",
    "atan2": "forward_ad.atan2", "triangular_solve": "forward_ad.triangular_solve",
    "linalg.cholesky_ex": "forward_ad.cholesky", "_cholesky": "forward_ad.cholesky",
    "max": "forward_ad.extremum", "min": "forward_ad.extremum", "median": "forward_ad.extremum",
    "nanmedian": "forward_ad.extremum", "amax": "forward_ad.extremum", "amin": "forward_ad.extremum",
    "cholesky_inverse": "forward_ad.cholesky_inverse", "cholesky_solve": "forward_ad.cholesky_solve",
    "frac": "forward_ad.tangent.own", "fmod": "forward_ad.tangent.own", "_prelu_kernel": "forward_ad.bounds",
}  # fmt: skip
"""By operation."""

BACKWARD = {
    "_softmax": "forward_ad.backward_through.exponentials", "_log_softmax": "forward_ad.backward_through.exponentials",
    "logsumexp": "forward_ad.backward_through.exponentials", "logcumsumexp": "forward_ad.backward_through.exponentials",
    "_linalg_solve_ex": "forward_ad.backward_through.factors", "_linalg_det": "forward_ad.backward_through.factors",
    "_linalg_slogdet": "forward_ad.backward_through.factors",
    "linalg.householder_product": "forward_ad.backward_through.factors",
    "_native_layer_norm": "forward_ad.backward_through.factors",
    "_native_batch_norm": "forward_ad.backward_through.factors",
    "_linalg_eigh": "forward_ad.backward_through.eigenvectors",
    "cumprod": "forward_ad.backward_through.cumprod",
}  # fmt: skip
"""By operation, what running backward through its tangent is an instance of."""


def remember(op: Op, given: Pushing, result: Tensor, tangent: Tensor) -> None:
    """Cite the clause that a new tangent is an instance of, if any, and keep it with the tangent's memory."""
    from reference_engine.tensor import tensors_in

    note_zeros(tangent)
    if levels.used and any(levels.is_mapped(t) for t in (result, *tensors_in(given.values))):
        return  # which differs from slice to slice
    clause = _clause(op, given, result, tangent)
    if clause is not None:
        remarks.remember(tangent, clause)


def note_zeros(tangent: Tensor) -> None:
    """Nobody promises the sign of a zero in a tangent."""
    if not (levels.used and levels.is_mapped(tangent)) and tangent._sparse is None and not tangent._read().all():
        cite("forward_ad.tangent.zero_sign")


def _clause(op: Op, given: Pushing, result: Tensor, tangent: Tensor) -> str | None:
    from reference_engine.tensor import Tensor, tensors_in

    if given.recast or (op.name == "copy" and given.values[1]._dtype is not result._dtype):
        return "forward_ad.copy.dtype"
    if given.aliased:
        return "forward_ad.in_place.aliased"
    if op.name in ("_var", "_std", "_var_mean", "_std_mean") and given.values[1] == ():
        return "reduction.var.no_dimension_named"
    if op.name == "scatter_reduce" and given.values[op.index_of["reduce"]] == "prod":
        return "forward_ad.scatter_reduce.prod"
    if op.name == "_linalg_det" and not result._read().all() and not tangent.requires_grad:
        return "forward_ad.det"
    if op.name == "pow" and result._dtype.is_complex and not given.values[0]._dtype.is_complex:
        return "forward_ad.pow"
    if op.name.startswith("clamp") and len(tensors_in(given.values)) > 1:
        return "forward_ad.bounds"
    if op.name.endswith("_copy"):
        return "forward_ad.tangent.own"
    if op.name == "nn.functional.hardsigmoid" and tangent._dtype is dtypes.float64:
        return "nn.hardsigmoid.sixth"
    if op.name in ("maximum", "minimum") and np.isnan(result._read().astype(np.float64)).any():
        return "forward_ad.maximum_of_nan"
    if op.name == "_linalg_slogdet" and tangent.requires_grad:
        return BACKWARD[op.name]
    if op.name in _INSTANCES:
        return _INSTANCES[op.name]
    factors = [i for i in op.differentiable if isinstance(given.values[i], Tensor)]
    if len(factors) > 1 and any(given.tangents[i] is None for i in factors):
        moving = [given.values[i]._read() for i in factors if given.tangents[i] is not None]
        if not all(np.isfinite(v.astype(np.complex128)).all() for v in moving):
            return "forward_ad.op.without_tangent"
    known = (remarks.remembered(t) for t in tensors_in(given.tangents))
    return next((clause for clause in known if clause is not None), None)
