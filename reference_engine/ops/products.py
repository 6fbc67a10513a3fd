"""Products added to a tensor, products of several matrices, sums over shared subscripts."""

from __future__ import annotations

import string
from dataclasses import replace
from typing import Any

import numpy as np

from reference_engine import dtypes, strides
from reference_engine.ops import domains, kernels
from reference_engine.ops.declare import ASSEMBLED, EXACT, OPS, OutForm, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import conj, scaled
from reference_engine.ops.kernels import Array, accumulation, announce, from_array, noisy, wrap_dim
from reference_engine.ops.linalg import DOT_OUT, check_same_dtype, summed
from reference_engine.ops.out_form import copy_to, refuse_recording
from reference_engine.ops.shape import _expand
from reference_engine.ops.supported import NEVER_BOOL, refuse_unsupported
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.strides import numel
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]


def _sum_of(
    base: Tensor, a: Tensor, b: Tensor, beta: Any, alpha: Any, multiply: Any, shape: Ints, kernel: str = ""
) -> Tensor:  # fmt: skip
    """``beta * base + alpha * (a @ b)``, rounded once; a ``base`` times zero is not looked at."""
    target = kernels.written
    if target is not None and target._shape != shape and np.matmul is multiply:  # addbmm has a way of its own
        raise refusal("linalg.addmm.in_place", shape=list(target._shape), result=list(shape))
    shown = _expand(base.detach(), shape, False)
    announce(a._dtype)
    if kernel:
        refuse_unsupported(kernel, a._dtype, not_for=NEVER_BOOL)

    def added(c: Array, found: Array) -> Array:
        found = found if alpha == 1 else found * found.dtype.type(alpha)
        return found if beta == 0 else found + accumulation(c) * found.dtype.type(beta)

    def exactly(c: Array, p: Array, q: Array) -> Array:
        return added(c, multiply(accumulation(p), accumulation(q)))

    arrays = [t._read() for t in (shown, a, b)]
    product = summed(arrays[1], arrays[2], a._dtype) if multiply is np.matmul else None
    made = exactly(*arrays) if product is None else added(arrays[0], product)
    return from_array(np.asarray(noisy(made, exactly, arrays, a._dtype)), a._dtype)


def _same(base: Tensor, a: Tensor, b: Tensor) -> None:
    """Raise if the three of addmm have not one dtype."""
    for name, t in (("self", base), ("mat1", a)):
        if t._dtype is not b._dtype:
            raise refusal("linalg.addmm.dtype", name=name, first=t.dtype.scalar_name, second=b.dtype.scalar_name)


_SCALES = "*, Scalar beta=1, Scalar alpha=1"
_FACTORS: dict[str, Any] = {"beta": (1, 0.5, 0, 2), "alpha": (1, 2, 0.5)}


def _addmm(self: Tensor, mat1: Tensor, mat2: Tensor, beta: Any, alpha: Any) -> Tensor:
    for name, operand, t in (("mat1", "self", mat1), ("mat2", "mat2", mat2)):
        if len(t._shape) != 2:
            raise refusal("linalg.addmm.rank", name=name, operand=operand, ndim=len(t._shape))
    if mat1._shape[1] != mat2._shape[0]:
        raise refusal(
            "ops.mm.shapes", op="addmm", a=mat1._shape[0], b=mat1._shape[1], c=mat2._shape[0], d=mat2._shape[1]
        )
    _same(self, mat1, mat2)
    return _sum_of(self, mat1, mat2, beta, alpha, np.matmul, (mat1._shape[0], mat2._shape[1]), "addmm_impl_cpu_")


def _by_rows(shape: Ints, strides: Ints) -> bool:
    return not (strides[0] == 1 and strides[1] == shape[0])


def _addmm_mat1(grad: Tensor, mat2: Tensor, mat1_shape: Ints, mat1_strides: Ints, alpha: Any) -> Tensor:
    """In the memory order of the factor it belongs to."""
    if _by_rows(mat1_shape, mat1_strides):
        return scaled(grad.mm(conj(mat2.t())), conj(alpha))
    return scaled(conj(mat2).mm(grad.t()).t(), conj(alpha))


