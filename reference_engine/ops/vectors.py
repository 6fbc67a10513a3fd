"""Products of vectors, and matrices made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import ASSEMBLED, Op, OutForm, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import conj
from reference_engine.ops.kernels import Array, announce, broadcast_shapes, from_array, noisy, wrap_dim
from reference_engine.ops.matrices import check_floating
from reference_engine.ops.supported import NEVER_BOOL, refuse_unsupported
from reference_engine.semantics import refusal, switch, warn
from reference_engine.tensor import Tensor

# -- the cross product -------------------------------------------------------------------------------------------------


def _cross(input: Tensor, other: Tensor, dim: int) -> Tensor:
    op = "linalg.cross"
    if len(input._shape) != len(other._shape):
        raise refusal("linalg.cross.rank", op=op)
    at = wrap_dim(dim, len(input._shape))
    if input._shape[at] != 3 or other._shape[at] != 3:
        raise refusal("linalg.cross.size", op=op, dim=dim, a=input._shape[at], b=other._shape[at])
    shape = broadcast_shapes([input._shape, other._shape])
    if input._dtype is not other._dtype:
        raise refusal("linalg.cross.dtype", a=input._dtype.scalar_name, b=other._dtype.scalar_name)
    d = input._dtype
    announce(d)
    refuse_unsupported("cross", d, not_for=NEVER_BOOL)

    def product(a: Array, b: Array) -> Array:
        a, b = (np.moveaxis(np.broadcast_to(x, shape), at, -1) for x in (a, b))
        parts = [a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
        return np.moveaxis(np.stack(parts, -1), -1, at)

    arrays = [t._read().astype(d.compute) for t in (input, other)]
    return from_array(noisy(product(*arrays), product, arrays, d), d)


CROSS: Op = declare(
    "linalg.cross(Tensor input, Tensor other, *, int dim=-1) -> Tensor",
    forward=_cross, node="LinalgCrossBackward0", out=ASSEMBLED, samples=domains.numbers(shapes="crossed"),
    vjp={
        "input": lambda grad, other, dim: run(CROSS, [conj(other), grad, dim]),
        "other": lambda grad, input, dim: run(CROSS, [grad, conj(input), dim]),
    },
)  # fmt: skip


def _old_cross(input: Tensor, other: Tensor, dim: int | None) -> Tensor:
    """Without a dimension, along the first one of size three."""
    if dim is None:
        if switch("linalg.cross.deprecated"):
            warn("linalg.cross.without_dim")
        found = [i for i, n in enumerate(input._shape) if n == 3]
        if not found:
            raise refusal("linalg.cross.no_dim")
        dim = found[0]
    made: Tensor = run(CROSS, [input, other, dim])
    return made


declare(
    "cross(Tensor input, Tensor other, int? dim=None) -> Tensor", forward=_old_cross, composite=True, out=True,
    display="linalg_cross", samples=domains.numbers(shapes="crossed"),
)  # fmt: skip

# -- others ------------------------------------------------------------------------------------------------------------


def _vecdot(x: Tensor, y: Tensor, dim: int) -> Tensor:
    op = "linalg.vecdot"
    check_floating(x, op)
    if x._dtype is not y._dtype:
        raise refusal("linalg.vecdot.dtype", x=x._dtype.scalar_name, y=y._dtype.scalar_name)
    if len(x._shape) == len(y._shape) == 1 and dim in (0, -1):
        return x.vdot(y)
    return (conj(x) * y).sum(dim)


declare(
    "linalg.vecdot(Tensor x, Tensor y, *, int dim=-1) -> Tensor", forward=_vecdot, composite=True,
    out=OutForm(same_dtype=True, refused="linalg.vecdot.out", apart=True),
    display="sum", samples=domains.field(shapes="broadcast", arguments={"dim": (-1,)}),
)  # fmt: skip


def _vander(x: Tensor, N: int | None) -> Tensor:
    """The powers of each number, from the zeroth on."""
    import reference_engine as engine

    if x._dtype.name in ("bool", "float16", "bfloat16"):
        raise refusal("linalg.vander.dtype", dtype=x._dtype.scalar_name)
    if not x._shape:
        x = x.unsqueeze(-1)
    n = x._shape[-1] if N is None else N
    if n <= 1:
        raise refusal("linalg.vander.count")
    if not x._dtype.is_differentiable:
        x = x.to(dtypes.int64)
    powers = x.unsqueeze(-1).expand((*x._shape, n - 1)).cumprod(-1)
    return engine.cat([engine.ones((*x._shape, 1), dtype=x.dtype), powers], -1)


declare(
    "linalg.vander(Tensor x, *, int? N=None) -> Tensor", forward=_vander, composite=True,
    samples=domains.numbers(-1.5, 1.5, shapes="vector", arguments={"N": (2, 3)}),
)  # fmt: skip


def _old_vander(x: Tensor, N: int | None, increasing: bool) -> Tensor:
    import reference_engine as engine

    if len(x._shape) != 1:
        raise refusal("linalg.vander.vector")
    n = x._shape[0] if N is None else N
    if n < 0:
        raise refusal("linalg.vander.negative")
    d = x.dtype if x._dtype.is_differentiable else dtypes.int64
    made = engine.empty((x._shape[0], n), dtype=d)
    if n > 0:
        made.select(1, 0).fill_(1)
    if n > 1:
        made.narrow(1, 1, n - 1).copy_(x.unsqueeze(1).expand((x._shape[0], n - 1)).cumprod(1))
    return made if increasing else made.flip((1,))


declare(
    "vander(Tensor x, int? N=None, bool increasing=False) -> Tensor", forward=_old_vander, composite=True,
    method=False, samples=domains.numbers(-1.5, 1.5, shapes="vector", arguments={"N": (2, 3)}),
)  # fmt: skip

declare(
    "linalg.diagonal(Tensor A, *, int offset=0, int dim1=-2, int dim2=-1) -> Tensor",
    forward=lambda A, offset, dim1, dim2: A.diagonal(offset, dim1, dim2), composite=True,
    samples=domains.numbers(shapes="matrix", arguments={"offset": (0, 1), "dim1": (-2,), "dim2": (-1,)}),
)  # fmt: skip

# -- covariance --------------------------------------------------------------------------------------------------------


def _cov(self: Tensor, correction: int, fweights: Any, aweights: Any) -> Tensor:
    import reference_engine as engine

    if len(self._shape) > 2:
        raise refusal("linalg.cov.rank", op="cov", ndim=len(self._shape))
    if self._dtype is dtypes.bool_:
        raise refusal("linalg.cov.bool")
    x = self.reshape((1, self.numel())) if len(self._shape) < 2 else self
    count = x._shape[1]
    weights = None
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is None:
            continue
        _check_weights(name, w, count)
        if count:
            weights = w if weights is None else weights * w.to(weights.dtype if name == "fweights" else w.dtype)
    total = engine.tensor(count, dtype=dtypes.int64) if weights is None else weights.sum()
    mean = (x if weights is None else x * weights).sum(1)
    if weights is not None and not total.item():
        raise refusal("linalg.cov.weights_sum")
    mean = mean / total
    if weights is not None and aweights is not None and correction:
        norm = total - correction * (weights * aweights).sum() / total
    else:
        norm = total - correction
    if norm.item() <= 0:
        warn("linalg.cov.degrees")
        norm = engine.zeros_like(norm)
    centered = x - mean.unsqueeze(1)
    right = centered if weights is None else centered * weights
    found = centered.mm(conj(right.t()))
    return (found / norm).squeeze()


def _check_weights(name: str, w: Tensor, count: int) -> None:
    if len(w._shape) > 1:
        raise refusal("linalg.cov.weights_rank", name=name, ndim=len(w._shape))
    wanted = "integral" if name == "fweights" else "floating point"
    if (w._dtype.category == 1) != (name == "fweights") or w._dtype.category not in (1, 2):
        raise refusal("linalg.cov.weights_dtype", name=name, wanted=wanted, dtype=w._dtype.scalar_name)
    if w.numel() != count:
        raise refusal("linalg.cov.weights_count", name=name, got=w.numel(), count=count)
    if count and w.min().item() < 0:
        raise refusal("linalg.cov.weights_negative", name=name)


declare(
    "cov(Tensor self, *, int correction=1, Tensor? fweights=None, Tensor? aweights=None) -> Tensor",
    forward=_cov, composite=True,
    samples=domains.field(shapes="matrix", arguments={"correction": (0, 1), "fweights": (None,), "aweights": (None,)}),
)  # fmt: skip


def _corrcoef(self: Tensor) -> Tensor:
    import reference_engine as engine

    if len(self._shape) > 2:
        raise refusal("linalg.cov.rank", op="corrcoef", ndim=len(self._shape))
    c = engine.cov(self)
    if not c._shape:
        return c / c
    d = c.diagonal()
    deviation = engine.sqrt(d.real if d._dtype.is_complex else d)
    c = c / deviation.view((-1, 1))
    c = c / deviation.view((1, -1))
    if c._dtype.is_complex:
        return engine.complex(engine.real(c).clip(-1, 1), engine.imag(c).clip(-1, 1))
    return c.clip(-1, 1)


declare("corrcoef(Tensor self) -> Tensor", forward=_corrcoef, composite=True, samples=domains.field(shapes="matrix"))
