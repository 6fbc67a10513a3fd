"""Discrete Fourier transforms: three linear maps, and the public functions, which prepare their arguments for them.

Source: https://docs.pytorch.org/docs/stable/fft.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops.declare import Op, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import multiply
from reference_engine.ops.kernels import Array, from_array, noisy, wrap_dim
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]
_HIDDEN: dict[str, Any] = {"function": False, "method": False}
_NORMS = {0: "backward", 1: "ortho", 2: "forward"}  # of a forward transform: not scaled, by sqrt(n), by n

# -- the layout of results ---------------------------------------------------------------------------------------------


def _partitioned(ndim: int, dims: Ints) -> list[int]:
    """The dimensions that are not transformed, in the order in which exchanging from both ends leaves them."""
    order, first, last = list(range(ndim)), 0, ndim
    while True:
        while first < last and order[first] not in dims:
            first += 1
        last -= 1
        while first < last and order[last] in dims:
            last -= 1
        if first >= last:
            return order[:first]
        order[first], order[last] = order[last], order[first]
        first += 1


def _layout(t: Tensor, shape: Ints, dims: Ints) -> Ints:
    """Transformed dimensions vary fastest, row-major in their order; the others lie as they do in the input."""
    order = sorted(_partitioned(len(shape), dims), key=lambda d: -t._strides[d]) + list(dims)
    made, step = [0] * len(shape), 1
    for d in reversed(order):
        made[d] = step
        step *= max(shape[d], 1)
    return tuple(made)


def _by_stride(t: Tensor, dims: Ints) -> Ints:
    return tuple(sorted(dims, key=lambda d: -t._strides[d]))


# -- the three maps ----------------------------------------------------------------------------------------------------


def _norm(normalization: int, forward: bool) -> str:
    """NumPy names the direction that is scaled."""
    if forward:
        return _NORMS[normalization]
    return {0: "forward", 1: "ortho", 2: "backward"}[normalization]


def _computed(t: Tensor, transform: Any, result: dtypes.dtype, laid_out: Ints) -> Tensor:
    a = t._read()
    return from_array(noisy(transform(a), transform, [a], result), result, laid_out)


def _c2c(self: Tensor, dim: Ints, normalization: int, forward: bool) -> Tensor:
    if not dim:
        return self.clone()
    _refuse_half(self)
    function, norm = (np.fft.fftn if forward else np.fft.ifftn), _norm(normalization, forward)

    def transform(a: Array) -> Array:
        return function(a, axes=dim, norm=norm) if a.size else a  # type: ignore[arg-type]

    return _computed(self, transform, self._dtype, _layout(self, self._shape, _by_stride(self, dim)))


def _r2c(self: Tensor, dim: Ints, normalization: int, onesided: bool) -> Tensor:
    _refuse_half(self)
    last, norm = dim[-1], _norm(normalization, True)
    shape = list(self._shape)
    if onesided:
        shape[last] = shape[last] // 2 + 1
    order = (*_by_stride(self, dim[:-1]), last)

    def transform(a: Array) -> Array:
        if not a.size:
            return np.zeros(shape, np.complex128)
        return (np.fft.rfftn if onesided else np.fft.fftn)(a, axes=dim, norm=norm)  # type: ignore[arg-type]

    return _computed(self, transform, self._dtype.to_complex(), _layout(self, tuple(shape), order))


def _c2r(self: Tensor, dim: Ints, normalization: int, last_dim_size: int) -> Tensor:
    if len(dim) > 1:  # only the last dimension is taken to be Hermitian
        return _c2r(_c2c(self, dim[:-1], normalization, False), dim[-1:], normalization, last_dim_size)
    norm = _norm(normalization, False)
    shape = list(self._shape)
    shape[dim[0]] = last_dim_size

    def transform(a: Array) -> Array:
        return np.fft.irfft(a, last_dim_size, dim[0], norm) if a.size else np.zeros(shape)  # type: ignore[arg-type]

    return _computed(self, transform, self._dtype.to_real(), _layout(self, tuple(shape), dim))


def _r2c_vjp(grad: Tensor, self: Tensor, dim: Ints, normalization: int, onesided: bool) -> Tensor:
    """The half that was left out had no influence of its own: it is zero on the way back."""
    if onesided:
        last, size = dim[-1], self._shape[dim[-1]]
        half = grad._shape[last]
        if size > half:
            shape = list(grad._shape)
            shape[last] = size
            whole = grad.new_zeros(shape)
            whole.narrow(last, 0, half).copy_(grad)
            grad = whole
    return run(C2C, [grad, dim, normalization, False]).real


def _c2r_vjp(grad: Tensor, dim: Ints, normalization: int) -> Tensor:
    """What stands for itself and its mirror image counts twice."""
    made: Tensor = run(R2C, [grad, dim, normalization, True])
    twice = grad._shape[dim[-1]] - made._shape[dim[-1]]
    if twice > 0:
        multiply(made.narrow(dim[-1], 1, twice), 2)
    return made


C2C: Op = declare(
    "_fft_c2c(Tensor self, int[] dim, int normalization, bool forward) -> Tensor",
    forward=_c2c, node="FftC2CBackward0", **_HIDDEN,
    vjp={
        "self": lambda grad, dim, normalization, forward: run(C2C, [grad, dim, normalization, not forward]),
    },
)  # fmt: skip
R2C: Op = declare(
    "_fft_r2c(Tensor self, int[] dim, int normalization, bool onesided) -> Tensor",
    forward=_r2c, node="FftR2CBackward0", vjp={"self": _r2c_vjp}, **_HIDDEN,
)  # fmt: skip
C2R: Op = declare(
    "_fft_c2r(Tensor self, int[] dim, int normalization, int last_dim_size) -> Tensor",
    forward=_c2r, node="FftC2RBackward0", vjp={"self": _c2r_vjp}, **_HIDDEN,
)  # fmt: skip

# -- arguments ---------------------------------------------------------------------------------------------------------


def _refuse_half(t: Tensor) -> None:
    if t._dtype.to_real().itemsize == 2:
        raise refusal("fft.half", dtype=t._dtype.scalar_name)


def _normalization(norm: str | None, forward: bool) -> int:
    if norm in (None, "backward"):
        return 0 if forward else 2
    if norm == "forward":
        return 2 if forward else 0
    if norm != "ortho":
        raise refusal("fft.norm", norm=norm)
    return 1


def _floating(t: Tensor, to_complex: bool = False) -> Tensor:
    """Integers are taken for floating point numbers, and all for complex ones where it is asked for."""
    wanted = t._dtype if t._dtype.is_differentiable else dtypes.get_default_dtype()
    _refuse_half(t)
    return t.to(wanted.to_complex() if to_complex else wanted)


def _resized(t: Tensor, dims: Ints, sizes: Ints) -> Tensor:
    """Cut off, or padded with zeros, at the end."""
    import reference_engine as engine

    pads = [0] * (2 * len(t._shape))
    for d, n in zip(dims, sizes, strict=True):
        if n == -1:
            continue
        if n < t._shape[d]:
            t = t._slice(d, 0, n, 1)
        pads[2 * (len(t._shape) - 1 - d) + 1] = n - t._shape[d]
    if not any(pads):
        return t
    made: Tensor = engine.constant_pad_nd(t, tuple(pads))
    return made


def _one(t: Tensor, n: int | None, dim: int) -> tuple[int, int]:
    """The dimension of a transform along one, and its size there."""
    at = wrap_dim(dim, len(t._shape), wrap_scalar=False)
    size = t._shape[at] if n is None else n
    if size < 1:
        raise refusal("fft.size", size=size)
    return at, size


def _several(t: Tensor, s: Any, dim: Any) -> tuple[Ints, Ints]:
    """The dimensions of a transform along several, and its size in each."""
    ndim = len(t._shape)
    if dim is not None:
        dims = tuple(wrap_dim(d, ndim, wrap_scalar=False) for d in ((dim,) if isinstance(dim, int) else dim))
        if len(set(dims)) != len(dims):
            raise refusal("fft.unique")
    if s is not None:
        if dim is not None and len(dims) != len(s):
            raise refusal("fft.shape_dims")
        if len(s) > ndim:
            raise refusal("fft.shape_rank", count=len(s), ndim=ndim)
        if dim is None:
            dims = tuple(range(ndim - len(s), ndim))
        sizes = tuple(t._shape[d] if n == -1 else n for n, d in zip(s, dims, strict=True))
    else:
        dims = tuple(range(ndim)) if dim is None else dims
        sizes = tuple(t._shape[d] for d in dims)
    for size in sizes:
        if size < 1:
            raise refusal("fft.size", size=size)
    return dims, sizes


# -- along one dimension -----------------------------------------------------------------------------------------------


def _fft(self: Tensor, n: int | None, dim: int, norm: str | None, forward: bool = True) -> Tensor:
    x = _floating(self)
    at, size = _one(x, n, dim)
    x, how = _resized(x, (at,), (size,)) if n is not None else x, _normalization(norm, forward)
    if x._dtype.is_complex:
        return run(C2C, [x, (at,), how, forward])
    made = run(R2C, [x, (at,), how, False])
    return made if forward else made.conj()


def _rfft(self: Tensor, n: int | None, dim: int, norm: str | None, forward: bool = True) -> Tensor:
    if self._dtype.is_complex:
        raise refusal("fft.real", name="rfft" if forward else "ihfft", dtype=self._dtype.scalar_name)
    x = _floating(self)
    at, size = _one(x, n, dim)
    x = _resized(x, (at,), (size,)) if n is not None else x
    made = run(R2C, [x, (at,), _normalization(norm, forward), True])
    return made if forward else made.conj()


def _irfft(self: Tensor, n: int | None, dim: int, norm: str | None, forward: bool = False) -> Tensor:
    x = _floating(self, to_complex=True)
    at = wrap_dim(dim, len(x._shape), wrap_scalar=False)
    size = 2 * (x._shape[at] - 1) if n is None else n
    if size < 1:
        raise refusal("fft.size", size=size)
    x = _resized(x, (at,), (size // 2 + 1,)) if n is not None else x
    return run(C2R, [x.conj() if forward else x, (at,), _normalization(norm, forward), size])


for _name, _forward in (
    ("fft", _fft),
    ("ifft", lambda self, n, dim, norm: _fft(self, n, dim, norm, forward=False)),
    ("rfft", _rfft),
    ("ihfft", lambda self, n, dim, norm: _rfft(self, n, dim, norm, forward=False)),
    ("irfft", _irfft),
    ("hfft", lambda self, n, dim, norm: _irfft(self, n, dim, norm, forward=True)),
):
    declare(
        f"fft.{_name}(Tensor self, int? n=None, int dim=-1, str? norm=None) -> Tensor",
        forward=_forward, composite=True, method=False, out=True,
    )  # fmt: skip

# -- along several -----------------------------------------------------------------------------------------------------


def _fftn(self: Tensor, s: Any, dim: Any, norm: str | None, forward: bool = True) -> Tensor:
    x = _floating(self, to_complex=True)
    dims, sizes = _several(x, s, dim)
    return run(C2C, [_resized(x, dims, sizes), dims, _normalization(norm, forward), forward])


def _rfftn(self: Tensor, s: Any, dim: Any, norm: str | None) -> Tensor:
    if self._dtype.is_complex:
        raise refusal("fft.real_nd", dtype=self._dtype.scalar_name)
    x = _floating(self)
    dims, sizes = _several(x, s, dim)
    if not dims:
        raise refusal("fft.some_dim", name="rfftn")
    return run(R2C, [_resized(x, dims, sizes), dims, _normalization(norm, True), True])


def _half_of(x: Tensor, s: Any, dim: Any, name: str) -> tuple[Tensor, Ints, int]:
    """The input of a transform to real numbers, cut to the half that is read; the dimensions, and the last size."""
    dims, sizes = _several(x, s, dim)
    if not dims:
        raise refusal("fft.some_dim", name=name)
    whole = 2 * (x._shape[dims[-1]] - 1) if s is None or s[-1] == -1 else s[-1]
    if whole < 1:
        raise refusal("fft.size", size=whole)
    return _resized(x, dims, (*sizes[:-1], whole // 2 + 1)), dims, whole


def _irfftn(self: Tensor, s: Any, dim: Any, norm: str | None) -> Tensor:
    x, dims, whole = _half_of(_floating(self, to_complex=True), s, dim, "irfftn")
    return run(C2R, [x, dims, _normalization(norm, False), whole])


def _hfftn(self: Tensor, s: Any, dim: Any, norm: str | None) -> Tensor:
    x, dims, whole = _half_of(_floating(self, to_complex=True), s, dim, "hfftn")
    how = _normalization(norm, True)
    if len(dims) > 1:
        x = run(C2C, [x, dims[:-1], how, True])
    return run(C2R, [x.conj(), dims[-1:], how, whole])


def _ihfftn(self: Tensor, s: Any, dim: Any, norm: str | None) -> Tensor:
    dims, sizes = _several(self, s, dim)
    if not dims:
        raise refusal("fft.some_dim", name="ihfftn")
    if self._dtype.is_complex:
        raise refusal("fft.floating", dtype=self._dtype.scalar_name)
    x = _floating(self)
    how = _normalization(norm, False)
    made = run(R2C, [_resized(x, dims, sizes), dims[-1:], how, True])
    if len(dims) == 1:
        return made.conj()
    return run(C2C, [made.conj_physical(), dims[:-1], how, False])


for _suffix, _dims in (("n", "int[]? dim=None"), ("2", "int[] dim=(-2,-1)")):
    for _name, _along in (
        ("fft", _fftn),
        ("ifft", lambda self, s, dim, norm: _fftn(self, s, dim, norm, forward=False)),
        ("rfft", _rfftn),
        ("irfft", _irfftn),
        ("hfft", _hfftn),
        ("ihfft", _ihfftn),
    ):
        declare(
            f"fft.{_name}{_suffix}(Tensor self, int[]? s=None, {_dims}, str? norm=None) -> Tensor",
            forward=_along, composite=True, method=False, out=True,
        )  # fmt: skip

# -- where zero stands -------------------------------------------------------------------------------------------------


def _shifted(self: Tensor, dim: Any, back: bool) -> Tensor:
    ndim = len(self._shape)
    given = range(ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    dims = tuple(wrap_dim(d, ndim) for d in given)
    return self.roll(tuple((self._shape[d] + back) // 2 for d in dims), dims)


for _name, _back in (("fftshift", False), ("ifftshift", True)):
    declare(
        f"fft.{_name}(Tensor self, int[]? dim=None) -> Tensor", composite=True, method=False, exact=True,
        forward=lambda self, dim, back=_back: _shifted(self, dim, back),
    )  # fmt: skip