def _addmm_mat2(grad: Tensor, mat1: Tensor, mat2_shape: Ints, mat2_strides: Ints, alpha: Any) -> Tensor:
    if _by_rows(mat2_shape, mat2_strides):
        return scaled(conj(mat1.t()).mm(grad), conj(alpha))
    return scaled(grad.t().mm(conj(mat1)).t(), conj(alpha))


declare(
    f"addmm(Tensor self, Tensor mat1, Tensor mat2, {_SCALES}) -> Tensor",
    forward=_addmm, inplace=True, out=EXACT, samples=domains.field(shapes="addmm", arguments=_FACTORS),
    vjp={"self": lambda grad, beta: scaled(grad, conj(beta)), "mat1": _addmm_mat1, "mat2": _addmm_mat2},
)  # fmt: skip


def _addmv(self: Tensor, mat: Tensor, vec: Tensor, beta: Any, alpha: Any) -> Tensor:
    if len(mat._shape) != 2 or len(vec._shape) != 1 or len(self._shape) > 1:
        raise refusal("linalg.addmv.rank", a=len(self._shape), b=len(mat._shape), c=len(vec._shape))
    rows, columns = mat._shape
    n = self._shape[0] if self._shape else 1
    if columns != vec._shape[0] or (n not in (1, rows)):
        raise refusal("linalg.addmv.shapes", size=n, rows=rows, columns=columns, vec=vec._shape[0])
    if not self._dtype is mat._dtype is vec._dtype:
        names = {k: t._dtype.scalar_name for k, t in (("first", self), ("second", mat), ("third", vec))}
        raise refusal("linalg.addmv.dtype", **names)
    return _sum_of(self, mat, vec, beta, alpha, np.matmul, (rows,), "addmv_impl_cpu")


declare(
    f"addmv(Tensor self, Tensor mat, Tensor vec, {_SCALES}) -> Tensor",
    forward=_addmv, inplace=True, out=ASSEMBLED, samples=domains.field(shapes="addmv", arguments=_FACTORS),
    vjp={
        "self": lambda grad, beta: scaled(grad, conj(beta)),
        "mat": lambda grad, vec, alpha: scaled(grad.ger(conj(vec)), conj(alpha)),
        "vec": lambda grad, mat, alpha: scaled(conj(mat.t()).mv(grad), conj(alpha)),
    },
)  # fmt: skip


def _check_batches(a: Tensor, b: Tensor) -> None:
    for name, t in (("batch1", a), ("batch2", b)):
        if len(t._shape) != 3:
            raise refusal("ops.bmm.rank", name=name)
    if a._shape[0] != b._shape[0] or a._shape[2] != b._shape[1]:
        raise refusal("ops.bmm.shapes", b=a._shape[0], k=a._shape[2], b2=b._shape[0], k2=b._shape[1])


def _baddbmm(self: Tensor, batch1: Tensor, batch2: Tensor, beta: Any, alpha: Any) -> Tensor:
    shape = (*batch1._shape[:2], batch2._shape[-1])
    _expand(self.detach(), shape, False)
    _check_batches(batch1, batch2)
    if self._dtype is not batch1._dtype:
        names = {k: t._dtype.cpp_name for k, t in (("first", self), ("second", batch1), ("third", batch2))}
        raise refusal("linalg.baddbmm.dtype", **names)
    check_same_dtype(batch1, batch2, "ops.bmm.dtype")
    return _sum_of(self, batch1, batch2, beta, alpha, np.matmul, shape, "baddbmm")


