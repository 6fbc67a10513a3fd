"""``to_dense``, ``to_sparse`` and its kin, ``sparse_mask``: the ops, and what their gradients are.

Where a gradient goes back to a sparse tensor it has the places of that tensor: what is not specified is no variable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference_engine import views
from reference_engine.layouts import LAYOUTS
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import from_array
from reference_engine.semantics import cite, refusal, switch
from reference_engine.sparse import converting, memory
from reference_engine.sparse.access import layout_of, layout_word
from reference_engine.sparse.kernels import COMPRESSED, kernel
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False, "method": False}


def _everywhere(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register one computation for all sparse layouts."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        return kernel(name)(kernel(name, table=COMPRESSED)(function))

    return register


# -- to strided --------------------------------------------------------------------------------------------------------


@_everywhere("_to_dense")
def _dense(self: Tensor, masked_grad: Any = None) -> Tensor:
    return from_array(converting.elements(self), self._dtype)


def _dense_backward(grad: Tensor, self: Tensor, masked_grad: Any) -> Tensor:
    """The gradient at the places of the tensor; with ``masked_grad=False`` at all places where there is one."""
    like = self.coalesce() if memory.is_coo(self) else self
    if masked_grad is not False:
        cite("sparse.to_dense.masked_gradient")
        return grad.sparse_mask(like)
    cite("sparse.to_dense.whole_gradient")
    kept = self._sparse
    if isinstance(kept, memory.Compressed):
        return grad.to_sparse(layout=kept.layout, blocksize=kept.blocksize or None, dense_dim=kept.dense_dim)
    return grad.to_sparse(memory.coo_of(self).sparse_dim)


_TO_DENSE = declare(
    "_to_dense(Tensor self, any masked_grad=None) -> Tensor",
    forward=_dense, node="ToDenseBackward0", vjp={"self": _dense_backward}, **_HIDDEN,
)  # fmt: skip


def to_dense(self: Tensor, dtype: Any = None, **options: Any) -> Tensor:
    """A strided copy; a strided tensor itself.

    Raises:
        RuntimeError: a dtype for a sparse tensor.
    """
    known = ("masked_grad",) if switch("sparse.to_dense.masked_grad") else ()
    if options.keys() - set(known):
        raise refusal("ops.arguments.unexpected", op="to_dense", name=next(iter(options.keys() - set(known))))
    if self._sparse is None:
        return self if dtype is None else self.to(dtype)
    if dtype is not None:
        raise refusal("sparse.to_dense.dtype")
    made: Tensor = run(_TO_DENSE, [self, options.get("masked_grad")])
    return made


# -- to sparse ---------------------------------------------------------------------------------------------------------


def _back(grad: Tensor, kept: memory.Coo | memory.Compressed | None) -> Tensor:
    """A gradient in the layout of the tensor that was converted."""
    if kept is None:
        return grad.to_dense()
    if layout_of(grad) is kept.layout:
        return grad
    return grad.to_sparse(layout=kept.layout, blocksize=getattr(kept, "blocksize", None) or None)


def _coordinates(self: Tensor, sparse_dim: int) -> Tensor:
    if switch("sparse.to_sparse.node_by_layout"):
        memory.refuse_complex("_to_sparse", self)
    return converting.to_coordinates(self, sparse_dim)


_TO_COORDINATES = declare(
    "_to_sparse_by_dim(Tensor self, int sparse_dim) -> Tensor",
    forward=_coordinates, node="ToSparseBackward0", display="_to_sparse",
    older_node="sparse.to_sparse.node_by_layout: ToSparseBackward1",
    vjp={"self": lambda grad, self_sparse: _back(grad, self_sparse)}, **_HIDDEN,
)  # fmt: skip
_everywhere("_to_sparse_by_dim")(_coordinates)


def _converter(name: str, node: str, older_node: str = "") -> Any:
    def convert(self: Tensor, layout: Any, blocksize: Any, dense_dim: Any) -> Tensor:
        if not older_node or switch("sparse.to_sparse.node_by_layout"):
            memory.refuse_complex(f"_{name}", self)
        return converting.to_layout(self, layout, blocksize, dense_dim)

    signature = "(Tensor self, any layout, any blocksize, any dense_dim) -> Tensor"
    op = declare(
        f"_{name}{signature}", forward=convert, node=node, older_node=older_node,
        vjp={"self": lambda grad, self_sparse: _back(grad, self_sparse)}, **_HIDDEN,
    )  # fmt: skip
    _everywhere(op.name)(convert)
    return op


def _compressing(layout: str) -> tuple[Any, Any]:
    """The op, and what it was before it had a derivative."""
    camel = "".join(part.title() for part in layout.split("_"))
    op = _converter(f"to_{layout}", f"To{camel}Backward0")
    older = declare(
        f"_underived_to_{layout}(Tensor self, any layout, any blocksize, any dense_dim) -> Tensor", underived=True,
        display=f"to_{layout}", forward=converting.to_layout, **_HIDDEN,
    )  # fmt: skip
    _everywhere(older.name)(converting.to_layout)
    return op, older


_TO_LAYOUT = _converter("to_sparse", "ToSparseBackward1", "sparse.to_sparse.node_by_layout: ToSparseBackward0")
_COMPRESSING = {layout: _compressing(layout) for layout in ("sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc")}


def to_sparse(
    self: Tensor, sparse_dim: Any = None, *, layout: Any = None, blocksize: Any = None, dense_dim: Any = None
) -> Tensor:
    """Coordinates, of all dimensions or of the first ``sparse_dim``; or another layout.

    Raises:
        RuntimeError: a number of sparse dimensions that the tensor has not, or that a sparse one is not of.
    """
    if sparse_dim is not None:
        return _to_coordinates(self, sparse_dim)
    wanted = layout or LAYOUTS["sparse_coo"]
    if wanted is layout_of(self):
        return self
    _check_blocks(self, wanted, blocksize, "_to_sparse")
    made: Tensor = run(_TO_LAYOUT, [self, wanted, blocksize, dense_dim])
    return made


def _to_coordinates(self: Tensor, sparse_dim: int) -> Tensor:
    rank = len(self._shape)
    if self._sparse is not None:
        if sparse_dim == self._sparse.sparse_dim and memory.is_coo(self):
            return self
        if memory.is_coo(self):
            if not switch("sparse.access.says_layout"):
                raise refusal("sparse.unsupported", op="to_sparse.sparse_dim", backend=self._sparse.backend)
            raise refusal("sparse.to_sparse.other_dim", layout=layout_word(self))
    elif not 0 <= sparse_dim <= rank:
        raise refusal("sparse.to_sparse.range", rank=rank, sparse_dim=sparse_dim)
    elif not sparse_dim and rank:
        raise refusal("sparse.to_sparse.zero")
    made: Tensor = run(_TO_COORDINATES, [self, sparse_dim])
    return made


def _check_blocks(self: Tensor, wanted: Any, blocksize: Any, what: str) -> None:
    if blocksize is None or wanted not in (LAYOUTS["sparse_bsr"], LAYOUTS["sparse_bsc"]):
        return
    rows, columns = self._shape[-2:]
    high, wide = blocksize
    if high <= 0 or wide <= 0 or rows % high or columns % wide:
        source = "dense" if self._sparse is None else "coo" if memory.is_coo(self) else "sparse_compressed"
        at = 0 if rows % max(high, 1) else 1
        raise refusal(
            "sparse.to_sparse.blocks", source=source, target=str(wanted).removeprefix("torch."), rows=rows,
            columns=columns, high=high, wide=wide, dim=at - 2, size=(rows, columns)[at], at=at, block=blocksize[at],
        )  # fmt: skip


def _by(name: str, blocked: bool) -> Callable[..., Tensor]:
    wanted = LAYOUTS[name]

    def convert(self: Tensor, blocksize: Any, dense_dim: Any) -> Tensor:
        if layout_of(self) is wanted and (not blocked or self._sparse.blocksize == tuple(blocksize)):  # type: ignore[union-attr]
            return self
        _check_blocks(self, wanted, blocksize, name)
        if self._sparse is not None and dense_dim is not None:
            source = "coo" if memory.is_coo(self) else "sparse_compressed"
            raise refusal(
                "sparse.to_sparse.dense_dim", source=source, target=name, layout=layout_word(self),
                word="".join(part.title() for part in name.split("_")),
            )  # fmt: skip
        op, underived = _COMPRESSING[name]
        derived = switch("sparse.to_compressed.derived")
        made: Tensor = run(op if derived else underived, [self, wanted, blocksize, dense_dim])
        return made

    if blocked:
        return lambda self, blocksize, dense_dim=None: convert(self, blocksize, dense_dim)

    def unblocked(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if (args or kwargs) and not switch("sparse.to_compressed.derived"):
            raise refusal("ops.arguments.none_taken", op=f"to_{name}", given=len(args) + len(kwargs))
        return with_dense_dim(self, *args, **kwargs)

    def with_dense_dim(self: Tensor, dense_dim: Any = None) -> Tensor:
        return convert(self, None, dense_dim)

    return unblocked


# -- masks -------------------------------------------------------------------------------------------------------------


def _masked(self: Tensor, mask: Tensor) -> Tensor:
    """The elements of a tensor at the places of another.

    Raises:
        RuntimeError: a strided mask, or one of another shape.
    """
    kept = mask._sparse
    if kept is None:
        backend = "CPU" if self._sparse is None else self._sparse.backend
        raise refusal("sparse.unsupported", op="sparse_mask", backend=backend)
    if self._shape != mask._shape:
        raise refusal("sparse.mask.sizes", self=list(self._shape), mask=list(mask._shape))
    array = converting.elements(self)
    if isinstance(kept, memory.Coo):
        at = tuple(kept.indices._read())
        found = array[at] if at else np.broadcast_to(array, kept.values._shape)
        return memory.with_values(mask, from_array(found, self._dtype))
    places = converting._places(mask, kept)
    values = np.array([array[at] for at in places], array.dtype).reshape(kept.values._shape)
    return memory.with_values(mask, from_array(values, self._dtype))


_PROJECTION = declare(
    "_sparse_mask_projection(Tensor self, Tensor mask) -> Tensor",
    forward=_masked, underived=True, **_HIDDEN,
)  # fmt: skip
_everywhere("_sparse_mask_projection")(_masked)


def _mask_backward(grad: Tensor, self_sparse: Any, mask: Tensor) -> Tensor:
    """What arrives at places of the mask, each counted once."""
    cite("sparse.mask.gradient")
    like = mask.coalesce() if memory.is_coo(mask) else mask
    found = grad.sparse_mask(like) if grad._sparse is None else run(_PROJECTION, [grad, like])
    return found.to_dense() if self_sparse is None else found


declare(
    "sparse_mask(Tensor self, Tensor mask) -> Tensor",
    forward=_masked, function=False, vjp={"self": _mask_backward},
)  # fmt: skip
_everywhere("sparse_mask")(_masked)


# -- shapes in place ---------------------------------------------------------------------------------------------------


def sparse_resize_(self: Tensor, size: Sequence[int], sparse_dim: int, dense_dim: int) -> Tensor:
    """Another shape for a tensor of coordinates. One that has places may only grow.

    Raises:
        RuntimeError: a shape of another rank, or one in which places would be lost.
    """
    _check(self, "sparse_resize_", size, sparse_dim, dense_dim)
    kept = memory.coo_of(self)
    size = tuple(size)
    if kept.nnz:
        n = kept.sparse_dim
        for kind, old, new in (("sparse", n, sparse_dim), ("dense", kept.dense_dim, dense_dim)):
            if old != new:
                raise refusal("sparse.resize.dims", kind=kind, old=old, new=new)
        for kind, a, b in (("sparse", self._shape[:n], size[:n]), ("dense", self._shape[n:], size[n:])):
            if any(new < old for old, new in zip(a, b, strict=True)):
                raise refusal("sparse.resize.shrinks", kind=kind, old=list(a), new=list(b))
        values = np.zeros((kept.nnz, *size[n:]), self._dtype.np)
        values[tuple(slice(k) for k in kept.values._shape)] = kept.values._read()
        if kept.values._shape != values.shape:
            kept.values = from_array(values, self._dtype)
    else:
        self._sparse = memory.no_places(size, self._dtype, sparse_dim)._sparse
    self._shape, self._strides = size, (0,) * len(size)
    views.bump(self)
    return self


def sparse_resize_and_clear_(self: Tensor, size: Sequence[int], sparse_dim: int, dense_dim: int) -> Tensor:
    """Zeros of another shape."""
    _check(self, "sparse_resize_and_clear_", size, sparse_dim, dense_dim)
    self._sparse = memory.no_places(size, self._dtype, sparse_dim)._sparse
    self._shape, self._strides = tuple(size), (0,) * len(size)
    views.bump(self)
    return self


def _check(self: Tensor, op: str, size: Sequence[int], sparse_dim: int, dense_dim: int) -> None:
    views.check_in_place(self, self.requires_grad)
    if not memory.is_coo(self):
        raise refusal("sparse.unsupported", op=op, backend="CPU" if self._sparse is None else self._sparse.backend)
    if len(size) != sparse_dim + dense_dim:
        raise refusal("sparse.coo.rank", rank=len(size), sparse_dim=sparse_dim, dense_dim=dense_dim)


def attach() -> None:
    """Attach to Tensor what converts."""
    cls: Any = Tensor
    cls.to_dense, cls.to_sparse = to_dense, to_sparse
    cls.to_sparse_coo = lambda self: self.to_sparse()
    for name in ("sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc"):
        setattr(cls, f"to_{name}", _by(name, name in ("sparse_bsr", "sparse_bsc")))
    cls.sparse_resize_, cls.sparse_resize_and_clear_ = sparse_resize_, sparse_resize_and_clear_
