"""Matrix products."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from reference_engine import strides
from reference_engine.dtypes import dtype, float32
from reference_engine.ops import domains, kernels, shadow
from reference_engine.ops.declare import ASSEMBLED, declare
from reference_engine.ops.kernels import Array, accumulation, announce, from_array, noisy
from reference_engine.ops.supported import NEVER_BOOL, refuse_unsupported
from reference_engine.semantics import refusal, switch, warn
from reference_engine.tensor import Tensor


def product(a: Tensor, b: Tensor) -> Tensor:
    """``a @ b`` in their common dtype, rounded once at the end."""
    x, y = a._read(), b._read()

    def multiply(p: Any, q: Any) -> Any:
        p, q = accumulation(p), accumulation(q)
        return p * q if p.ndim > 1 and q.ndim > 1 and p.shape[-1] == 1 else np.matmul(p, q)

    return from_array(np.asarray(noisy(summed(x, y, a._dtype), multiply, [x, y], a._dtype)), a._dtype)


def summed(x: Array, y: Array, d: dtype) -> Array:
    """The product of two arrays as matrices; under a shadow each of the terms that are added up is rounded."""
    x, y = accumulation(x), accumulation(y)
    if x.ndim > 1 and y.ndim > 1 and x.shape[-1] == 1:
        return x * y  # nothing is added up: a negative zero stays one
    if shadow.active is None or not x.size or not y.size:
        return np.matmul(x, y)
    left = x[None, :] if x.ndim == 1 else x
    right = y[:, None] if y.ndim == 1 else y

    def terms(p: Array, q: Array) -> Array:
        return p[..., :, :, None] * q[..., None, :, :]

    d = float32 if d.itemsize == 2 else d  # half precision is added up in single
    found = np.sum(shadow.active.perturb(terms, [left, right], terms(left, right), d), axis=-2)
    found = found[..., 0] if y.ndim == 1 else found
    return found[..., 0, :] if x.ndim == 1 and y.ndim > 1 else found[..., 0] if x.ndim == 1 else found


def check_same_dtype(a: Tensor, b: Tensor, clause: str = "ops.mm.dtype") -> None:
    if a._dtype is not b._dtype:
        raise refusal(
            clause, first=a._dtype.scalar_name, second=b._dtype.scalar_name, first_cpp=_cpp(a), second_cpp=_cpp(b)
        )


def _cpp(t: Tensor) -> str:
    """The C++ type name that the message shows."""
    names = {
        "float32": "float",
        "float64": "double",
        "int64": "long int",
        "int32": "int",
        "int16": "short int",
        "int8": "signed char",
        "uint8": "unsigned char",
        "bool": "bool",
        "float16": "c10::Half",
        "bfloat16": "c10::BFloat16",
        "complex64": "c10::complex<float>",
        "complex128": "c10::complex<double>",
    }
    return names[t._dtype.name]


def _mm(self: Tensor, mat2: Tensor) -> Tensor:
    if len(self._shape) != 2:
        raise refusal("ops.mm.first_rank", ndim=len(self._shape))
    if len(mat2._shape) != 2:
        raise refusal("ops.mm.second_rank", ndim=len(mat2._shape))
    (n, k), (k2, m) = self._shape, mat2._shape
    if k != k2:
        raise refusal("ops.mm.shapes", op="mm", a=n, b=k, c=k2, d=m)
    check_same_dtype(self, mat2)
    announce(self._dtype)
    refuse_unsupported("addmm_impl_cpu_", self._dtype, not_for=NEVER_BOOL)
    return product(self, mat2)


def _column_major(shape: Any, st: Any) -> bool:
    return bool(st[0] == 1 and st[1] == shape[0])


def _mm_vjp_self(grad: Tensor, mat2: Tensor, self_shape: Any, self_strides: Any) -> Tensor:
    """The gradient comes in the memory order of the factor it belongs to."""
    if _column_major(self_shape, self_strides):
        return mat2.conj().mm(grad.t()).t()
    return grad.mm(mat2.t().conj())


def _mm_vjp_mat2(grad: Tensor, self: Tensor, mat2_shape: Any, mat2_strides: Any) -> Tensor:
    if _column_major(mat2_shape, mat2_strides):
        return grad.t().mm(self.conj()).t()
    return self.t().conj().mm(grad)


declare(
    "mm(Tensor self, Tensor mat2) -> Tensor",
    forward=_mm, vjp={"self": _mm_vjp_self, "mat2": _mm_vjp_mat2}, out=ASSEMBLED, samples=domains.field(shapes="mm"),
)  # fmt: skip


def _mv(self: Tensor, vec: Tensor) -> Tensor:
    if len(self._shape) != 2 or len(vec._shape) != 1:
        raise refusal("ops.mv.rank", a=len(self._shape), b=len(vec._shape))
    if self._shape[1] != vec._shape[0]:
        raise refusal("ops.mv.shapes", a=self._shape[0], b=self._shape[1], c=vec._shape[0])
    check_same_dtype(self, vec, "ops.mv.dtype")
    announce(self._dtype)
    refuse_unsupported("addmv_impl_cpu", self._dtype, not_for=NEVER_BOOL)
    return product(self, vec)


_MV_OUT = replace(ASSEMBLED, refused="linalg.mv.out")

declare(
    "mv(Tensor self, Tensor vec) -> Tensor",
    forward=_mv,
    vjp={
        "self": lambda grad, vec: grad.ger(vec.conj()),
        "vec": lambda grad, self: self.conj().t().mv(grad),
    },
    out=_MV_OUT, samples=domains.field(shapes="mv"),
)  # fmt: skip


def _outer(self: Tensor, vec2: Tensor) -> Any:
    for name, t in (("self", self), ("vec2", vec2)):
        if len(t._shape) != 1:
            raise refusal("linalg.outer.rank", name=name, ndim=len(t._shape))
    import reference_engine as engine

    out = kernels.destination
    return engine.mul(self.reshape((self._shape[0], 1)), vec2, out=out)


def _ger(self: Tensor, vec2: Tensor) -> Any:
    """The older name, which says so where it is told where to write."""
    if kernels.destination is not None:
        warn("linalg.ger.deprecated")
    return _outer(self, vec2)


for _name, _forward in (("outer", _outer), ("ger", _ger)):
    declare(
        f"{_name}(Tensor self, Tensor vec2) -> Tensor", forward=_forward, composite=True, out=True, hands_out=True,
        samples=domains.field(shapes="two_vectors"),
    )  # fmt: skip


def _dot(self: Tensor, tensor: Tensor) -> Tensor:
    if len(self._shape) != 1 or len(tensor._shape) != 1:
        raise refusal("ops.dot.rank", a=len(self._shape), b=len(tensor._shape))
    if self._dtype is not tensor._dtype:
        raise refusal("ops.dot.dtype", first=self.dtype.scalar_name, second=tensor.dtype.scalar_name)
    if self._shape != tensor._shape:
        raise refusal("ops.dot.shapes", a=self._shape[0], b=tensor._shape[0])
    refuse_unsupported("dot", self._dtype, not_for=NEVER_BOOL)
    return product(self, tensor)


DOT_OUT = replace(ASSEMBLED, refused="linalg.dot.out")

declare(
    "dot(Tensor self, Tensor tensor) -> Tensor",
    forward=_dot,
    vjp={"self": lambda grad, tensor: grad * tensor.conj(), "tensor": lambda grad, self: grad * self.conj()},
    out=DOT_OUT, samples=domains.field(shapes="two_equal_vectors"),
)  # fmt: skip


def _bmm(self: Tensor, mat2: Tensor) -> Tensor:
    if len(self._shape) != 3:
        raise refusal("ops.bmm.rank", name="batch1")
    if len(mat2._shape) != 3:
        raise refusal("ops.bmm.rank", name="batch2")
    (b, _n, k), (b2, k2, _m) = self._shape, mat2._shape
    if b != b2 or k != k2:
        raise refusal("ops.bmm.shapes", b=b, k=k, b2=b2, k2=k2)
    check_same_dtype(self, mat2, "ops.bmm.dtype")
    announce(self._dtype)
    refuse_unsupported("bmm", self._dtype, not_for=NEVER_BOOL)
    made = product(self, mat2)
    if made._dtype.is_differentiable:
        made._write(made._read() + made._dtype.np.type(0))  # terms are added to a zero: no negative one is left
    return made


declare(
    "bmm(Tensor self, Tensor mat2) -> Tensor",
    forward=_bmm,
    vjp={
        "self": lambda grad, mat2: grad.bmm(mat2.transpose(1, 2).conj()),
        "mat2": lambda grad, self: self.transpose(1, 2).conj().bmm(grad),
    },
    out=ASSEMBLED, samples=domains.field(shapes="bmm"),
)  # fmt: skip


def _matmul(self: Tensor, other: Tensor) -> Tensor:
    """Products for every pair of ranks, in terms of dot, mv, mm and bmm."""
    a, b = len(self._shape), len(other._shape)
    if a == 0 or b == 0:
        raise refusal("ops.matmul.scalar", a=a, b=b)
    if a == 1 and b == 1:
        announce(self._dtype, refused=DOT_OUT.refused)
        return self.dot(other)
    if a == 2 and b == 1:
        announce(self._dtype, refused=_MV_OUT.refused)
        return self.mv(other)
    announce(self._dtype)
    if a == 1 and b == 2:
        return self.unsqueeze(0).mm(other).squeeze_(0)
    if a == 2 and b == 2:
        return self.mm(other)
    return _matmul_batched(self, other)


def _folded(large: Tensor, small: Tensor) -> bool:
    """Whether older versions take ``large`` as one tall matrix: always, but for a batch of transposed matrices."""
    shape, st = large._shape, large._strides
    transposed = len(shape) == 3 and len(small._shape) == 2 and st[-1] != 1 and st[0] == shape[1] * shape[2]
    return len(shape) >= 3 and len(small._shape) <= 2 and not transposed


def _folds(self: Tensor, other: Tensor) -> bool:
    """Whether the larger factor is taken as one tall matrix: where that copies nothing, or spares the gradient of the
    smaller one a batch of copies."""
    a, b = len(self._shape), len(other._shape)
    if not switch("linalg.matmul.folds_for_gradients"):
        return _folded(self, other) if a >= b else _folded(other, self)
    large, small = (self, other) if a >= b else (other.mT, self)
    if len(large._shape) < 3 or len(small._shape) > 2:
        return False
    if small.requires_grad:
        return True
    if a == 2:
        return False  # the product would have to be transposed, and copied
    if not large.numel():
        return True
    shape, st = large._shape, large._strides
    return all(st[i] == st[i + 1] * shape[i + 1] for i in range(len(shape) - 2))


def _matmul_batched(self: Tensor, other: Tensor) -> Tensor:
    a, b = len(self._shape), len(other._shape)
    if _folds(self, other):
        turned = b > a
        large = other.mT if turned else self
        small = (self.t() if a == 2 else self) if turned else other
        rows = large.reshape((strides.numel(large._shape[:-1]), large._shape[-1]))
        if len(small._shape) == 1:
            return rows.mv(small)._unsafe_view(large._shape[:-1])
        made = rows.mm(small)._unsafe_view((*large._shape[:-1], small._shape[1]))
        return made.mT.contiguous() if turned else made
    spares = switch("linalg.matmul.folds_for_gradients")
    if (
        spares and a == b == 3 and self._shape[0] != other._shape[0]
    ):  # a batch of one that wants a gradient is folded as well
        if self._shape[0] == 1 and self.requires_grad:
            return _matmul(self.squeeze(0), other)
        if other._shape[0] == 1 and other.requires_grad:
            return _matmul(self, other.squeeze(0))
    x = self.unsqueeze(0) if a == 1 else self
    y = other.unsqueeze(1) if b == 1 else other
    from reference_engine.ops.kernels import broadcast_shapes

    batch = broadcast_shapes([x._shape[:-2], y._shape[:-2]])
    flat = strides.numel(batch)
    left = x.expand(*batch, *x._shape[-2:]).reshape(flat, *x._shape[-2:])
    right = y.expand(*batch, *y._shape[-2:]).reshape(flat, *y._shape[-2:])
    shape = (*batch, *(() if a == 1 else x._shape[-2:-1]), *(() if b == 1 else y._shape[-1:]))
    return left.bmm(right)._unsafe_view(shape)


declare(
    "matmul(Tensor self, Tensor other) -> Tensor",
    forward=_matmul, composite=True, out=ASSEMBLED, aliases=("linalg.matmul",), samples=domains.field(shapes="matmul"),
)  # fmt: skip