declare(
    f"baddbmm(Tensor self, Tensor batch1, Tensor batch2, {_SCALES}) -> Tensor",
    forward=_baddbmm, inplace=True, out=ASSEMBLED, samples=domains.field(shapes="baddbmm", arguments=_FACTORS),
    vjp={
        "self": lambda grad, beta: scaled(grad, conj(beta)),
        "batch1": lambda grad, batch2, alpha: scaled(grad.bmm(conj(batch2.transpose(1, 2))), conj(alpha)),
        "batch2": lambda grad, batch1, alpha: scaled(conj(batch1.transpose(1, 2)).bmm(grad), conj(alpha)),
    },
)  # fmt: skip


def _addbmm(self: Tensor, batch1: Tensor, batch2: Tensor, beta: Any, alpha: Any) -> Tensor:
    rows, columns = wrap_dim(1, len(batch1._shape)), wrap_dim(2, len(batch2._shape))
    _expand(self.detach(), (batch1._shape[rows], batch2._shape[columns]), False)
    if len(batch1._shape) == 3 == len(batch2._shape):  # in words of its own
        (count, rows, inner), (other_count, other_rows, columns) = batch1._shape, batch2._shape
        if count != other_count:
            raise refusal("linalg.addbmm.count", first=count, second=other_count)
        if inner != other_rows:
            raise refusal("linalg.addbmm.sizes", n=rows, k=inner, k2=other_rows, m=columns)
    _check_batches(batch1, batch2)
    _same(self, batch1, batch2)
    shape = (batch1._shape[1], batch2._shape[2])
    return _sum_of(
        self, batch1, batch2, beta, alpha, lambda a, b: np.sum(np.matmul(a, b), axis=0), shape, "addmm_impl_cpu_"
    )


def _across(grad: Tensor, count: int) -> Tensor:
    return grad.unsqueeze(0).expand((count, *grad._shape))


declare(
    f"addbmm(Tensor self, Tensor batch1, Tensor batch2, {_SCALES}) -> Tensor",
    forward=_addbmm, inplace=True, out=replace(EXACT, refused="linalg.addbmm.out"),
    samples=domains.field(shapes="addbmm", arguments=_FACTORS),
    vjp={
        "self": lambda grad, beta: scaled(grad, conj(beta)),
        "batch1": lambda grad, batch2, alpha: scaled(
            _across(grad, batch2._shape[0]).bmm(conj(batch2.transpose(1, 2))), conj(alpha)
        ),
        "batch2": lambda grad, batch1, alpha: scaled(
            conj(batch1.transpose(1, 2)).bmm(_across(grad, batch1._shape[0])), conj(alpha)
        ),
    },
)  # fmt: skip


def _addr(self: Tensor, vec1: Tensor, vec2: Tensor, beta: Any, alpha: Any) -> Tensor:
    for name, t in (("vec1", vec1), ("vec2", vec2)):
        if len(t._shape) != 1:
            raise refusal("linalg.addr.rank", name=name, ndim=len(t._shape))
    shape = (vec1._shape[0], vec2._shape[0])
    if kernels.written is self and len(self._shape) != 2:
        raise refusal("linalg.addr.in_place_rank", ndim=len(self._shape))
    if kernels.written is self and self._shape != shape:
        sizes = [list(t._shape) for t in (self, vec1, vec2)]
        raise refusal("linalg.addr.in_place_size", input=sizes[0], vec1=sizes[1], vec2=sizes[2])
    found = _sum_of(self, vec1, vec2, beta, alpha, np.multiply.outer, shape)
    operands = (self, vec1.detach().unsqueeze(1), vec2.detach().unsqueeze(0))  # element by element, not as a product
    return found._copy(strides.of_pointwise_result(shape, [(t._shape, t._strides) for t in operands]))


declare(
    f"addr(Tensor self, Tensor vec1, Tensor vec2, {_SCALES}) -> Tensor",
    forward=_addr, inplace=True, out=True, samples=domains.field(shapes="addr", arguments=_FACTORS),
    vjp={
        "self": lambda grad, beta: scaled(grad, conj(beta)),
        "vec1": lambda grad, vec2, alpha: scaled(grad.mv(conj(vec2)), conj(alpha)),
        "vec2": lambda grad, vec1, alpha: scaled(grad.t().mv(conj(vec1)), conj(alpha)),
    },
)  # fmt: skip


