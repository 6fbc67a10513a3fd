"""Arguments for an op: tensors that fit it, and values for the rest, by what its declaration says.

What is spoilt on purpose is what an op itself refuses: shapes, dtypes, dimensions, indices. How Python arguments are
parsed (an unknown keyword, one argument too many) is no matter of autograd, and is not drawn here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.generate.builder import MAX_NUMEL, Builder
from conformance.generate.families import making
from conformance.generate.families.images import IMAGES
from conformance.generate.families.layers import LAYERS
from conformance.generate.families.recipes import RECIPES, index_tensor, mask
from conformance.generate.families.systems import SYSTEMS
from conformance.program import steps as s
from reference_engine.ops.declare import Op, Param
from reference_engine.ops.domains import Domain

_ANY = Domain()
_SCALARS = (2, -1, 0.5, 1.5, -2.0, 3, 1, 0.25)


class Unfit(Exception):
    """Nothing alive fits this op: draw something else."""


def draw(b: Builder, op: Op) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments.

    Raises:
        Unfit: no tensor of a supported dtype and shape is alive.
    """
    domain: Domain = op.samples or _ANY
    first = _first(b, op, domain)
    t = b.tensors[first]
    recipes = dict(domain.arguments)
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    related = RELATED.get(domain.shapes)
    extra = related(b, first) if related is not None else {}
    taken = False
    for p in op.params:
        if p.name in extra and fits(p.type, extra[p.name]):
            value: Any = extra[p.name]
            taken = taken or p.is_tensor
        elif recipes.get(p.name) == (None,) and not p.required:  # not asked about
            continue
        elif p.type == "Tensor[]":
            value = _several(b, t, first)
        elif p.is_tensor and not taken:
            value, taken = s.Ref(first), True
        elif p.is_tensor:
            value = _another(b, p, t, first, domain)
        elif not p.required and not b.choose.coin(0.35):
            continue
        else:
            value = _plain(b, p, t, recipes.get(p.name))
            if value is _SKIP:
                continue
        if p.keyword_only or (not p.required and (keywords or len(positional) < op.params.index(p))):
            keywords[p.name] = value
        else:
            positional.append(value)
    return positional, keywords


_SKIP: Any = object()


def fits(kind: str, value: Any) -> bool:
    """A recipe may serve overloads that differ in whether an argument is a tensor or a number."""
    return (
        isinstance(value, s.Ref) or not kind.startswith("Tensor") or value is None
        if kind != "Scalar"
        else not isinstance(value, s.Ref)
    )


def _first(b: Builder, op: Op, domain: Domain) -> str:
    def fits(t: Any) -> bool:
        if not t.dtype.is_floating_point and not t.dtype.is_complex:
            return "int" in domain.dtypes and (t.dtype.name != "bool" or "bool" in domain.dtypes)
        if t.dtype.is_complex:
            return "complex" in domain.dtypes
        if "float" not in domain.dtypes:
            return False
        return _RANK.get(domain.shapes, _any_rank)(t)

    name = b.pick(fits) if not b.spoil() else b.pick()
    if name is None or (domain.low > -3.0 and b.choose.coin(0.5)):
        shape = _SHAPE.get(domain.shapes)
        if name is not None and shape is None:
            shape = tuple(b.tensors[name].shape)
        if shape is None:
            shape = making.shape(b)
        kinds = {
            "float": ("float32", "float64"),
            "complex": ("complex64", "complex128"),
            "int": ("int64",),
            "bool": ("bool",),
        }
        dtype = b.choose.one_of(
            kinds[b.choose.one_of(domain.dtypes)] if b.choose.coin(0.3) else kinds[domain.dtypes[0]]
        )
        name = making.new(b, shape, dtype, None, low=domain.low, high=domain.high, special=domain.special)
    if name not in b.tensors:
        raise Unfit
    return name


def _any_rank(t: Any) -> bool:
    return True


_RANK: dict[str, Callable[[Any], bool]] = {
    "matrix": lambda t: t.ndim == 2,
    "square": lambda t: t.ndim >= 2 and t.shape[-1] == t.shape[-2],
    "vector": lambda t: t.ndim == 1,
    "mm": lambda t: t.ndim == 2,
    "mv": lambda t: t.ndim == 2,
    "bmm": lambda t: t.ndim == 3,
    "two_vectors": lambda t: t.ndim == 1,
    "two_equal_vectors": lambda t: t.ndim == 1,
    "narrow": lambda t: t.ndim > 0,
    "matmul": lambda t: t.ndim > 0,
    "cat": lambda t: t.ndim > 0,
}
_SHAPE: dict[str, tuple[int, ...]] = {
    "matrix": (2, 3),
    "square": (2, 2),
    "vector": (3,),
    "mm": (2, 3),
    "mv": (2, 3),
    "bmm": (2, 2, 2),
    "two_vectors": (3,),
    "two_equal_vectors": (2,),
    "narrow": (3,),
    "matmul": (2, 3),
    "cat": (2, 3),
}


