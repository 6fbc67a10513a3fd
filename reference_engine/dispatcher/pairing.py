"""A declared op and an operator of torch's: which one stands for which, and which argument is which.

The rule: an op stands for the operator of its name, of the overload whose arguments have the same names, or come in the
same order, and fit. What differs in more than that is in the tables here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from reference_engine import creation, dtypes
from reference_engine.autograd import engine, saved
from reference_engine.autograd.node import OpNode
from reference_engine.dispatcher.schema import Argument, FunctionSchema
from reference_engine.layouts import MEMORY_FORMATS
from reference_engine.modes import state
from reference_engine.ops.declare import OPS, Op, Param
from reference_engine.tensor import Tensor
from specs import aten

#: Ops that go by another name below, by their own name or torch's.
NAMES = {
    "nn.functional.unfold": ("im2col",),
    "nn.functional.fold": ("col2im",),
    "_reshape_alias": ("view",),
    "_nll_loss": ("nll_loss_forward",),
    "_nll_loss2d": ("nll_loss2d_forward",),
    "_index_put_impl": ("index_put",),
    "_conj_view": ("_conj",),
    "_neg_view": ("_neg_view",),
    "_alias_view": ("alias",),
    "_view_alias": ("alias",),
    "_share": ("div",),
    "_fft_c2c": ("_fft_c2c",),
    "_max_pool2d_with_indices": ("max_pool2d_with_indices",),
    "_norm": ("linalg_vector_norm",),
}

#: What an operator must be given that no op has.
CONSTANTS = {"half_to_float": False, "self_is_result": False}

#: What an op has that no operator does: parameters shared by ops of a kind.
_IGNORED = {"_mse_loss": {"delta"}, "_mse_loss_backward": {"delta"}}

#: Of these, the overload for tensors takes the numbers that a Python program writes.
_WRAPS_NUMBERS = {f"{name}{in_place}" for name in ("add", "sub", "mul", "div") for in_place in ("", "_")}

REDUCTIONS = ("none", "mean", "sum")

_KINDS = {
    "Tensor": {"Tensor", "Tensor?"},
    "Tensor?": {"Tensor", "Tensor?"},
    "Tensor|Scalar": {"Tensor", "Scalar", "Tensor?", "Scalar?"},
    "Tensor[]": {"Tensor[]"},
    "Tensor?[]": {"Tensor?[]", "Tensor[]"},
    "Scalar": {"Scalar", "Scalar?", "float", "int", "SymInt"},
    "Scalar?": {"Scalar", "Scalar?", "float?", "Tensor?"},
    "float": {"float", "float?", "Scalar"},
    "float?": {"float?", "Scalar?"},
    "int": {"int", "SymInt", "int?", "SymInt?", "Scalar", "int[]", "int[]?", "SymInt[]"},
    "int?": {"int", "int?", "SymInt", "SymInt?", "Scalar?", "int[]?"},
    "int[]": {"int[]", "SymInt[]", "int[]?", "SymInt[]?"},
    "int[]?": {"int[]", "SymInt[]", "int[]?", "SymInt[]?"},
    "bool": {"bool", "bool?"},
    "bool?": {"bool", "bool?"},
    "dtype": {"ScalarType", "ScalarType?"},
    "dtype?": {"ScalarType", "ScalarType?"},
    "str": {"str", "str?", "int"},
    "str?": {"str", "str?"},
}


def _compatible(param: Param, argument: Argument) -> bool:
    known = _KINDS.get(param.type)
    if known is None:  # any
        return True
    if param.type.startswith("str") and argument.kind == "int":
        return argument.name == "reduction"
    return argument.kind in known


def names_of(op: Op, inplace: bool) -> Iterator[tuple[str, str | None]]:
    """The operators that an op may stand for, most likely first, and the one overload if only that will do."""
    base, only = op.reference_name, None
    if base.endswith("_scalar") and base.startswith("_"):
        base, only = base[1:].removesuffix("_scalar"), "Scalar"
    tail = "_" if inplace and not base.endswith("_") else ""
    for name in NAMES.get(op.name) or (*NAMES.get(base, ()), base, base.lstrip("_")):
        yield name + tail, only


class Pairing:
    """One op, and one overload of an operator that it can stand for."""

    def __init__(self, op: Op, schema: FunctionSchema, places: list[int | None]) -> None:
        self.op, self.schema = op, schema
        self.places = places
        """For each argument of the schema the parameter of the op; None for a constant."""
        self.left = [i for i in range(len(op.params)) if i not in places]
        """Parameters that the operator doesn't have: it stands for the op where they have their defaults."""

    def arguments(self, values: Sequence[Any], wrapping: bool) -> list[Any] | None:
        """The arguments of the operator for those of the op; None if they do not fit."""
        for i in self.left:
            param = self.op.params[i]
            if param.name in _IGNORED.get(self.op.name, ("inplace",)):
                continue
            if values[i] is not None and values[i] != param.default:
                return None
        made = []
        for argument, place in zip(_inputs(self.schema), self.places, strict=True):
            value = CONSTANTS.get(argument.name, argument.default_value) if place is None else values[place]
            if value is not None or not argument.kind.endswith("?"):
                if not fits(argument, value, wrapping):
                    return None
                value = spelled(argument, value)
            made.append(value)
        return made

    def values(self, given: Sequence[Any]) -> list[Any] | None:
        """The arguments of the op for those of the operator; None if they do not fit."""
        from reference_engine.ops import binding

        made = [param.default for param in self.op.params]
        for argument, place, value in zip(_inputs(self.schema), self.places, given, strict=True):
            if place is None:
                if not same(value, CONSTANTS.get(argument.name, argument.default_value)):
                    return None
                continue
            kind = self.op.params[place].type
            if kind.startswith("str") and argument.name == "reduction" and isinstance(value, int):
                value = REDUCTIONS[value]
            if kind == "Tensor" and isinstance(value, (bool, int, float, complex)):
                value = creation.scalar_tensor(value, dtype=dtypes.of_scalar(value))
            if kind in ("int", "int?") and isinstance(value, (list, tuple)) and len(value) == 1:
                value = value[0]
            if value is None and not kind.endswith("?") and kind != "any" and self.op.params[place].default is not None:
                value = self.op.params[place].default
            elif not binding.fits(kind, value) and not (value is None and self.op.params[place].default is None):
                return None
            made[place] = binding._convert(kind, value)
        return made


