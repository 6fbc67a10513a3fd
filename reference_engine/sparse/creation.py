"""Sparse tensors from places and values."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.creation import _finish, as_tensor, shape_of
from reference_engine.dtypes import dtype
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.refused_arguments import refused, type_name
from reference_engine.semantics import cite, refusal, switch
from reference_engine.sparse import invariants, memory
from reference_engine.sparse.access import layout_word
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False, "method": False}


def _with_values(values: Tensor, indices: Tensor, size: Any, coalesced: bool | None) -> Tensor:
    return memory.coo(tuple(size), indices._alias(), values._alias(), coalesced)


def _of_values(grad: Tensor, result: Tensor) -> Tensor:
    """The gradient of each value is that of the place where it stands; the places have none."""
    return grad.sparse_mask(result)._values()


_FROM_VALUES = declare(
    "_sparse_coo_tensor_with_dims_and_tensors(Tensor values, any indices, any size, any coalesced) -> Tensor",
    forward=_with_values, node="SparseCooTensorWithDimsAndTensorsBackward0", vjp={"values": _of_values}, **_HIDDEN,
)  # fmt: skip

_OPTIONS = {"dtype", "device", "pin_memory", "requires_grad", "size", "indices", "values"}


def _options() -> set[str]:
    """The names of the arguments that the version in force has."""
    more = {"sparse.coo.checks_asked": "check_invariants", "sparse.coo.says_coalesced": "is_coalesced"}
    return _OPTIONS | {name for key, name in more.items() if switch(key)}


def _forms() -> list[str]:
    """What may be given, as a refusal lists it."""
    known = _options()
    flags = "bool requires_grad = False" + ", bool check_invariants = None" * ("check_invariants" in known)
    pinned = "bool pin_memory = False, " * switch("sparse.coo.pins")
    parts = "torch.dtype dtype = None, torch.device device = None, " + pinned + flags
    told = ", bool is_coalesced = None" * ("is_coalesced" in known)
    size = f"tuple of ints size, *, torch.dtype dtype = None, torch.device device = None, {flags}"
    return [
        f"object indices, object values, *, {parts}" + told * switch("sparse.coo.pins"),
        f"object indices, object values, tuple of ints size, *, {parts}" + told, size,
    ]  # fmt: skip


def _is_size(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(isinstance(n, (int, np.integer)) for n in value)


def sparse_coo_tensor(*args: Any, **kwargs: Any) -> Tensor:
    """``sparse_coo_tensor(indices, values, size=None)``, or ``sparse_coo_tensor(size)`` of zeros.

    Args:
        indices: (sparse dimensions, nnz). values: (nnz, *shape of the dense dimensions).
        size: by default the smallest that holds the places.
        is_coalesced: what to believe; check_invariants: whether to look.

    Raises:
        TypeError: no such form. RuntimeError: sizes that do not fit together, places that the shape does not have.
    """
    given = dict(zip(("indices", "values", "size"), args, strict=False))
    if len(args) == 1 and "values" not in kwargs:
        given = {"size": (args[0],) if type(args[0]) is int else args[0]}
    options = {**given, **kwargs}
    known = len(args) <= 3 and set(options) <= _options() and not set(given) & set(kwargs)
    if not known or not ({"indices", "values"} <= set(options) or ("size" in options and "indices" not in options)):
        raise refused("sparse_coo_tensor", args, kwargs, _forms())
    size = options.get("size")
    if size is not None and not _is_size(size):
        if len(args) == 1:
            if isinstance(size, (tuple, list)) and switch("sparse.coo.size_elements_named"):
                at = next(i for i, n in enumerate(size) if not isinstance(n, (int, np.integer)))
                got = type(size[at]).__name__
                raise refusal("sparse.coo.size_element", op="sparse_coo_tensor", got=got, at=at)
            raise refusal("sparse.coo.size_type", op="sparse_coo_tensor", got=type_name(size))
        raise refused("sparse_coo_tensor", args, kwargs, _forms())
    requires_grad = bool(options.get("requires_grad", False))
    if "indices" not in options:
        invariants.are_checked(options.get("check_invariants"))
        chosen = options.get("dtype") or dtypes.get_default_dtype()
        return _finish(memory.no_places(shape_of((size,)), chosen), requires_grad)
    made = _from_parts(
        options["indices"], options["values"], size, options.get("dtype"), options.get("check_invariants"),
        options.get("is_coalesced"),
    )  # fmt: skip
    return made if made._node is not None else _finish(made, requires_grad)


def _from_parts(
    indices: Any, values: Any, size: Any, d: dtype | None, check: bool | None, coalesced: bool | None
) -> Tensor:
    values = as_tensor(values, dtype=d)
    indices = as_tensor(indices, dtype=dtypes.int64)
    if not values._shape and values._sparse is None:
        values = values.expand((1,))
    if size is None and len(indices._shape) != 2:
        raise refusal("sparse.coo.indices_rank", shape=list(indices._shape))
    for t, what in ((indices, "indices"), (values, "values")):
        if t._sparse is not None:
            raise refusal("sparse.coo.dense_parts", what=what, layout=layout_word(t))
    sparse_dim, dense_dim = indices.size(0), len(values._shape) - 1
    if size is None:
        size = _smallest(indices, values)
    size = tuple(int(n) for n in size)
    if len(size) != sparse_dim + dense_dim:
        raise refusal("sparse.coo.rank", rank=len(size), sparse_dim=sparse_dim, dense_dim=dense_dim)
    if len(indices._shape) != 2:
        raise refusal("sparse.coo.indices_rank", shape=list(indices._shape))
    if any(n < 0 for n in size):
        raise refusal("sparse.coo.negative_size")
    if indices._shape[1] != values._shape[0]:
        raise refusal("sparse.coo.nnz", indices=indices._shape[1], values=values._shape[0])
    if tuple(size[sparse_dim:]) != values._shape[1:]:
        expected = [values._shape[0], *size[sparse_dim:]]
        raise refusal("sparse.coo.values_size", expected=expected, got=list(values._shape))
    if invariants.are_checked(check):
        invariants.check_coordinates(indices, size, coalesced)
    cite("sparse.coo.places")
    return unchecked(indices, values, size, coalesced)


def unchecked(indices: Tensor, values: Tensor, size: Any, coalesced: bool | None = None) -> Tensor:
    """Values at places that are known to fit; differentiable in the values."""
    made: Tensor = run(_FROM_VALUES, [values, indices, tuple(size), coalesced])
    return made


def _smallest(indices: Tensor, values: Tensor) -> tuple[int, ...]:
    """One more than the greatest index of each sparse dimension."""
    places = indices._read()
    if places.size:
        for d, row in enumerate(places):
            if row.min() < 0:
                raise refusal("sparse.coo.negative_index", index=int(row.min()), dim=d)
        sparse = [int(n) + 1 for n in places.max(1)]
    else:
        sparse = [0] * len(places)
    return (*sparse, *values._shape[1:])


__all__ = ["sparse_coo_tensor"]