def _another(b: Builder, p: Param, t: Any, first: str, domain: Domain) -> Any:
    """A further tensor argument: one that broadcasts with the first, a number where one is allowed, or a new one."""
    if p.type.endswith("?") and b.choose.coin(0.5):
        return None
    if p.name in ("index", "indices"):
        return index_tensor(b, tuple(t.shape), 1)
    if p.name == "mask":
        return mask(b, tuple(t.shape))
    if p.type == "Tensor|Scalar" and b.choose.coin(0.2):
        return b.choose.one_of(_SCALARS)
    if b.choose.coin(0.1):
        return s.Ref(first)
    broadcasts = domain.shapes == "broadcast"

    def fits(other: Any) -> bool:
        if "complex" not in domain.dtypes and other.dtype.is_complex:
            return False
        if "int" not in domain.dtypes and not (other.dtype.is_floating_point or other.dtype.is_complex):
            return False
        return _compatible(t.shape, other.shape) if broadcasts else other.shape == t.shape and other.dtype is t.dtype

    name = b.pick(None if b.spoil() else fits)
    if name is None or b.choose.coin(0.15):
        shape = tuple(t.shape)
        if broadcasts and shape and b.choose.coin(0.4):
            shape = tuple(1 if b.choose.coin(0.4) else n for n in shape)[b.choose.integer(0, 1) :]
        name = making.new(b, shape, t.dtype.name, None, low=domain.low, high=domain.high, special=domain.special)
    if name not in b.tensors:
        raise Unfit
    return s.Ref(name)


def _compatible(a: Any, c: Any) -> bool:
    size = 1
    for x, y in zip(reversed((1,) * (4 - len(a)) + tuple(a)), reversed((1,) * (4 - len(c)) + tuple(c)), strict=False):
        if x != y and x != 1 and y != 1:
            return False
        size *= max(x, y) if x and y else 0
    return size <= MAX_NUMEL


def _several(b: Builder, t: Any, first: str) -> Any:
    names = [first]
    for _ in range(b.choose.integer(0, 2)):
        other = b.pick(lambda o: o.shape == t.shape)
        names.append(other if other is not None else first)
    return s.Seq(tuple(s.Ref(n) for n in names), b.choose.one_of(("list", "tuple")))


# -- arguments that are no tensors -----------------------------------------------------------------------------------


def _plain(b: Builder, p: Param, t: Any, recipe: Any) -> Any:
    """A value by the declaration's recipe, else by the parameter's name and type."""
    if isinstance(recipe, tuple):
        return literal(b.choose.one_of(recipe))
    if isinstance(recipe, str):
        return _RECIPES[recipe](b, t)
    kind = p.type.rstrip("?")
    if p.name == "dtype":
        return s.Dtype(b.choose.one_of(("float64", "float32", "complex128", "int64"))) if b.choose.coin(0.3) else _SKIP
    if p.name in ("dim", "dims", "axis"):
        return _dims(b, t) if kind == "int[]" else _dim(b, t)
    if kind in ("Scalar", "float"):
        return b.choose.one_of(_SCALARS)
    if kind == "bool":
        return b.choose.coin(0.5)
    if kind == "int":
        return b.choose.integer(0, 2)
    if kind == "int[]":
        return s.Seq(tuple(t.shape), "tuple")
    return _SKIP if not p.required else None


def literal(value: Any) -> Any:
    """A Python value as a Program argument."""
    if isinstance(value, complex):
        return s.Complex(value.real, value.imag)
    if isinstance(value, (tuple, list)):
        return s.Seq(tuple(literal(v) for v in value), "tuple" if isinstance(value, tuple) else "list")
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return s.Special(making.special_value(value))
    return value


def _dim(b: Builder, t: Any) -> int:
    n = max(t.ndim, 1)
    return b.choose.integer(-n, n - 1) if not b.spoil() else b.choose.one_of((n, -n - 1, n + 2))


def _dims(b: Builder, t: Any) -> Any:
    if b.choose.coin(0.5):
        return _dim(b, t)
    dims = [d for d in range(t.ndim) if b.choose.coin(0.5)]
    if b.spoil() and dims:
        dims.append(dims[0])
    return s.Seq(tuple(dims), b.choose.one_of(("tuple", "list")))


def _dimensions(b: Builder, t: Any) -> Any:
    """For ops that take no single number for their dimensions."""
    dims = _dims(b, t)
    return s.Seq((dims,), "tuple") if isinstance(dims, int) else dims


def _plane(b: Builder, t: Any) -> Any:
    return s.Seq(tuple(b.shuffled(range(max(t.ndim, 2)))[:2]) if not b.spoil() else (0, 0), "tuple")


def _index(b: Builder, t: Any) -> int:
    n = min(t.shape) if t.ndim else 1
    return b.choose.integer(-n, n - 1) if n and not b.spoil() else n + 1


