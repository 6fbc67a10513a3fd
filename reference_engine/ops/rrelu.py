"""A leaky ReLU whose slope is drawn anew for each negative element while training; otherwise it is the mean one.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.rrelu.html
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from reference_engine import random, views
from reference_engine.ops import domains
from reference_engine.ops.activation import leaky_backward
from reference_engine.ops.declare import Op, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import zeros_like
from reference_engine.ops.kernels import HALF, elementwise, from_array
from reference_engine.ops.loss import by_rows
from reference_engine.ops.sampling import stream
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False, "method": False}
_LEAKY = elementwise(
    lambda x, slope: np.where(x > 0, x, x * x.dtype.type(slope)),
    params=(1,), name="leaky_relu_cpu", not_for="bool int complex", since=HALF,
)  # fmt: skip


def _draw(self: Tensor, lower: float, upper: float, generator: Any) -> Tensor:
    """The slope of each element: one for what is positive (or nan), drawn row by row for the rest."""
    if not self._dtype.is_floating_point:
        raise refusal("ops.not_implemented_for", op="rrelu_with_noise_out_cpu", dtype=self._dtype.scalar_name)
    falling = self._read() <= 0
    slopes = np.ones(self._shape, self._dtype.compute)
    slopes[falling] = random.uniform(stream(generator), int(falling.sum()), np.dtype(np.float64), lower, upper)
    return from_array(slopes, self._dtype)


_DRAW = declare(
    "_rrelu_noise(Tensor self, Scalar lower, Scalar upper, *, any generator=None) -> Tensor",
    forward=_draw, exact=True, **_HIDDEN,
)  # fmt: skip


def _rrelu(self: Tensor, noise: Tensor, lower: Any, upper: Any, training: bool) -> Tensor:
    if not training:
        return by_rows(_LEAKY(self, (lower + upper) / 2))
    x, slopes = (t._read().astype(self._dtype.compute) for t in (self, noise))
    return from_array(np.where(x <= 0, x * slopes, x), self._dtype)


def _rrelu_backward(
    grad_output: Tensor, self: Tensor, noise: Tensor, lower: Any, upper: Any, training: bool, self_is_result: bool
) -> Tensor:
    if training and upper - lower > 1e-6:
        made: Tensor = elementwise(np.multiply)(noise, grad_output)
        return made
    slope = (lower + upper) / 2
    if self_is_result and slope < 0:
        raise refusal("nn.leaky_relu.negative_in_place")  # the result no longer tells the side
    return leaky_backward(self, grad_output, slope)


_BACKWARD: Op = declare(
    "_rrelu_with_noise_backward(Tensor grad_output, Tensor self, Tensor noise, Scalar lower, Scalar upper, "
    "bool training, bool self_is_result) -> Tensor",
    forward=_rrelu_backward, node="RreluWithNoiseBackwardBackward0",
    vjp={
        "grad_output": lambda grad, self, noise, lower, upper, training: run(
            _BACKWARD, [grad, self, noise, lower, upper, training, False]
        ),
        "self": lambda grad: zeros_like(grad),
    },
    **_HIDDEN,
)  # fmt: skip

_PLAIN, _IN_PLACE = (
    declare(
        "_rrelu_with_noise(Tensor self, Tensor noise, Scalar lower, Scalar upper, bool training) -> Tensor",
        display="rrelu_with_noise", forward=_rrelu, vjp=vjp, node=f"RreluWithNoiseBackward{in_place:d}",
        inplace=in_place, **_HIDDEN,
    )
    for in_place, vjp in (
        (False, {
            "self": lambda grad, self, noise, lower, upper, training: run(
                _BACKWARD, [grad, self, noise, lower, upper, training, False]
            )
        }),
        (True, {
            "self": lambda grad, result, noise, lower, upper, training: run(
                _BACKWARD, [grad, result, noise, lower, upper, training, True]
            )
        }),
    )
)  # fmt: skip


def _public(inplace: bool, input: Tensor, lower: Any, upper: Any, training: bool, generator: Any) -> Tensor:
    for name, bound in (("lower", lower), ("upper", upper)):
        if not math.isfinite(bound):
            raise refusal("nn.rrelu.finite", name=name, bound=f"{bound:g}")
    if lower > upper:
        raise refusal("nn.rrelu.bounds")
    if inplace:
        views.check_in_place(input, input.requires_grad)  # before anything is drawn
    if training:
        noise = run(_DRAW, [input.detach(), lower, upper, generator])
    else:
        noise = input.detach().new_empty(input._shape)
    made: Tensor = run(_IN_PLACE if inplace else _PLAIN, [input, noise, lower, upper, training], inplace)
    return made


_BOUNDS = "Tensor input, Scalar lower=0.125, Scalar upper=0.3333333333333333, bool training=False"
_SAMPLES = domains.real(
    special=(0.0,),
    arguments={
        "lower": (0.125, 0.1),
        "upper": (0.3333333333333333, 0.5),
        "training": (False,),  # where nothing is random
        "generator": (None,),
        "inplace": (False,),
    },
)

declare(
    f"nn.functional.rrelu({_BOUNDS}, bool inplace=False) -> Tensor",
    forward=lambda input, lower, upper, training, inplace: _public(inplace, input, lower, upper, training, None),
    composite=True, samples=_SAMPLES,
)  # fmt: skip
declare(
    f"rrelu({_BOUNDS}, any generator=None) -> Tensor",
    forward=partial(_public, False), composite=True, method=False, samples=_SAMPLES,
)  # fmt: skip
declare(
    f"rrelu_({_BOUNDS}, any generator=None) -> Tensor",
    forward=partial(_public, True), composite=True, method=False,
    aliases=("nn.functional.rrelu_",),
)  # fmt: skip