def _inputs(schema: FunctionSchema) -> list[Argument]:
    return [argument for argument in schema.arguments if not argument.is_out]


def fits(argument: Argument, value: Any, wrapping: bool) -> bool:
    """Whether an argument of an operator may have this value."""
    kind = argument.kind.removesuffix("?")
    if kind == "Tensor":
        return isinstance(value, Tensor) or (wrapping and isinstance(value, (bool, int, float, complex)))
    if kind == "Scalar":
        return isinstance(value, (bool, int, float, complex))
    if kind in ("int", "SymInt"):
        return isinstance(value, int) or argument.name == "reduction"
    if kind.endswith("[]"):
        return isinstance(value, (list, tuple, int))
    return True


def spelled(argument: Argument, value: Any) -> Any:
    """A value as an operator is given it: sizes as lists, the reduction of a loss by number."""
    kind = argument.kind.removesuffix("?")
    if kind.endswith("[]"):
        made = list(value) if isinstance(value, (list, tuple)) else [value]
        return made
    if kind == "MemoryFormat" and isinstance(value, str):
        name = value.removeprefix("torch.")
        return MEMORY_FORMATS.get(name) or MEMORY_FORMATS[f"{name}_format"]
    if argument.name == "reduction" and isinstance(value, str):
        return REDUCTIONS.index(value)
    if kind == "float" and isinstance(value, int):
        return float(value)
    return value


@functools.cache
def pairing(op: Op, text: str) -> Pairing | None:
    """How an op stands for an overload; None if it cannot."""
    schema = schema_of(text)
    inputs = _inputs(schema)
    free = [i for i, p in enumerate(op.params) if p.name not in {a.name for a in inputs}]
    places: list[int | None] = []
    for argument in inputs:
        at = op.index_of.get(argument.name)
        if at is None and free and not (argument.has_default_value() and argument.kwarg_only):
            at = free[0] if _compatible(op.params[free[0]], argument) else None
            if at is not None:
                free.pop(0)
        if at is not None and not _compatible(op.params[at], argument):
            return None
        if at is None and not (argument.has_default_value() or argument.name in CONSTANTS):
            return None
        places.append(at)
    found = Pairing(op, schema, places)
    if any(op.params[i].required and op.params[i].name not in _IGNORED.get(op.name, ()) for i in found.left):
        return None
    return found