def _vdot(self: Tensor, other: Tensor) -> Tensor:
    if not self._dtype.is_complex:
        return self.detach().dot(other.detach())
    if len(self._shape) != 1 or len(other._shape) != 1:
        raise refusal("ops.dot.rank", a=len(self._shape), b=len(other._shape))
    return from_array(np.asarray(np.vdot(self._read(), other._read())), self._dtype)


declare(
    "vdot(Tensor self, Tensor other) -> Tensor",
    forward=_vdot, out=DOT_OUT, samples=domains.field(shapes="two_equal_vectors"),
    vjp={"self": lambda grad, other: conj(grad) * other, "other": lambda grad, self: grad * self},
)  # fmt: skip


def _trace(self: Tensor) -> Tensor:
    if len(self._shape) != 2:
        raise refusal("ops.trace.rank", ndim=len(self._shape))
    a = self._read()
    d = self._dtype
    refuse_unsupported("trace", d, {"float16": "ops.trace.narrow", "bfloat16": "ops.trace.narrow"}, NEVER_BOOL)
    if d.category < 2:
        from reference_engine import dtypes

        d = dtypes.int64
    return from_array(np.asarray(np.trace(a.astype(d.compute))), d)


def _trace_vjp(grad: Tensor, self_shape: Ints) -> Tensor:
    made = grad.new_zeros((self_shape[0] * self_shape[1],))
    import reference_engine as engine

    index = (
        engine.arange(0, min(self_shape) * (self_shape[1] + 1), self_shape[1] + 1)
        if min(self_shape)
        else engine.zeros(0, dtype=dtypes.int64)
    )
    return made.index_fill(0, index, grad).view(self_shape)


declare(
    "trace(Tensor self) -> Tensor", forward=_trace, vjp={"self": _trace_vjp}, samples=domains.field(shapes="matrix"),
)  # fmt: skip


def _inner(self: Tensor, other: Tensor) -> Tensor:
    if not self._shape or not other._shape:
        return self * other
    if self._shape[-1] != other._shape[-1]:
        raise refusal("linalg.inner.shapes", a=list(self._shape), b=list(other._shape))
    if self._dtype is not other._dtype:
        raise refusal("linalg.inner.dtype", first=self.dtype.scalar_name, second=other.dtype.scalar_name)
    return tensordot(self, other, [-1], [-1])


_TENSORDOT_OUT = replace(ASSEMBLED, refused="linalg.tensordot.out", underived="!linalg.tensordot.out_recorded")

declare(
    "inner(Tensor self, Tensor other) -> Tensor", forward=_inner, composite=True, out=_TENSORDOT_OUT, copied=True,
    samples=domains.field(shapes="two_equal_vectors"),
)  # fmt: skip


def _kron(self: Tensor, other: Tensor) -> Tensor:
    """Each element of the one times the whole other: interleaved dimensions, multiplied, joined."""
    import reference_engine as engine
    from reference_engine import strides

    out = kernels.destination
    n = max(len(self._shape), len(other._shape))
    a = (1,) * (n - len(self._shape)) + self._shape
    b = (1,) * (n - len(other._shape)) + other._shape
    left = self._unsafe_view(tuple(x for m in a for x in (m, 1)))
    right = other._unsafe_view(tuple(x for m in b for x in (1, m)))
    shape = tuple(x * y for x, y in zip(a, b, strict=True))
    if out is not None:  # written by mul, which refuses what it refuses: before anything is touched
        cite("version.out_of_kron")
        refuse_recording(OPS["mul"][0], [left, right], [out])
        if out._shape != shape:
            cite("inplace.resize.uninitialised")
        kernels.resize_out(out, shape)
        engine.mul(left, right, out=out.view(tuple(x for m, k in zip(a, b, strict=True) for x in (m, k))))
        return out
    made = left * right
    if strides.of_view(made._shape, made._strides, shape) is None:
        raise refusal("ops.view.incompatible")
    return made._unsafe_view(shape)


