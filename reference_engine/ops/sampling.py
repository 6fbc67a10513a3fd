"""Random numbers written into tensors, and tensors made of them.

The numbers come from ``reference_engine.random``; a strided tensor is filled in the order of its memory. To autograd a
random number is a constant: the gradient of what was there before is zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reference_engine import creation, dtypes, levels, random, strides
from reference_engine.dispatcher import factories
from reference_engine.dtypes import dtype
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import from_array
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

Array = Any


def fresh(like: Tensor, draw: Callable[[int], Array]) -> Tensor:
    """A tensor of the same shape, dtype and memory order, filled from `draw(count)`; none is drawn for no elements."""

    def filled(batches: tuple[int, ...]) -> Tensor:
        count = like.numel() * math.prod(batches)
        values = np.asarray(draw(count) if count else np.empty(0)).astype(like.dtype.np)
        wanted = strides.like(like._shape, like._strides)
        wanted = (*(like.numel() * s for s in strides.contiguous(batches)), *wanted)
        step, shape = values.itemsize, (*batches, *like._shape)
        ordered = np.ndarray(shape, values.dtype, np.ascontiguousarray(values), 0, [s * step for s in wanted])
        return from_array(ordered, like.dtype, wanted)

    return levels.drawn(filled)


def stream(generator: Any) -> random.Generator:
    return random.default_generator if generator is None else generator


def floating_only(tensor: Tensor, kernel: str) -> None:
    if not tensor.dtype.is_differentiable:
        raise refusal("ops.not_implemented_for", op=kernel, dtype=tensor.dtype.scalar_name)


# -- in place --------------------------------------------------------------------------------------------------------


def _uniform(self: Tensor, low: float, high: float, generator: Any) -> Tensor:
    floating_only(self, "check_uniform_bounds")
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
    return fresh(self, lambda count: random.uniform(stream(generator), count, self.dtype.np, low, high))


def _normal(self: Tensor, mean: float, std: float, generator: Any) -> Tensor:
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    floating_only(self, "normal_kernel_cpu")
    dense = self.is_contiguous()
    return fresh(self, lambda count: random.normal(stream(generator), count, self.dtype.np, mean, std, dense))


def _whole(self: Tensor, generator: Any) -> Tensor:
    return fresh(self, lambda count: random.whole_numbers(stream(generator), count, self.dtype.np))


def _between(self: Tensor, low: int, high: int | None, generator: Any) -> Tensor:
    if high is None:
        high = int(np.iinfo(self.dtype.np).max) + 1 if self.dtype.category == 1 else 2**24 + 1
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if self.dtype.category == 1:
        limits = np.iinfo(self.dtype.np)
        for name, bound in (("from", low), ("to - 1", high - 1)):
            if not limits.min <= bound <= limits.max:
                raise RuntimeError(f"{name} is out of bounds for {LEGACY_NAMES[self.dtype.name]}")
    return fresh(self, lambda count: random.integers(stream(generator), count, self.dtype.np, low, high))


#: What the C++ types are called that integers are stored as.
LEGACY_NAMES = {"uint8": "unsigned char", "int8": "signed char", "int16": "short", "int32": "int", "int64": "long"}


def _bernoulli_scalar(self: Tensor, p: float, generator: Any) -> Tensor:
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
    return fresh(self, lambda count: random.bernoulli(stream(generator), count, p))


def _bernoulli_tensor(self: Tensor, p: Tensor, generator: Any) -> Tensor:
    if not p.dtype.is_floating_point:
        raise refusal("ops.not_implemented_for", op="bernoulli_tensor_cpu_p_", dtype=p.dtype.scalar_name)
    chances = np.broadcast_to(p._read(), self._shape)
    if ((chances < 0) | (chances > 1)).any():
        raise RuntimeError(
            "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  "
            "(Could this error message be improved?  If so, please report an enhancement request to PyTorch.)"
        )
    order = sorted(range(self.ndim), key=lambda axis: -self._strides[axis])
    flat = np.ascontiguousarray(chances.transpose(order)).reshape(-1)
    return fresh(self, lambda count: random.bernoulli_each(stream(generator), flat))


def _exponential(self: Tensor, lambd: float, generator: Any) -> Tensor:
    if lambd <= 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
    if not self.dtype.is_floating_point:
        raise RuntimeError(
            "Exponential distribution is a continuous probability distribution. dtype must be a floating point but you "
            f"specified {self.dtype.scalar_name}"
        )
    return fresh(self, lambda count: random.exponential(stream(generator), count, self.dtype.np, lambd))


def _cauchy(self: Tensor, median: float, sigma: float, generator: Any) -> Tensor:
    if sigma <= 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    return fresh(self, lambda count: random.cauchy(stream(generator), count, self.dtype.np, median, sigma))


def _log_normal(self: Tensor, mean: float, std: float, generator: Any) -> Tensor:
    if std <= 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    return fresh(self, lambda count: random.log_normal(stream(generator), count, self.dtype.np, mean, std))


def _geometric(self: Tensor, p: float, generator: Any) -> Tensor:
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    return fresh(self, lambda count: random.geometric(stream(generator), count, self.dtype.np, p))


def _forgotten(grad: Tensor) -> Tensor:
    return creation.zeros_like(grad)


IN_PLACE: tuple[tuple[str, str, Callable[..., Tensor]], ...] = (
    ("uniform(Tensor self, float from=0.0, float to=1.0, *, any generator=None)", "UniformBackward0", _uniform),
    ("normal(Tensor self, float mean=0.0, float std=1.0, *, any generator=None)", "NormalBackward0", _normal),
    ("random(Tensor self, *, any generator=None)", "RandomBackward2", _whole),
    (
        "random(Tensor self, int to, *, any generator=None)",
        "RandomBackward1",
        lambda self, high, generator: _between(self, 0, high, generator),
    ),
    ("random(Tensor self, int from, int? to, *, any generator=None)", "RandomBackward0", _between),
    ("bernoulli(Tensor self, Tensor p, *, any generator=None)", "BernoulliBackward1", _bernoulli_tensor),
    ("bernoulli(Tensor self, float p=0.5, *, any generator=None)", "BernoulliBackward2", _bernoulli_scalar),
    ("exponential(Tensor self, float lambd=1.0, *, any generator=None)", "ExponentialBackward0", _exponential),
    ("cauchy(Tensor self, float median=0.0, float sigma=1.0, *, any generator=None)", "CauchyBackward0", _cauchy),
    (
        "log_normal(Tensor self, float mean=1.0, float std=2.0, *, any generator=None)",
        "LogNormalBackward0",
        _log_normal,
    ),
    ("geometric(Tensor self, float p, *, any generator=None)", "GeometricBackward0", _geometric),
)

for _signature, _node, _forward in IN_PLACE:
    declare(
        f"{_signature} -> Tensor",
        forward=_forward,
        vjp={name: _forgotten for name in ("self", "p") if f"Tensor {name}" in _signature},
        node=_node,
        inplace=True,
        method=False,
        function=False,
    )


# -- new tensors -----------------------------------------------------------------------------------------------------


def _not_differentiable(grad: Tensor) -> Tensor:
    raise RuntimeError("derivative for aten::bernoulli is not implemented")


declare(
    "bernoulli(Tensor self, *, any generator=None) -> Tensor",
    forward=lambda self, generator: _bernoulli_tensor(creation.empty_like(self.detach()), self.detach(), generator),
    vjp={"self": _forgotten},
    out=True,
)
_with_one_probability = declare(
    "bernoulli(Tensor self, float p, *, any generator=None) -> Tensor",
    forward=lambda self, p, generator: _bernoulli_scalar(creation.empty_like(self.detach()), p, generator),
    vjp={"self": _not_differentiable},
    node="NotImplemented",
)
_with_one_probability.node_type.graph_name = "torch::autograd::NotImplemented"


def _multinomial(self: Tensor, num_samples: int, replacement: bool, generator: Any) -> Tensor:
    if self.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if not self.dtype.is_floating_point:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {self.dtype.scalar_name}")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > self._shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    weights = np.atleast_2d(self._read())
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if (weights.sum(axis=1) == 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    picks = random.multinomial(stream(generator), weights, num_samples, replacement)
    return from_array(picks.reshape((*self._shape[:-1], num_samples)), dtypes.int64)


declare(
    "multinomial(Tensor self, int num_samples, bool replacement=False, *, any generator=None) -> Tensor",
    forward=_multinomial,
    out=True,
)


def _filled(shape: Any, wanted: dtype, requires_grad: bool, fill: Callable[[Tensor], Tensor]) -> Tensor:
    blank = creation.empty(*shape, dtype=wanted)
    return creation._finish(fill(blank), requires_grad)


def _size(size: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
    return (options.pop("size"),) if "size" in options else size


def rand(
    *size: Any, generator: Any = None, dtype: dtype | None = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """Numbers in [0, 1)."""
    wanted = dtype or dtypes.get_default_dtype()
    return _filled(_size(size, options), wanted, requires_grad, lambda t: _uniform(t, 0.0, 1.0, generator))


def randn(
    *size: Any, generator: Any = None, dtype: dtype | None = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """Standard normal numbers."""
    wanted = dtype or dtypes.get_default_dtype()
    return _filled(_size(size, options), wanted, requires_grad, lambda t: _normal(t, 0.0, 1.0, generator))


def randint(
    *bounds_and_size: Any,
    low: int = 0,
    high: int | None = None,
    size: Any = None,
    generator: Any = None,
    dtype: dtype | None = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """``randint(high, size)`` or ``randint(low, high, size)``: integers in [low, high)."""
    given = list(bounds_and_size)
    if size is None:
        size = given.pop()
    if len(given) == 2:
        low, high = given
    elif given and high is None:
        high = given[0]
    elif given:
        low = given[0]
    assert high is not None
    top = int(high)
    return _filled((size,), dtype or dtypes.int64, requires_grad, lambda t: _between_any(t, int(low), top, generator))


def _between_any(t: Tensor, low: int, high: int, generator: Any) -> Tensor:
    return _between(t, low, high, generator)


def randperm(
    n: int, *, generator: Any = None, dtype: dtype | None = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """The integers below `n` in random order."""
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    wanted = dtype or dtypes.int64

    def drawn(batches: tuple[int, ...]) -> Tensor:
        orders = [random.permutation(stream(generator), n) for _ in range(math.prod(batches))]
        return from_array(np.reshape(orders, (*batches, n)).astype(wanted.np), wanted)

    return creation._finish(levels.drawn(drawn), requires_grad)


def rand_like(input: Tensor, *, dtype: dtype | None = None, requires_grad: bool = False, **options: Any) -> Tensor:
    blank = creation.empty_like(input.detach(), dtype=dtype)
    return creation._finish(_uniform(blank, 0.0, 1.0, options.get("generator")), requires_grad)


def randn_like(input: Tensor, *, dtype: dtype | None = None, requires_grad: bool = False, **options: Any) -> Tensor:
    blank = creation.empty_like(input.detach(), dtype=dtype)
    return creation._finish(_normal(blank, 0.0, 1.0, options.get("generator")), requires_grad)


def randint_like(
    input: Tensor, *bounds: int, low: int = 0, high: int | None = None, dtype: dtype | None = None,
    requires_grad: bool = False, **options: Any,
) -> Tensor:  # fmt: skip
    """Integers in [low, high): ``randint_like(x, high)`` or ``randint_like(x, low, high)``, also by name."""
    given = [*bounds] if high is None else [*bounds, high]
    *lower, upper = given
    blank = creation.empty_like(input.detach(), dtype=dtype)
    return creation._finish(_between(blank, int(*lower) or low, int(upper), options.get("generator")), requires_grad)


def _normal_of_tensors(mean: Any, std: Any, generator: Any) -> Tensor:
    tensors = [value.detach() for value in (mean, std) if isinstance(value, Tensor)]
    if isinstance(std, Tensor):
        if std.numel() and bool((std < 0).any()):
            raise RuntimeError("normal expects all elements of std >= 0.0")
        shape = np.broadcast_shapes(*[t._shape for t in tensors])
        blank = creation.empty(*([shape] if shape else [()]), dtype=tensors[0].dtype)
        return _normal(blank, 0.0, 1.0, generator).mul_(std.detach()).add_(tensors[0] if len(tensors) > 1 else mean)
    return _normal(creation.empty_like(tensors[0]), 0.0, std, generator).add_(tensors[0])


declare(
    "normal(Tensor mean, Tensor std, *, any generator=None) -> Tensor",
    forward=_normal_of_tensors,
    vjp={"mean": _forgotten, "std": _forgotten},
    node="NormalBackward3",
    method=False,
    out=True,
)
declare(
    "normal(Tensor mean, float std=1.0, *, any generator=None) -> Tensor",
    forward=_normal_of_tensors,
    vjp={"mean": _forgotten},
    node="NormalBackward1",
    method=False,
    out=True,
)
declare(
    "normal(float mean, Tensor std, *, any generator=None) -> Tensor",
    forward=_normal_of_tensors,
    vjp={"std": _forgotten},
    node="NormalBackward2",
    method=False,
    out=True,
)
declare(
    "normal(float mean, float std, int[] size, *, any generator=None, dtype? dtype=None, bool requires_grad=False)"
    " -> Tensor",
    forward=lambda mean, std, size, generator, dtype, requires_grad: _filled(
        size, dtype or dtypes.get_default_dtype(), requires_grad, lambda t: _normal(t, mean, std, generator)
    ),
    method=False,
    out=True,
)

FACTORIES: dict[str, Callable[..., Tensor]] = {
    function.__name__: function for function in (rand, randn, randint, randperm, rand_like, randn_like, randint_like)
}


factories.watch(globals(), ("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like"))
