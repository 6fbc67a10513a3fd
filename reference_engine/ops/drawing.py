"""Random numbers of given parameters, element by element, and how they move with these.

A Poisson or binomial number jumps, so it does not move; a gamma number moves smoothly (``reference_engine.pathwise``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_engine import dtypes, pathwise, rejection
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import not_derived, zeros_like
from reference_engine.ops.kernels import broadcast_shapes, elementwise, from_array
from reference_engine.ops.sampling import stream
from reference_engine.semantics import refusal, warn
from reference_engine.tensor import Tensor

Array = Any

_REDUCED = (dtypes.float16, dtypes.bfloat16)


def _supported(tensor: Tensor, kernel: str, reduced: bool = False) -> None:
    if not tensor.dtype.is_floating_point or (not reduced and tensor.dtype in _REDUCED):
        raise refusal("ops.not_implemented_for", op=kernel, dtype=tensor.dtype.scalar_name)


def _one_dtype(tensors: tuple[Tensor, ...]) -> None:
    first, others = tensors[0], tensors[1:]
    for tensor in others:
        if tensor.dtype is not first.dtype:
            raise refusal("pointwise.out.same_dtype", got=tensor.dtype.scalar_name, expected=first.dtype.scalar_name)


def _each(draw: Callable[..., float], *parameters: Array) -> Array:
    """One number for each element, in the order of contiguous memory, whatever the memory of the parameters."""
    lists = [np.broadcast_to(p, np.broadcast_shapes(*(q.shape for q in parameters))) for p in parameters]
    drawn = [draw(*numbers) for numbers in zip(*(p.astype(np.float64).ravel().tolist() for p in lists), strict=True)]
    return np.array(drawn, np.float64).reshape(lists[0].shape)


def _poisson(self: Tensor, generator: Any) -> Tensor:
    _supported(self, "poisson_cpu", reduced=True)
    rates = self._read()
    if not (rates >= 0).all():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    drawn = _each(lambda rate: rejection.poisson(stream(generator), rate), rates)
    return from_array(drawn.astype(self.dtype.np), self.dtype)


declare(
    "poisson(Tensor self, *, any generator=None) -> Tensor",
    forward=_poisson, vjp={"self": lambda grad: zeros_like(grad)}, method=False,
)  # fmt: skip


def _binomial(count: Tensor, prob: Tensor, generator: Any) -> Tensor:
    for name, tensor in (("count", count), ("prob", prob)):
        if not tensor.dtype.is_floating_point:
            raise ValueError(
                f"binomial only supports floating-point dtypes for {name}, got: {tensor.dtype.scalar_name}"
            )
    _one_dtype((count, prob))
    shape = broadcast_shapes([count._shape, prob._shape])
    if shape != count._shape and count.numel():
        warn("ops.out.resized", shape=list(count._shape), result=list(shape))
    _supported(count, "binomial_cpu")
    drawn = _each(lambda n, p: rejection.binomial(stream(generator), n, p), count._read(), prob._read())
    return from_array(drawn.astype(count.dtype.np), count.dtype)


declare(
    "binomial(Tensor count, Tensor prob, *, any generator=None) -> Tensor",
    forward=_binomial, underived=True, method=False,
)  # fmt: skip


def _standard_gamma(self: Tensor, generator: Any) -> Tensor:
    _supported(self, "gamma_cpu")
    dtype = self.dtype.np
    drawn = _each(lambda a: rejection.gamma(stream(generator), a, dtype), self._read()).astype(dtype)
    # what is too small for the dtype is not zero: its logarithm is finite
    return from_array(np.maximum(drawn, np.finfo(dtype).tiny), self.dtype)


def _gamma_kernel(concentration: Array, drawn: Array) -> Array:
    slope = pathwise.gamma_slope(concentration.astype(np.float64), drawn.astype(np.float64))
    return slope.astype(concentration.dtype)


_NO_INTEGERS_NOR_HALVES = "bool int float16 bfloat16 complex"


def _alike(promoted: Any, *tensors: Tensor) -> None:
    _one_dtype(tensors)


_SLOPE = declare(
    "_standard_gamma_grad(Tensor self, Tensor output) -> Tensor",
    forward=elementwise(
        _gamma_kernel, name="_standard_gamma_grad_cpu", not_for=_NO_INTEGERS_NOR_HALVES, first=_alike
    ),
    vjp={"self": not_derived("_standard_gamma_grad")}, method=False,
)  # fmt: skip


def _standard_gamma_vjp(grad: Tensor, self: Tensor, result: Tensor) -> Tensor:
    import reference_engine as engine

    return grad * engine._standard_gamma_grad(self, result)


declare(
    "_standard_gamma(Tensor self, *, any generator=None) -> Tensor",
    forward=_standard_gamma, vjp={"self": _standard_gamma_vjp}, method=False,
)  # fmt: skip


def _sample_dirichlet(self: Tensor, generator: Any) -> Tensor:
    """Shares of gamma numbers in their sum.

    In which order torch adds up doubles depends on the processor, so of these the last bit may differ.
    """
    _supported(self, "dirichlet")
    dtype = self.dtype.np
    numbers = _each(lambda a: rejection.gamma(stream(generator), a), self._read())
    numbers = np.maximum(numbers, np.finfo(np.float64).tiny)
    whole = from_array(numbers, dtypes.float64).sum(-1, True)._read() if numbers.ndim else numbers
    shares = (numbers / whole).astype(dtype)
    return from_array(np.clip(shares, np.finfo(dtype).tiny, np.nextafter(dtype.type(1), dtype.type(0))), self.dtype)


declare(
    "_sample_dirichlet(Tensor self, *, any generator=None) -> Tensor",
    forward=_sample_dirichlet, underived=True, method=False,
)  # fmt: skip


def _beta_kernel(x: Array, alpha: Array, total: Array) -> Array:
    slope = pathwise.beta_slope(*(a.astype(np.float64) for a in np.broadcast_arrays(x, alpha, total)))
    return slope.astype(x.dtype)


declare(
    "_dirichlet_grad(Tensor x, Tensor alpha, Tensor total) -> Tensor",
    forward=elementwise(_beta_kernel, name="_dirichlet_grad_cpu", not_for=_NO_INTEGERS_NOR_HALVES, first=_alike),
    underived=True, method=False,
)  # fmt: skip