declare(
    "kron(Tensor self, Tensor other) -> Tensor",
    forward=_kron,
    composite=True,
    out=True,
    hands_out=True,
    samples=domains.field(shapes="kron"),
)

# -- sums over shared dimensions ---------------------------------------------------------------------------------------


def tensordot(a: Tensor, b: Tensor, dims_a: Any, dims_b: Any) -> Tensor:
    """Both as matrices with the shared dimensions inside, multiplied."""
    if len(dims_a) != len(dims_b):
        raise refusal("linalg.tensordot.lists")
    if a._dtype is not b._dtype:
        raise refusal("linalg.tensordot.dtype", first=a.dtype.scalar_name, second=b.dtype.scalar_name)
    da = [wrap_dim(d, len(a._shape), wrap_scalar=False) for d in dims_a]
    db = [wrap_dim(d, len(b._shape), wrap_scalar=False) for d in dims_b]
    for i, (p, q) in enumerate(zip(da, db, strict=True)):
        if b._shape[q] == 1:
            a = a.sum(p, keepdim=True)
        elif a._shape[p] == 1:
            b = b.sum(q, keepdim=True)
        elif a._shape[p] != b._shape[q]:
            raise refusal("ops.tensordot.sizes", a=a._shape[p], dim_a=dims_a[i], b=b._shape[q], dim_b=dims_b[i])
    free_a = [d for d in range(len(a._shape)) if d not in da]
    free_b = [d for d in range(len(b._shape)) if d not in db]
    inner = numel(tuple(a._shape[d] for d in da))
    rows, columns = (numel(tuple(t._shape[d] for d in f)) for t, f in ((a, free_a), (b, free_b)))
    left, right = a.permute((*free_a, *da)), b.permute((*db, *free_b))
    shape = (*(a._shape[d] for d in free_a), *(b._shape[d] for d in free_b))
    if rows == columns == 1 and switch("linalg.tensordot.by_dot"):
        if left.is_contiguous() and right.is_contiguous():
            return left.flatten().dot(right.flatten()).view(shape)
        return (left.squeeze() * right.squeeze()).sum().view(shape)
    return left.reshape((rows, inner)).mm(right.reshape((inner, columns))).reshape(shape)


def _tensordot(a: Tensor, b: Tensor, dims: Any) -> Tensor:
    if isinstance(dims, int):
        if dims < 0:
            raise refusal("linalg.tensordot.negative", dims=dims)
        if dims > min(len(a._shape), len(b._shape)) and switch("linalg.tensordot.count_checked"):
            raise refusal("linalg.tensordot.too_many", dims=dims)
        return tensordot(a, b, list(range(-dims, 0)), list(range(dims)))
    first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    return tensordot(a, b, first, second)


declare(
    "tensordot(Tensor a, Tensor b, any dims=2) -> Tensor", forward=_tensordot, composite=True, method=False,
    out=_TENSORDOT_OUT, copied=True,
    samples=domains.field(shapes="matmul_same", arguments={"dims": (0, 1)}),
)  # fmt: skip


def _multi_dot(tensors: Any) -> Tensor:
    """From left to right; the cheapest order would round differently by an ulp."""
    if len(tensors) < 2:
        raise refusal("linalg.multi_dot.count", count=len(tensors))
    first, last = tensors[0], tensors[-1]
    chain = [
        first.unsqueeze(0) if len(first._shape) == 1 else first,
        *tensors[1:-1],
        last.unsqueeze(1) if len(last._shape) == 1 else last,
    ]
    for i, t in enumerate(chain):
        if len(t._shape) != 2:
            raise refusal("linalg.multi_dot.rank", index=i, ndim=len(t._shape))
    for i in range(len(chain) - 1):
        if chain[i]._shape[1] != chain[i + 1]._shape[0]:
            raise refusal("linalg.multi_dot.shapes", i=i, j=i + 1, a=list(chain[i]._shape), b=list(chain[i + 1]._shape))
    announce(chain[0]._dtype)
    made = chain[0]
    for t in chain[1:]:
        made = made.mm(t)
    shape = (() if len(first._shape) == 1 else made._shape[:1]) + (() if len(last._shape) == 1 else made._shape[1:])
    return made.view(shape)


