"""Tensors by rows and columns: how they are made, and what is computed of them by way of coordinates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from reference_engine.creation import _finish, as_tensor
from reference_engine.layouts import LAYOUTS
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.refused_arguments import refused
from reference_engine.semantics import refusal, switch
from reference_engine.sparse import converting, invariants, memory
from reference_engine.sparse.access import backend_of
from reference_engine.sparse.kernels import COMPRESSED, kernel
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False, "method": False}

# -- making ------------------------------------------------------------------------------------------------------------


def _with_values(values: Tensor, compressed: Tensor, plain: Tensor, size: Any, layout: Any) -> Tensor:
    memory.refuse_complex("sparse_compressed_tensor", values)
    kept = memory.Compressed(compressed._alias(), plain._alias(), values._alias(), layout)
    return memory.tensor(tuple(size), kept)


_FROM_VALUES = declare(
    "_sparse_compressed_tensor_values(Tensor values, any compressed, any plain, any size, any layout) -> Tensor",
    forward=_with_values, node="SparseCompressedTensorBackward0",
    vjp={"values": lambda grad, result: grad.sparse_mask(result).values()}, **_HIDDEN,
)  # fmt: skip


def _smallest(kept: tuple[Tensor, Tensor, Tensor], layout: Any) -> tuple[int, ...]:
    compressed, plain, values = kept
    by_rows = layout in (LAYOUTS["sparse_csr"], LAYOUTS["sparse_bsr"])
    blocked = layout in (LAYOUTS["sparse_bsr"], LAYOUTS["sparse_bsc"])
    at = len(plain._shape)
    high, wide = values._shape[at : at + 2] if blocked else (1, 1)
    lines = compressed._shape[-1] - 1
    across = int(plain._read().max()) + 1 if plain.numel() else 0
    rows, columns = (lines, across) if by_rows else (across, lines)
    return (*plain._shape[:-1], rows * high, columns * wide, *values._shape[at + 2 * blocked :])


_OPTIONS = ("dtype", "layout", "device", "pin_memory", "requires_grad")


def _check_options(name: str, parts: tuple[str, str], args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    """Refuse a keyword that the version in force does not have."""
    checks = ("check_invariants",) * switch("sparse.coo.checks_asked")
    first = [*parts, "values", "size"]
    if set(kwargs) <= {*_OPTIONS, *checks, *first}:
        return
    options = "torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, "
    options += "bool pin_memory = False, bool requires_grad = False" + ", bool check_invariants = None" * len(checks)
    given = f"object {parts[0]}, object {parts[1]}, object values, "
    raise refused(name, args, kwargs, [f"{given}tuple of ints size, *, {options}", f"{given}*, {options}"])


def sparse_compressed_tensor(*args: Any, **kwargs: Any) -> Tensor:
    """A tensor of one of the compressed layouts, from where its rows (columns) begin, the columns (rows), the values.

    Raises:
        TypeError: no such form. RuntimeError: no compressed layout, or with ``check_invariants`` places that cannot be.
    """
    _check_options("sparse_compressed_tensor", ("compressed_indices", "plain_indices"), args, kwargs)
    return _from_parts(*args, **kwargs)


def _from_parts(
    compressed_indices: Any, plain_indices: Any, values: Any, size: Any = None, *, dtype: Any = None,
    layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
    check_invariants: bool | None = None,
) -> Tensor:  # fmt: skip
    if layout is None or layout in (LAYOUTS["strided"], LAYOUTS["sparse_coo"]):
        got = "none" if layout is None else {"torch.strided": "Strided", "torch.sparse_coo": "Sparse"}[str(layout)]
        raise refusal("sparse.compressed.layout", got=got)
    values = as_tensor(values, dtype=dtype)
    compressed, plain = as_tensor(compressed_indices), as_tensor(plain_indices)
    if size is None:
        size = _smallest((compressed, plain, values), layout)
    if invariants.are_checked(check_invariants):
        by_rows = layout in (LAYOUTS["sparse_csr"], LAYOUTS["sparse_bsr"])
        at = len(plain._shape)
        blocked = layout in (LAYOUTS["sparse_bsr"], LAYOUTS["sparse_bsc"])
        high, wide = values._shape[at : at + 2] if blocked else (1, 1)
        invariants.check_compressed(compressed, plain, (size[at - 1] // high, size[at] // wide), by_rows)
    made: Tensor = run(_FROM_VALUES, [values, compressed, plain, tuple(size), layout])
    return made if made._node is not None else _finish(made, requires_grad)


def _maker(layout: str) -> Callable[..., Tensor]:
    by_rows = layout in ("sparse_csr", "sparse_bsr")
    parts = ("crow_indices", "col_indices") if by_rows else ("ccol_indices", "row_indices")

    def make(*args: Any, **kwargs: Any) -> Tensor:
        _check_options(f"{layout}_tensor", parts, args, kwargs)
        renamed = dict(zip(parts, ("compressed_indices", "plain_indices"), strict=True))
        options = {renamed.get(name, name): value for name, value in kwargs.items()}
        return _from_parts(*args, **{**options, "layout": LAYOUTS[layout]})

    make.__name__ = make.__qualname__ = f"{layout}_tensor"
    return make


sparse_csr_tensor, sparse_csc_tensor = _maker("sparse_csr"), _maker("sparse_csc")
sparse_bsr_tensor, sparse_bsc_tensor = _maker("sparse_bsr"), _maker("sparse_bsc")

# -- by way of coordinates ---------------------------------------------------------------------------------------------


def _coordinates(value: Any) -> Any:
    if isinstance(value, Tensor) and isinstance(value._sparse, memory.Compressed):
        return converting.to_coordinates(value, len(value._shape) - value._sparse.dense_dim)
    return value


def _layout(values: tuple[Any, ...]) -> Any:
    return next(v._sparse for v in values if isinstance(v, Tensor) and isinstance(v._sparse, memory.Compressed)).layout


def _like(made: Tensor, values: tuple[Any, ...]) -> Tensor:
    return converting.to_layout(made, _layout(values)) if made._sparse is not None else made


@kernel("mul", "_mul_scalar", table=COMPRESSED)
def _mul(self: Any, other: Any) -> Tensor:
    """A product with a number, or where both factors have places; a dense factor is taken at those of the other."""
    factors = [self, other]
    for t in factors:
        number = not isinstance(t, Tensor) or not t._shape
        if number:
            sparse = other if t is self else self
            return memory.with_values(sparse, sparse._sparse.values * t)
    return _like(_coordinates(self) * _coordinates(other), (self, other))


@kernel("add", table=COMPRESSED)
def _add(self: Any, other: Any, alpha: Any) -> Tensor:
    """Sparse if both are."""
    dense = [not isinstance(t, Tensor) or t._sparse is None for t in (self, other)]
    if any(dense):
        strided = [t.to_dense() if isinstance(t, Tensor) else t for t in (self, other)]
        return strided[0].add(strided[1], alpha=alpha)
    return _like(_coordinates(self).add(_coordinates(other), alpha=alpha), (self, other))


@kernel("sub", table=COMPRESSED)
def _sub(self: Any, other: Any, alpha: Any) -> Tensor:
    return _add(self, other, -alpha)


@kernel("mm", table=COMPRESSED)
def _mm(self: Tensor, mat2: Tensor) -> Tensor:
    return _like(_coordinates(self).mm(_coordinates(mat2)), (self, mat2))


@kernel("mv", table=COMPRESSED)
def _mv(self: Tensor, vec: Tensor) -> Tensor:
    made: Tensor = _coordinates(self).mv(vec)
    return made


@kernel("addmm", "_sparse_addmm", table=COMPRESSED)
def _addmm(self: Tensor, mat1: Tensor, mat2: Tensor, beta: Any, alpha: Any) -> Tensor:
    made: Tensor = _coordinates(self).addmm(_coordinates(mat1), _coordinates(mat2), beta=beta, alpha=alpha)
    return made


@kernel("sum", table=COMPRESSED)
def _sum(self: Tensor, *rest: Any) -> Tensor:
    if len(rest) == 1:
        assert self._sparse is not None
        total: Tensor = self._sparse.values.sum(dtype=rest[0])
        return total
    raise refusal("sparse.unsupported", op="sum.dim_IntList", backend="SparseCsrCPU")


_TURNED = {
    "sparse_csr": "sparse_csc", "sparse_csc": "sparse_csr", "sparse_bsr": "sparse_bsc", "sparse_bsc": "sparse_bsr",
}  # fmt: skip


@kernel("t", table=COMPRESSED)
def _t(self: Tensor) -> Tensor:
    return _transpose(self, 0, 1)


@kernel("transpose", table=COMPRESSED)
def _transpose(self: Tensor, dim0: int, dim1: int) -> Tensor:
    """Rows for columns: the same memory under another name."""
    if dim0 % len(self._shape) == dim1 % len(self._shape):
        return memory.copy(self)
    kept = self._sparse
    assert isinstance(kept, memory.Compressed)
    made = kept.alias()
    made.layout = LAYOUTS[_TURNED[str(kept.layout).removeprefix("torch.")]]
    if kept.blocked:
        at = len(kept.plain._shape)
        made.values = kept.values.transpose(at, at + 1)
    shape = list(self._shape)
    shape[dim0], shape[dim1] = shape[dim1], shape[dim0]
    return memory.tensor(shape, made)


@kernel("select", table=COMPRESSED)
def _select(self: Tensor, dim: int, index: int) -> Tensor:
    made: Tensor = _coordinates(self).select(dim, index)
    return made


# -- products at places ------------------------------------------------------------------------------------------------


def _sampled_addmm(self: Tensor, mat1: Tensor, mat2: Tensor, beta: Any, alpha: Any) -> Tensor:
    """beta * self + alpha * mat1 @ mat2 at the places of a CSR matrix."""
    kept = self._sparse
    if not isinstance(kept, memory.Compressed):
        raise refusal("sparse.unsupported", op="sparse_sampled_addmm", backend=backend_of(self))
    product = (mat1 @ mat2).sparse_mask(self)
    values = product.values() * alpha + kept.values * beta
    return memory.with_values(self, values.detach())


declare(
    "sparse.sampled_addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    forward=_sampled_addmm, node="SparseSampledAddmmBackward0",
    vjp={
        "self": lambda grad, beta: grad if beta == 1 else grad * beta,
        "mat1": lambda grad, mat2, alpha, self: _times(grad.sparse_mask(self).mm(mat2.mH), alpha),
        "mat2": lambda grad, mat1, alpha, self: _times(mat1.mH.mm(grad.sparse_mask(self)), alpha),
    },
    method=False,
)  # fmt: skip
kernel("sparse.sampled_addmm", table=COMPRESSED)(_sampled_addmm)


def _times(t: Tensor, alpha: Any) -> Tensor:
    return t if alpha == 1 else t * alpha
