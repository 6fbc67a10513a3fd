"""The distance of each pair of rows.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pdist.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.distance_gradients import second_derivative
from reference_engine.ops.formulas import not_derived
from reference_engine.ops.kernels import Array, from_array, noisy
from reference_engine.ops.norm import norm_of, slopes_of_distance
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False, "method": False}


def _pdist(self: Tensor, p: float) -> Tensor:
    if len(self._shape) != 2:
        raise refusal("nn.pdist.rank", ndim=len(self._shape))
    if not self._dtype.is_floating_point:
        raise refusal("nn.pdist.dtype")
    if p < 0:
        raise refusal("nn.pdist.order")
    first, second = np.triu_indices(self._shape[0], 1)
    if self._dtype.itemsize == 2 and len(first):
        raise refusal("ops.not_implemented_for", op="pdist", dtype=self._dtype.scalar_name)
    rows = self._read()

    def distances(rows: Array) -> Array:
        return norm_of(rows[first] - rows[second], float(p), (-1,), False)

    return from_array(np.asarray(noisy(distances(rows), distances, [rows], self._dtype)), self._dtype)


def _pdist_backward(grad: Tensor, self: Tensor, p: float, pdist: Tensor) -> Tensor:
    """What each row gets from its distances to the others."""
    first, second = np.triu_indices(self._shape[0], 1)
    if not self._shape[0]:
        cite("nn.pdist.no_rows")

    def gradient(g: Array, rows: Array, d: Array) -> Array:
        parts = slopes_of_distance(g[:, None], rows[first] - rows[second], d[:, None], float(p))
        made = np.zeros_like(rows)
        np.add.at(made, first, parts)
        np.subtract.at(made, second, parts)
        return made

    arrays = [t._read() for t in (grad, self, pdist)]
    return from_array(np.asarray(noisy(gradient(*arrays), gradient, arrays, self._dtype)), self._dtype)


def _pdist_again(grad: Tensor, grad_output: Tensor, self: Tensor, p: float, pdist: Tensor) -> dict[str, Tensor]:
    """As of distances of the rows to themselves, where each pair is met twice."""
    n = self._shape[0]
    pairs = tuple(from_array(side, dtypes.int64) for side in np.triu_indices(n, 1))

    def square(of_pairs: Tensor) -> Tensor:
        upper = of_pairs.new_zeros((n, n)).index_put(pairs, of_pairs)
        return upper + upper.mT

    def of_pairs(square: Tensor) -> Tensor:
        return (square + square.mT)[pairs]

    made = second_derivative(grad, square(grad_output), self, self, float(p), square(pdist))
    return {"grad_output": of_pairs(made["g"]), "self": made["x1"] + made["x2"], "pdist": of_pairs(made["d"])}


_ONCE = declare(
    "_pdist_backward(Tensor grad, Tensor self, float p, Tensor pdist) -> Tensor",
    forward=_pdist_backward, node="PdistBackwardBackward0",
    vjp={name: not_derived("_pdist_backward") for name in ("grad", "self", "pdist")}, **_HIDDEN,
)  # fmt: skip
_TWICE = declare(
    "_pdist_backward(Tensor grad_output, Tensor self, float p, Tensor pdist) -> Tensor",
    forward=_pdist_backward, node="PdistBackwardBackward0",
    vjp={"grad_output, self, pdist": _pdist_again}, **_HIDDEN,
)  # fmt: skip


def _gradient(grad: Tensor, self: Tensor, p: float, result: Tensor) -> Tensor:
    op = _TWICE if switch("reduction.distance.second_derivative") else _ONCE
    return run(op, [grad.contiguous(), self, p, result])


_FORWARD = declare(
    "_pdist_forward(Tensor self, float p) -> Tensor",
    forward=_pdist, node="PdistBackward0",
    vjp={"self": _gradient}, **_HIDDEN,
)  # fmt: skip
declare(
    "pdist(Tensor input, float p=2.0) -> Tensor",
    forward=lambda input, p: run(_FORWARD, [input.contiguous(), p]), composite=True, method=False,
    aliases=("nn.functional.pdist",),
    samples=domains.real(shapes="matrix", arguments={"p": (2.0, 1.0, 3.0, 0.0, math.inf, 0.5)}),
)  # fmt: skip