_RECIPES: dict[str, Callable[[Builder, Any], Any]] = {
    "dim": _dim,
    "dims": _dims,
    "dimensions": _dimensions,
    "plane": _plane,
    "index": _index,
    "permutation": lambda b, t: s.Seq(tuple(b.shuffled(range(t.ndim))), "tuple"),
    "shape": lambda b, t: s.Seq(tuple(t.shape), "tuple"),
}


# -- recipes by shape: arguments that depend on each other -----------------------------------------------------------


def _view_shape(b: Builder, first: str) -> dict[str, Any]:
    shape = b.tensors[first].shape
    n = shape.numel()
    options = [(n,), (-1,), (1, n), (n, 1), tuple(shape), (1, *shape), (*shape, 1)]
    options += [(k, n // k) for k in (2, 3) if n and n % k == 0]
    if len(shape) == 2:
        options.append((shape[1], shape[0]))
    if b.spoil():
        options = [(n + 1,), (-1, -1), (-2,), (2, n)]
    size = s.Seq(tuple(b.choose.one_of(options)), b.choose.one_of(("tuple", "list")))
    return {"size": size, "shape": size}


def _expand_size(b: Builder, first: str) -> dict[str, Any]:
    shape = b.tensors[first].shape
    size = [n if n != 1 or b.choose.coin(0.2) else b.choose.integer(1, 3) for n in shape]
    size = [-1 if b.choose.coin(0.1) else n for n in size]
    if shape.numel() <= 16 and b.choose.coin(0.5):
        size.insert(0, b.choose.integer(1, 3))
    if b.spoil():
        size = [*size[:-1], 5] if b.choose.coin(0.5) else size[1:]
    return {"size": s.Seq(tuple(size), "tuple")}


def _narrow(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    if not t.ndim:
        return {"dim": 0, "start": 0, "length": 1}
    dim = b.choose.integer(0, t.ndim - 1)
    size = t.shape[dim]
    start = b.choose.integer(0, size)
    length = b.choose.integer(0, size - start) if not b.spoil() else size + 1
    return {"dim": dim - (t.ndim if b.choose.coin(0.2) else 0), "start": start, "length": length}


def _as_strided(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    room = t.untyped_storage().nbytes() // t.element_size()
    size = (b.choose.integer(1, 3), b.choose.integer(1, 2))[: b.choose.integer(1, 2)]
    stride = tuple(b.choose.integer(0 if b.choose.coin(0.3) else 1, 2) for _ in size)
    span = sum((n - 1) * k for n, k in zip(size, stride, strict=True))
    out: dict[str, Any] = {"size": s.Seq(size), "stride": s.Seq(stride)}
    if room > span:
        out["storage_offset"] = b.choose.integer(0, room - span - 1)
    return out


def _second_of(make_shape: Any, name: str) -> Any:
    def related(b: Builder, first: str) -> dict[str, Any]:
        t = b.tensors[first]
        shape = make_shape(b, tuple(t.shape))
        if b.spoil():
            shape = (*shape, 2) if b.choose.coin(0.5) else tuple(n + 1 for n in shape)
        other = b.pick(lambda o: tuple(o.shape) == shape and o.dtype is t.dtype)
        if other is None or b.choose.coin(0.2):
            other = making.new(b, shape, t.dtype.name)
        if other not in b.tensors:
            raise Unfit
        return {name: s.Ref(other)}

    return related


def _columns(b: Builder) -> int:
    return b.choose.integer(1, 3)


def _matmul_other(b: Builder, shape: tuple[int, ...]) -> tuple[int, ...]:
    if not shape:
        return (2,)
    k = shape[-1]
    return b.choose.one_of(((k,), (k, 2), (1, k, 2), (2, k, 1) if len(shape) < 3 else (k, 1)))


_RELATED: dict[str, Any] = {
    "view": _view_shape,
    "expand": _expand_size,
    "narrow": _narrow,
    "as_strided": _as_strided,
    "mm": _second_of(lambda b, shape: (shape[-1] if shape else 1, _columns(b)), "mat2"),
    "bmm": _second_of(lambda b, shape: (shape[0], shape[-1], _columns(b)) if shape else (1, 1, 1), "mat2"),
    "mv": _second_of(lambda b, shape: (shape[-1] if shape else 1,), "vec"),
    "two_vectors": _second_of(lambda b, shape: (b.choose.integer(1, 3),), "vec2"),
    "two_equal_vectors": _second_of(lambda b, shape: shape, "tensor"),
    "matmul": _second_of(_matmul_other, "other"),
    "where": lambda b, first: {"condition": s.Ref(_condition(b, first)), "self": s.Ref(first)},
    "fill": lambda b, first: {"value": s.Ref(making.new(b, (), b.tensors[first].dtype.name))},
}


def _condition(b: Builder, first: str) -> str:
    shape = tuple(b.tensors[first].shape)
    found = b.pick(lambda t: t.dtype.name == "bool" and _compatible(t.shape, shape))
    return found if found is not None else making.new(b, shape, "bool", False)


RELATED: dict[str, Any] = {**SYSTEMS, **LAYERS, **IMAGES, **RECIPES, **_RELATED}
"""Every recipe by its name."""
