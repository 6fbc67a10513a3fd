"""What a sparse tensor is made of: places and values, how many, and whether each place is there once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_engine import views
from reference_engine.layouts import LAYOUTS
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.semantics import cite, refusal, switch
from reference_engine.sparse import coalescing, memory
from reference_engine.sparse.kernels import COMPRESSED, kernel
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False, "method": False}

#: What torch's messages call a layout.
_WORDS = {
    "strided": "Strided", "sparse_coo": "Sparse", "sparse_csr": "SparseCsr", "sparse_csc": "SparseCsc",
    "sparse_bsr": "SparseBsr", "sparse_bsc": "SparseBsc",
}  # fmt: skip


def layout_of(t: Tensor) -> Any:
    return LAYOUTS["strided"] if t._sparse is None else t._sparse.layout


def layout_word(t: Tensor) -> str:
    """A layout as messages have it."""
    return _WORDS[str(layout_of(t)).removeprefix("torch.")]


def _other_layout(clause: str, method: str, t: Tensor, asked: str = "") -> Exception:
    """The refusal of a method that this layout does not have: by the method, or because nobody has a kernel for it."""
    if switch("sparse.access.says_layout") or (isinstance(t._sparse, memory.Compressed) and clause != _OF_PLACES):
        return refusal(clause, method=method, layout=layout_word(t))
    return refusal("sparse.unsupported", op=asked or method, backend=backend_of(t))


_OF_PLACES = "sparse.layout.coordinates"


def _coordinates(t: Tensor, method: str) -> memory.Coo:
    if not isinstance(t._sparse, memory.Coo):
        raise _other_layout(_OF_PLACES, method, t, "is_coalesced" if method == "coalesce" else "")
    return t._sparse


def backend_of(t: Tensor) -> str:
    return "CPU" if t._sparse is None else t._sparse.backend


def _raw(t: Tensor, op: str) -> memory.Coo:
    """The coordinates, for those who ask for what is there as it is."""
    if not isinstance(t._sparse, memory.Coo):
        raise refusal("sparse.unsupported", op=op, backend=backend_of(t))
    return t._sparse


def type_name(t: Tensor) -> str:
    """``torch.sparse.FloatTensor``, as messages and ``type()`` have it."""
    if t._sparse is None:
        return t._dtype.tensor_name.replace("torch.", "torch.meta." if t.is_meta else "torch.", 1)
    if not isinstance(t._sparse, memory.Coo):
        raise refusal("sparse.type", backend=t._sparse.backend)
    return t._dtype.tensor_name.replace("torch.", "torch.sparse.", 1)


# -- coalesce ----------------------------------------------------------------------------------------------------------

_COALESCE = declare(
    "_coalesce(Tensor self) -> Tensor",
    forward=coalescing.coalesced, node="CoalesceBackward0", vjp={"self": lambda grad: grad}, method=False,
)  # fmt: skip
kernel("_coalesce")(coalescing.coalesced)


def _coalesced(self: Tensor) -> Tensor:
    """The sum at each place that is there several times; the tensor itself if there is none.

    Raises:
        RuntimeError: another layout.
    """
    if _coordinates(self, "coalesce").coalesced:
        cite("sparse.coalesce.itself")
        return self
    cite("sparse.coalesce.sums")
    made: Tensor = run(_COALESCE, [self])
    return made


declare("coalesce(Tensor self) -> Tensor", forward=_coalesced, composite=True, function=False)

# -- values and places -------------------------------------------------------------------------------------------------


def _values(self: Tensor) -> Tensor:
    """The values, as a view.

    Raises:
        RuntimeError: a strided tensor; coordinates that are not coalesced.
    """
    kept = self._sparse
    if kept is None:
        raise _other_layout("sparse.layout.sparse", "values", self)
    if isinstance(kept, memory.Coo) and not kept.coalesced:
        raise refusal("sparse.coalesced.required", what="values")
    made = kept.values._alias()
    made._version_counter = self._version_counter
    if not self._inference:
        views.track(made, self, lambda base: base.values())
    return made


def _values_backward(grad: Tensor, self: Tensor) -> Tensor:
    """A gradient of the values belongs to the places that they are at."""
    kept = self._sparse
    assert kept is not None
    made = kept.alias()
    made.values = grad.detach()
    return memory.tensor(self._shape, made)


_VALUES_BACKWARD = declare(
    "_values_backward(Tensor grad, Tensor self) -> Tensor",
    forward=_values_backward, node="SparseCooTensorWithDimsAndTensorsBackward0",
    vjp={"grad": lambda grad, self: _at_places(grad, self)}, **_HIDDEN,
)  # fmt: skip
kernel("_values_backward")(kernel("_values_backward", table=COMPRESSED)(_values_backward))


def _at_places(grad: Tensor, like: Tensor) -> Tensor:
    return grad.sparse_mask(like)._values() if isinstance(like._sparse, memory.Coo) else grad.sparse_mask(like).values()


_VALUES = declare(
    "values(Tensor self) -> Tensor",
    forward=_values, function=False, view=True,
    vjp={"self": lambda grad, self: run(_VALUES_BACKWARD, [grad, self])},
)  # fmt: skip
kernel("values")(kernel("values", table=COMPRESSED)(_values))


def _part(name: str, by_rows: bool | None) -> Callable[[Tensor], Tensor]:
    """An accessor of places, for the layouts that have them."""

    def part(self: Tensor) -> Tensor:
        kept = self._sparse
        if not isinstance(kept, memory.Compressed) or kept.by_rows is not by_rows:
            clause = "sparse.layout.rows" if by_rows else "sparse.layout.columns"
            raise _other_layout(clause, name, self)
        return (kept.compressed if name.startswith(("crow", "ccol")) else kept.plain)._alias()

    return part


def _indices(self: Tensor) -> Tensor:
    """The places, each there once.

    Raises:
        RuntimeError: another layout; coordinates that are not coalesced.
    """
    kept = _coordinates(self, "indices")
    if not kept.coalesced:
        raise refusal("sparse.coalesced.required", what="indices")
    return kept.indices._alias()


def _set_coalesced(self: Tensor, coalesced: bool) -> Tensor:
    _raw(self, "_coalesced_").coalesced = coalesced
    views.bump(self)
    return self


def _number(name: str) -> Callable[[Tensor], int]:
    def number(self: Tensor) -> int:
        if self._sparse is None:
            if not switch("sparse.access.says_layout"):
                raise refusal("sparse.unsupported", op=name, backend="CPU")
            return 0 if name == "sparse_dim" else len(self._shape)
        return int(getattr(self._sparse, name))

    return number


def _nnz(self: Tensor) -> int:
    if self._sparse is None:
        raise refusal("sparse.unsupported", op="_nnz", backend="CPU")
    return self._sparse.nnz


def attach() -> None:
    """Attach to Tensor what reads and is no op."""
    cls: Any = Tensor
    cls.layout = property(layout_of)
    cls.is_sparse = property(lambda self: isinstance(self._sparse, memory.Coo))
    cls.is_sparse_csr = property(lambda self: layout_of(self) is LAYOUTS["sparse_csr"])
    cls.indices = _indices
    cls.is_coalesced = lambda self: _coordinates(self, "is_coalesced").coalesced
    cls._indices = lambda self: _raw(self, "_indices").indices._alias()
    cls._values = lambda self: _raw(self, "_values").values._alias()
    cls._nnz = _nnz
    cls._coalesced_ = _set_coalesced
    cls.sparse_dim = cls._dimI = _number("sparse_dim")
    cls.dense_dim = cls._dimV = _number("dense_dim")
    for name, by_rows in {
        "crow_indices": True,
        "col_indices": True,
        "ccol_indices": False,
        "row_indices": False,
    }.items():
        setattr(cls, name, _part(name, by_rows))