_MULTI_DOT = declare(
    "linalg.multi_dot(Tensor[] tensors) -> Tensor", forward=_multi_dot, composite=True,
    out=OutForm(same_dtype=True, refused="linalg.multi_dot.out", by="mm", apart=True),
)  # fmt: skip


def chain_matmul(*matrices: Tensor, out: Tensor | None = None) -> Tensor:
    """``torch.chain_matmul``: the old spelling of ``linalg.multi_dot``.

    Raises:
        TypeError: what is no tensor. RuntimeError: nothing at all.
    """
    for at, matrix in enumerate(matrices):
        if not isinstance(matrix, Tensor):
            raise refusal("ops.arguments.element", element=at, position=0, got=type(matrix).__name__)
    if len(matrices) == 1 and len(matrices[0]._shape) == 2:
        return matrices[0] if out is None else copy_to(out, matrices[0])
    warn("linalg.chain_matmul.deprecated")
    if not matrices:
        raise refusal("linalg.chain_matmul.none")
    made: Tensor = run(_MULTI_DOT, [list(matrices)], out=out)
    return made


# -- einsum ------------------------------------------------------------------------------------------------------------


def _contract(a: Tensor, b: Tensor, summed: list[int]) -> Tensor:
    """The product of two aligned operands, summed over some dimensions (which stay, with size one)."""
    if not summed:
        return a * b
    batch: list[int] = []
    rows: list[int] = []
    columns: list[int] = []
    for i, (n, m) in enumerate(zip(a._shape, b._shape, strict=True)):
        if i not in summed:
            (batch if n != 1 and m != 1 else rows if n != 1 else columns).append(i)

    if rows and columns and columns[-1] < rows[0]:
        # the other way round the product lies in memory as the result wants it
        a, b, rows, columns = b, a, columns, rows

    def count(t: Tensor, dims: list[int]) -> int:
        return numel(tuple(t._shape[i] for i in dims))

    left = a.permute(tuple(batch + rows + summed + columns))
    right = b.permute(tuple(batch + summed + columns + rows))
    left = left.reshape((count(a, batch), count(a, rows), count(a, summed)))
    right = right.reshape((count(a, batch), count(a, summed), count(b, columns)))
    order = batch + rows + summed + columns
    size = [1 if i in summed else max(a._shape[i], b._shape[i]) for i in order]
    for k, i in enumerate(order):
        if i not in summed and 0 in (a._shape[i], b._shape[i]):
            size[k] = 0
    return left.bmm(right).view(tuple(size)).permute(tuple(order.index(i) for i in range(len(order))))


def _aligned(t: Tensor, letters: str, order: str) -> Tensor:
    """An operand with one dimension for each subscript, in ``order``; of size one where it has none."""
    t, letters = _diagonals(t, letters)
    for c in order:
        if c not in letters:
            t, letters = t.unsqueeze(-1), letters + c
    return t.permute(tuple(letters.index(c) for c in order))


def _spelled(subscripts: Any) -> str:
    """A list of numbers, and perhaps an ellipsis, as letters."""
    text = ""
    for subscript in subscripts:
        if subscript is Ellipsis:
            text += "..."
        elif not 0 <= subscript < 52:
            raise ValueError("einsum(): subscript in subscript list is not within the valid range [0, 52)")
        else:
            text += (string.ascii_uppercase + string.ascii_lowercase)[subscript]
    return text


