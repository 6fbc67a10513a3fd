"""Binding call arguments to an op's signature, with torch's refusals for arguments that do not fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.devices import device
from reference_engine.layouts import layout
from reference_engine.ops.declare import Op, Param
from reference_engine.ops.refused_arguments import refused, type_name
from reference_engine.semantics import refusal, switch
from reference_engine.tensor import Tensor


class Mismatch(Exception):
    """These arguments do not fit this signature; carries how to make the refusal, should no other fit."""

    def __init__(self, error: Callable[[], Exception]) -> None:
        self.error = error


_SPELLING = {
    "Tensor": "Tensor",
    "Tensor?": "Tensor",
    "Tensor[]": "tuple of Tensors",
    "Tensor?[]": "tuple of Tensors",
    "Tensor|Scalar": "Tensor",
    "Scalar": "Number",
    "Scalar?": "Number",
    "int": "int",
    "int?": "int",
    "int[]": "tuple of ints",
    "int[]?": "tuple of ints",
    "float": "float",
    "float?": "float",
    "float[]?": "tuple of floats",
    "Scalar[]": "tuple of Scalars",
    "bool": "bool",
    "bool?": "bool",
    "dtype": "torch.dtype",
    "dtype?": "torch.dtype",
    "str": "str",
    "str?": "str",
    "layout?": "torch.layout",
    "device?": "torch.device",
}


def _is_int(v: Any) -> bool:
    if isinstance(v, (int, np.integer)):
        return not isinstance(v, bool)
    return isinstance(v, Tensor) and not v._shape and v._dtype.category == 1


def _is_ints(v: Any) -> bool:
    return isinstance(v, (list, tuple)) and all(_is_int(x) for x in v)


def _is_number(v: Any) -> bool:
    return isinstance(v, (int, float, complex, np.number, np.bool_))


def fits(kind: str, v: Any) -> bool:
    """Whether a value may be passed for a parameter of this type."""
    if kind.endswith("?"):
        if v is None:
            return True
        kind = kind[:-1]
    if kind == "Tensor":
        return isinstance(v, Tensor)
    if kind == "Tensor|Scalar":
        return isinstance(v, Tensor) or _is_number(v)
    if kind == "Scalar":
        return _is_number(v) or (isinstance(v, Tensor) and not v._shape)
    if kind == "Tensor[]":
        return isinstance(v, (list, tuple)) and all(isinstance(x, Tensor) for x in v)
    if kind == "Tensor?[]":
        return isinstance(v, (list, tuple)) and all(x is None or isinstance(x, Tensor) for x in v)
    if kind == "int":
        return _is_int(v)
    if kind == "int[]":
        return _is_ints(v) or _is_int(v)
    if kind == "float":
        return isinstance(v, (int, float, np.number)) or (isinstance(v, Tensor) and not v._shape)
    if kind == "Scalar[]":
        return isinstance(v, (list, tuple)) and all(_is_number(x) for x in v)
    if kind == "float[]":
        return isinstance(v, (list, tuple)) and all(fits("float", x) for x in v)
    if kind == "bool":
        return isinstance(v, (bool, np.bool_))
    if kind == "dtype":
        return isinstance(dtypes.of_type(v), dtypes.dtype)
    if kind == "str":
        return isinstance(v, str)
    if kind == "layout":
        return isinstance(v, layout)
    if kind == "device":
        return isinstance(v, (str, device, int))
    return True


def _convert(kind: str, v: Any) -> Any:
    if v is None:
        return v
    if kind.startswith("int[]"):
        return (int(v),) if _is_int(v) else tuple(int(x) for x in v)
    if kind.startswith("int"):
        return int(v)
    if kind.startswith("float[]"):
        return tuple(float(x) for x in v)
    if kind == "Scalar[]":
        return tuple(v)
    if kind.startswith(("Scalar", "float")):
        return v.item() if isinstance(v, (Tensor, np.generic)) else v
    if kind == "Tensor|Scalar" and isinstance(v, np.generic):
        return v.item()
    if kind.startswith("dtype"):
        return dtypes.of_type(v)
    return v


def bind(op: Op, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], is_method: bool) -> list[Any]:
    """Arguments in signature order, defaults filled in.

    Raises:
        TypeError: too many, unexpected, missing, or of a type that the signature does not take.
    """
    try:
        return _bind(op, name, args, kwargs, is_method)
    except Mismatch as mismatch:
        if _takes_names(op):
            raise _refused_by_all([op], name, args, kwargs, is_method) from None
        if op.name in FACTORS_BETWEEN and not _takes(op, len(args) - is_method + len(kwargs), is_method):
            form = signature_text(op, is_method)  # next to the older one, which is not shown
            raise refused(name, args[is_method:], kwargs, [form]) from None
        raise mismatch.error() from None


def resolve(
    ops: Sequence[Op],
    name: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    is_method: bool,
    out: Any = None,
    given: dict[str, Any] | None = None,
) -> tuple[Op, list[Any]]:
    """The first overload that fits, with its bound arguments; where ``out`` is given, one that takes it.

    ``given`` are the keywords with ``out`` among them.

    Raises:
        TypeError: none fits.
    """
    for op in ops:
        if out is not None and not op.out:
            continue
        try:
            return op, _bind(op, name, args, kwargs, is_method)
        except Mismatch:
            continue
    given = kwargs if given is None else given
    plausible = [op for op in ops if _takes(op, len(args) - is_method + len(given), is_method)]
    if len(plausible) == 1 and not (_takes_names(ops[0]) and "dim" in plausible[0].index_of):
        bind(plausible[0], name, args, kwargs, is_method)  # what is wrong with the arguments can be said
    raise _refused_by_all(ops, name, args, given, is_method)


def _takes_names(op: Op) -> bool:
    name = op.name.removeprefix("_").removesuffix("_in_place")
    return name in BY_NAME and switch("ops.arguments.named_overloads")


def _refused_by_all(
    ops: Sequence[Op], name: str, args: tuple[Any, ...], kwargs: dict[str, Any], is_method: bool
) -> Exception:
    forms = [signature_text(op, is_method) for op in ops]
    if _takes_names(ops[0]):
        if (unknown := _unknown_name(ops, name, args, kwargs, is_method)) is not None:
            return unknown
        forms += _by_name(forms)
    return refused(name, args[is_method:], kwargs, forms)


def _unknown_name(
    ops: Sequence[Op], name: str, args: tuple[Any, ...], kwargs: dict[str, Any], is_method: bool
) -> Exception | None:
    """Where a dimension is given by a name and all else fits: no tensor has names here."""
    for op in ops:
        at = op.index_of.get("dim", len(args))
        said = args[at] if at < len(args) else kwargs.get("dim")
        if isinstance(said, str):
            number = 0 if op.params[at].type == "int" else (0,)
            try:
                if at < len(args):
                    _bind(op, name, (*args[:at], number, *args[at + 1 :]), kwargs, is_method)
                else:
                    _bind(op, name, args, {**kwargs, "dim": number}, is_method)
            except Mismatch:
                continue
            names = ", ".join(["None"] * len(args[0]._shape)) if isinstance(args[0], Tensor) else ""
            return refusal("ops.arguments.name_unknown", name=said, names=names)
    return None


def _by_name(forms: list[str]) -> list[str]:
    """The forms that take the name of a dimension: those of one number, or else those of several."""
    for kind, names in ((r"int (dim\d?)", r"name \2"), (r"tuple of ints (dim)", r"tuple of names \2")):
        found = [re.sub(rf"(^|, ){kind}( = [^,]*)?(?=,|$)", rf"\1{names}", form) for form in forms]
        if made := [new for old, new in zip(forms, found, strict=True) if new != old]:
            return made
    return []


def _bind(op: Op, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], is_method: bool) -> list[Any]:
    params = op.params
    count = len(args)
    positional = [p for p in params if not p.keyword_only]
    # x.view(2, 3): loose integers fill a trailing int[] parameter
    at = len(positional) - 1
    while at >= 0 and positional[at].type not in ("int[]", "int[]?"):
        at -= 1
    if at >= 0 and count > at + 1 and at <= (1 if params[0].is_tensor else 0) and all(_is_int(a) for a in args[at:]):
        args = (*args[:at], tuple(args[at:]))
        count = at + 1
    if count > len(positional):
        raise Mismatch(partial(_too_many, op, name, args, is_method))
    values: list[Any] = []
    used = 0
    for i, p in enumerate(params):
        if i < count and not p.keyword_only:
            v = args[i]
        elif (called := _public(p)) in kwargs:
            v = kwargs[called]
            used += 1
        elif p.type == "Tensor|Scalar" and p.name in kwargs and not isinstance(kwargs[p.name], Tensor):
            v = kwargs[p.name]
            used += 1
        elif p.name == "dim" and "axis" in kwargs:
            v = kwargs["axis"]
            used += 1
        elif p.name == "keepdim" and "keepdims" in kwargs:
            v = kwargs["keepdims"]
            used += 1
        elif p.required:
            raise Mismatch(partial(_missing, op, name, len(values), kwargs, is_method))
        else:
            values.append(p.default)
            continue
        if not (p.type == "Tensor" and isinstance(v, Tensor)):
            if not fits(p.type, v):
                named = i >= count or p.keyword_only
                raise Mismatch(partial(_wrong_type, op, p, i, name, v, is_method, named))
            v = _convert(p.type, v)
        values.append(v)
    if used != len(kwargs):
        known = {_public(p) for p in params} | {"axis", "keepdims"}
        if is_method and len(params) == 1:
            raise Mismatch(partial(refusal, "ops.arguments.no_keywords", op=name))
        unknown = next((k for k in kwargs if k not in known), next(iter(kwargs)))
        raise Mismatch(partial(refusal, "ops.arguments.unexpected", op=name, name=unknown))
    return values


FACTORS_BETWEEN = frozenset({"add", "addbmm", "addcdiv", "addcmul", "addmm", "addmv", "addr", "baddbmm", "sub"})
"""Ops that have another form, from before there were keywords."""

BY_NAME = frozenset({
    "all", "any", "argsort", "cat", "cummax", "cummin", "cumprod", "cumsum", "gather", "index_add", "index_copy",
    "index_fill", "index_select", "kthvalue", "log_softmax", "logcumsumexp", "logsumexp", "max", "mean", "median",
    "min", "mode", "nanmedian", "prod", "scatter", "scatter_add", "select", "softmax", "sort", "squeeze", "std",
    "std_mean", "sum", "transpose", "unbind", "var", "var_mean",
})  # fmt: skip
"""Ops that took the name of a dimension, in the versions that had names."""

_TAKE_NUMBERS = frozenset({"add", "sub", "mul", "div", "floor_divide"})
"""Ops whose form with ``out=`` takes a number for the other operand, too."""


def _takes(op: Op, given: int, is_method: bool) -> bool:
    """Whether a signature has room and need for so many arguments."""
    params = op.params[1 if is_method else 0 :]
    return sum(p.required for p in params) <= given <= len(params) + (bool(op.out) and not is_method)


def refuse_numbers(op: Op, name: str, values: Sequence[Any]) -> None:
    """Raise if a number stands where a tensor may stand, which the form with ``out=`` does not take."""
    for i, (p, v) in enumerate(zip(op.params, values, strict=True)):
        if p.type == "Tensor|Scalar" and not isinstance(v, Tensor) and op.name not in _TAKE_NUMBERS:
            raise refusal(
                "ops.arguments.type", op=name, name=_public(p), position=i + 1, expected="Tensor", got=type_name(v)
            )


def _public(p: Param) -> str:
    """The name of a parameter for callers: a tensor ``self`` is called input, a number keeps its name."""
    return "input" if p.name == "self" and p.is_tensor else p.name


OUT_TEXT = "Tensor out = None"


def parameter_text(p: Param) -> str:
    """Type and name of a parameter as torch's messages spell them."""
    kind = _SPELLING.get(p.type, p.type)
    if p.name == "correction" and not switch("reduction.correction_number"):
        kind = "int"
    return f"{kind} {_public(p)}"


