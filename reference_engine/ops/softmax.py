"""Softmax and its logarithm along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import from_array, noisy, wrap_dim
from reference_engine.ops.supported import ONLY_FLOATING, refuse_unsupported
from reference_engine.semantics import cite, switch, warn
from reference_engine.tensor import Tensor

Array = Any


def _computed(self: Tensor, dim: int, dtype: Any, name: str) -> tuple[int, dtypes.dtype]:
    d = dtype or self._dtype
    axis = wrap_dim(dim, len(self._shape))
    last = axis == max(len(self._shape) - 1, 0)
    inner = name if last or switch("reduction.log_softmax_kernel") else "softmax"
    refuse_unsupported(f"{inner}_{'lastdim_' * last}kernel_impl", d, not_for=ONLY_FLOATING)
    return axis, d


def _apply(self: Tensor, dim: int, d: dtypes.dtype, fn: Any) -> Tensor:
    a = self._read().astype(d.np).astype(d.compute)
    if not a.size:
        return from_array(a, d)
    shape = a.shape
    flat = a.reshape(a.shape or (1,))
    out = noisy(fn(flat), fn, [flat], d)
    return from_array(np.asarray(out).reshape(shape), d)


def _softmax(self: Tensor, dim: int, dtype: Any) -> Tensor:
    axis, d = _computed(self, dim, dtype, "softmax")

    def softmax(a: Array) -> Array:
        with np.errstate(invalid="ignore"):
            e = np.exp(a - np.max(a, axis=axis, keepdims=True))
        return e / np.sum(e, axis=axis, keepdims=True)

    return _apply(self, dim, d, softmax)


def _log_softmax(self: Tensor, dim: int, dtype: Any) -> Tensor:
    axis, d = _computed(self, dim, dtype, "log_softmax")
    if d.itemsize == 2 and axis == max(len(self._shape) - 1, 0):
        cite("reduction.log_softmax.half")

    def log_softmax(a: Array) -> Array:
        with np.errstate(invalid="ignore"):
            shifted = a - np.max(a, axis=axis, keepdims=True)
        return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))

    return _apply(self, dim, d, log_softmax)


def _backward_of(fn: Any) -> Any:
    """The forward of a fused backward: ``fn(cotangent, result, axis)`` on arrays."""

    def forward(grad_output: Tensor, output: Tensor, dim: int, input_dtype: Any) -> Tensor:
        d = output._dtype
        axis = wrap_dim(dim, len(output._shape))
        shape = output._shape
        g, y = (t._read().astype(d.compute).reshape(shape or (1,)) for t in (grad_output, output))

        def slope(cotangent: Array, result: Array) -> Array:
            return fn(cotangent, result, axis)

        return from_array(np.asarray(noisy(slope(g, y), slope, [g, y], d)).reshape(shape), d)

    return forward


declare(
    "_softmax_backward_data(Tensor grad_output, Tensor output, int dim, dtype input_dtype) -> Tensor",
    forward=_backward_of(lambda g, y, axis: g * y - y * np.sum(g * y, axis=axis, keepdims=True)),
    vjp={
        "grad_output": lambda grad, output, dim, input_dtype: grad._softmax_backward_data(output, dim, input_dtype),
        "output": lambda grad, grad_output, output, dim: (
            grad_output * grad
            - (output * grad_output).sum(dim, True) * grad
            - grad_output * (output * grad).sum(dim, True)
        ),
    },
    node="SoftmaxBackwardDataBackward0",
    function=False,
)
declare(
    "_log_softmax_backward_data(Tensor grad_output, Tensor output, int dim, dtype input_dtype) -> Tensor",
    forward=_backward_of(lambda g, y, axis: g - np.exp(y) * np.sum(g, axis=axis, keepdims=True)),
    vjp={
        "grad_output": lambda grad, output, dim: grad - (grad * output.exp()).sum(dim, True),
        "output": lambda grad, grad_output, output, dim: -grad_output.sum(dim, True) * output.exp() * grad,
    },
    node="LogSoftmaxBackwardDataBackward0", function=False,
)  # fmt: skip

_ARGUMENTS: dict[str, Any] = {"dim": "dim"}


def _result_in(compute: Any) -> Any:
    """Half precision is widened, and the derivative converts back: torch does this with a separate conversion."""

    def forward(self: Tensor, dim: int, dtype: Any) -> Tensor:
        return compute(self if dtype is None or dtype is self._dtype else self.to(dtype), dim)

    return forward


for _name, _compute, _node in (
    ("softmax", _softmax, "SoftmaxBackward0"),
    ("log_softmax", _log_softmax, "LogSoftmaxBackward0"),
):
    declare(
        f"_{_name}(Tensor self, int dim, dtype? dtype=None) -> Tensor",
        forward=_compute,
        vjp={
            "self": (lambda grad, result, dim, self_dtype: grad._softmax_backward_data(result, dim, self_dtype))
            if _name == "softmax"
            else (lambda grad, result, dim, self_dtype: grad._log_softmax_backward_data(result, dim, self_dtype))
        },
        node=_node, function=False,
    )  # fmt: skip
    declare(
        f"{_name}(Tensor self, int dim, dtype? dtype=None) -> Tensor",
        forward=_result_in(lambda t, dim, _n=f"_{_name}": getattr(t, _n)(dim)), composite=True,
        samples=domains.real(arguments=_ARGUMENTS),
    )  # fmt: skip
    declare(
        f"special.{_name}(Tensor self, int dim, *, dtype? dtype=None) -> Tensor",
        forward=_result_in(lambda t, dim, _n=f"_{_name}": getattr(t, _n)(dim)), composite=True, method=False,
        samples=domains.real(arguments=_ARGUMENTS),
    )  # fmt: skip


def implicit_dim(name: str, ndim: int) -> int:
    """The dimension of a softmax that was given none: a guess of old times, with a warning."""
    warn("nn.softmax.implicit_dim", name=name)
    return 0 if ndim in (0, 1, 3) else 1


def _functional(name: str) -> Any:
    def forward(input: Tensor, dim: Any, _stacklevel: int, dtype: Any) -> Tensor:
        if dim is None:
            dim = implicit_dim(name, len(input._shape))
        if name == "softmin":
            return (-input).softmax(dim, dtype)
        return getattr(input, name)(dim, dtype)

    return forward


for _name in ("softmax", "log_softmax", "softmin"):
    declare(
        f"nn.functional.{_name}(Tensor input, int? dim=None, int _stacklevel=3, dtype? dtype=None) -> Tensor",
        forward=_functional(_name), composite=True, samples=domains.real(arguments={"dim": "dim", "_stacklevel": (3,)}),
    )  # fmt: skip