def einsum(*args: Any) -> Tensor:
    """``torch.einsum``: products of operands, summed over the subscripts that the output lacks.

    Subscripts are one text before the operands, or a list after each, and perhaps one more for the output.

    Raises:
        ValueError: one argument or none.
    """
    if len(args) < 2:
        raise refusal("ops.einsum.arguments")
    equation, operands = args[0], args[1:]
    if isinstance(equation, Tensor):
        given = (equation, *operands)
        text = ",".join(_spelled(subscripts) for subscripts in given[1::2])
        if len(given) % 2:
            text += "->" + _spelled(given[-1])
        return einsum(text, *given[: len(given) // 2 * 2 : 2])
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    left, arrow, output = equation.replace(" ", "").partition("->")
    labels = left.split(",")
    if len(labels) > len(operands):
        raise refusal("ops.einsum.operands")
    for i, c in enumerate(equation):
        if c not in string.ascii_letters and c not in " ,.->":
            raise refusal("ops.einsum.subscript", index=i)
    spare = [c for c in string.ascii_letters if c not in equation]
    widest = max(
        (len(t._shape) - len(x.replace("...", "")) for x, t in zip(labels, operands, strict=True) if "..." in x),
        default=0,
    )
    dots = "".join(spare[:widest])
    named = []
    for i, (x, t) in enumerate(zip(labels, operands, strict=True)):
        count = len(t._shape) - len(x.replace("...", ""))
        if "..." not in x and count:
            raise refusal("ops.einsum.rank", subscripts=len(x), ndim=len(t._shape), operand=i)
        named.append(x.replace("...", dots[len(dots) - count :] if count else ""))
    everything = "".join(named)
    if not arrow:
        once = sorted(c for c in set(everything) if everything.count(c) == 1 and c not in dots)
        output = dots + "".join(once)
    else:
        output = output.replace("...", dots)
    for c in output:
        if c not in everything:
            raise refusal("ops.einsum.output_unknown", subscript=c)
        if output.count(c) > 1:
            raise refusal("ops.einsum.output_twice", subscript=c)
    sizes: dict[str, int] = {}
    for i, (x, t) in enumerate(zip(named, operands, strict=True)):
        for c, n in zip(x, t._shape, strict=True):
            if sizes.get(c, 1) != 1 and n not in (1, sizes[c]):
                raise refusal("ops.einsum.sizes", subscript=c, size=n, operand=i, seen=sizes[c])
            sizes[c] = max(n, sizes.get(c, 1)) if n != 0 and sizes.get(c, 1) != 0 else 0
    order = output + "".join(sorted(c for c in set(everything) if c not in output))
    terms = [_aligned(t, x, order) for x, t in zip(named, operands, strict=True)]
    inner = range(len(output), len(order))
    if len(terms) == 1:
        return terms[0].sum(tuple(inner)) if inner else terms[0]
    waiting = {i: sum(t._shape[i] != 1 for t in terms) for i in inner}  # operands that still have this subscript
    made = terms[0]
    for other in terms[1:]:
        together: list[int] = []
        alone: tuple[list[int], list[int]] = ([], [])
        for i in inner:
            mine, theirs = made._shape[i] != 1, other._shape[i] != 1
            if mine and theirs:
                waiting[i] -= 1
                if waiting[i] == 1:
                    together.append(i)
            elif (mine or theirs) and waiting[i] == 1:
                alone[0 if mine else 1].append(i)
        made, other = (t.sum(tuple(d), keepdim=True) if d else t for t, d in zip((made, other), alone, strict=True))
        for i in (*together, *alone[0], *alone[1]):
            waiting[i] = 0
        made = _contract(made, other, together)
    return made.view(made._shape[: len(output)]) if inner else made


def _diagonals(t: Tensor, letters: str) -> tuple[Tensor, str]:
    """A subscript that appears twice in one operand walks along its diagonal."""
    for c in letters:
        while letters.count(c) > 1:
            i = letters.index(c)
            j = letters.index(c, i + 1)
            t = t.diagonal(0, i, j).movedim(-1, i)
            letters = letters[:j] + letters[j + 1 :]
    return t, letters