def signature_text(op: Op, is_method: bool) -> str:
    """The signature as torch's messages spell it."""
    parts, star = [], False
    for p in op.params[1 if is_method else 0 :]:
        if p.keyword_only and not star:
            parts.append("*")
            star = True
        text = parameter_text(p)
        if not p.required:
            text += f' = "{p.default}"' if isinstance(p.default, str) else f" = {p.default}"
        parts.append(text)
    if op.out and not is_method:
        if not star:
            parts.append("*")
        parts.append("tuple of Tensors out = None" if "-> (" in op.signature else OUT_TEXT)
    return ", ".join(parts)


def _too_many(op: Op, name: str, args: tuple[Any, ...], is_method: bool) -> Exception:
    params = op.params[1 if is_method else 0 :]
    most, least = sum(not p.keyword_only for p in params), sum(p.required for p in params)
    takes = f"{most} positional argument{'s' * (most != 1)}"
    if least != most:
        takes = f"from {least} to {most} positional arguments"
    given = len(args) - is_method
    if is_method and not params:
        return refusal("ops.arguments.none_taken", op=name, given=given)
    return refusal("ops.arguments.too_many", op=name, takes=takes, given=f"{given} {'was' if given == 1 else 'were'}")


def _missing(op: Op, name: str, bound: int, kwargs: dict[str, Any], is_method: bool) -> Exception:
    absent = [p for p in op.params[bound:] if p.required and _public(p) not in kwargs]
    names = ", ".join(f'"{_public(p)}"' for p in absent)
    many = "s" if len(absent) == 1 else ""  # torch has them the wrong way round
    return refusal("ops.arguments.missing", op=name, count=len(absent), s=many, names=names)


def _wrong_type(op: Op, p: Param, i: int, name: str, v: Any, is_method: bool, named: bool) -> Exception:
    if p.type == "Tensor[]" and isinstance(v, (list, tuple)):
        at, odd = next((at, x) for at, x in enumerate(v) if not isinstance(x, Tensor))
        return refusal("ops.arguments.element", element=at, position=i, got=type_name(odd))
    position = i + (0 if is_method else 1)
    expected = _SPELLING.get(p.type, p.type)
    if named:
        return refusal("ops.arguments.type_keyword", op=name, name=_public(p), expected=expected, got=type_name(v))
    return refusal(
        "ops.arguments.type", op=name, name=_public(p), position=position, expected=expected, got=type_name(v)
    )