@functools.cache
def schema_of(text: str) -> FunctionSchema:
    return FunctionSchema(text)


def _is_out(schema: FunctionSchema) -> bool:
    return any(argument.is_out for argument in schema.arguments)


def in_formula() -> bool:
    """Whether it is a gradient formula that calls, rather than a program."""
    return isinstance(engine.current_node(), OpNode) and not saved.pairs.in_hook and not state.beneath


def operator_of(op: Op, values: Sequence[Any], inplace: bool, out: bool) -> tuple[FunctionSchema, list[Any]] | None:
    """The overload that a call of an op is, with the arguments that come in; None if there is none."""
    formula = in_formula()
    for name, only in names_of(op, inplace):
        lines = aten.overloads().get(name, ())
        wraps = name in _WRAPS_NUMBERS and not formula and only is None
        for wrapping in (True,) if wraps else (False, True):
            for line in lines:
                schema = schema_of(line.schema)
                if (only is not None and schema.overload_name != only) or _is_out(schema) != out:
                    continue
                found = pairing(op, line.schema)
                args = found.arguments(values, wrapping) if found is not None else None
                if args is not None:
                    return schema, args
    return None


@functools.cache
def ops_by_operator() -> dict[str, list[tuple[Op, bool]]]:
    """Operator name to the ops that may stand for it, and whether in their in-place form."""
    found: dict[str, list[tuple[Op, bool]]] = {}
    for ops in OPS.values():
        for op in ops:
            for inplace in (False, True) if op.inplace else (False,):
                for name, _ in names_of(op, inplace):
                    entry = (op, inplace)
                    if entry not in found.setdefault(name, []):
                        found[name].append(entry)
    for name, entries in found.items():
        entries.sort(key=lambda entry: entry[0].name != name.removesuffix("_"))
    return found


def declared(op: Op, inplace: bool) -> FunctionSchema:
    """An operator that torch has with other arguments, or not at all: the op's own name and signature."""
    *_, (name, _) = names_of(op, inplace)
    shown, kwarg_only = [], False
    for param in op.params:
        if param.keyword_only and not kwarg_only:
            shown.append("*")
            kwarg_only = True
        kind = param.type.replace("Tensor|Scalar", "Tensor").replace("dtype", "ScalarType").replace("any", "Any?")
        kind = "int" if param.name == "reduction" else kind
        shown.append(f"{kind} {param.name}" + ("" if param.required else f"={_literal(param.default)}"))
    return FunctionSchema(f"aten::{name}({', '.join(shown)}) ->{op.signature.rpartition('->')[2]}")


def _literal(value: Any) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)


def op_of(schema: FunctionSchema, given: Sequence[Any]) -> tuple[Op, list[Any], bool] | None:
    """The op that stands for an overload, with the arguments that it is called with; None if there is none."""
    name = schema.name.removeprefix("aten::")
    found: list[tuple[int, Op, list[Any], bool]] = []
    for op, inplace in ops_by_operator().get(name, ()):
        if not op.holds() or (_is_out(schema) and not op.out):
            continue
        pair = pairing(op, str(schema))
        values = pair.values(given) if pair is not None else None
        if pair is not None and values is not None:
            found.append((len(pair.left), op, values, inplace))
    if not found:
        return None
    return min(found, key=lambda each: each[0])[1:]  # the one that the operator says most about


def same(value: Any, default: Any) -> bool:
    """Whether a value is a default: 1.0 is not 1."""
    if isinstance(value, (list, tuple)) and isinstance(default, list):
        return len(value) == len(default) and all(map(same, value, default))
    if isinstance(value, (Tensor, dtypes.dtype)) or isinstance(default, Tensor):
        return value is default
    return type(value) is type(default) and bool(value == default)


def without_defaults(schema: FunctionSchema, given: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments as they are shown: trailing ones that have their defaults are left out."""
    inputs = _inputs(schema)
    args = [value for argument, value in zip(inputs, given, strict=True) if not argument.kwarg_only]
    last = [argument for argument in inputs if not argument.kwarg_only]
    while args and last[len(args) - 1].has_default_value() and same(args[-1], last[len(args) - 1].default_value):
        args.pop()
    kwargs = {
        argument.name: value
        for argument, value in zip(inputs, given, strict=True)
        if argument.kwarg_only and not (argument.has_default_value() and same(value, argument.default_value))
    }
    return tuple(args), kwargs
