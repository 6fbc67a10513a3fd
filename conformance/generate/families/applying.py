"""Applying ops: out of place, views, in place, and with ``out=``."""

from __future__ import annotations

from functools import cache
from typing import Any

from conformance.generate.builder import MAX_NUMEL, MAX_TENSORS, Builder
from conformance.generate.families import arguments, making
from conformance.program import steps as s
from reference_engine.ops.declare import OPS, Op

_OPERATORS = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "div": "truediv",
    "pow": "pow",
    "matmul": "matmul",
    "neg": "neg",
    "abs": "abs",
    "lt": "lt",
    "gt": "gt",
    "le": "le",
    "ge": "ge",
    "eq": "eq",
    "ne": "ne",
}


@cache
def catalogue(kind: str) -> tuple[tuple[str, Op], ...]:
    """Ops that can be drawn: "op" (out of place), "view", or "inplace".

    In the order of their names, so that a seed draws the same however the modules that declare them are imported.
    """
    found = []
    for name in sorted(OPS):
        for op in OPS[name]:
            if op.samples is None:
                continue
            if (
                (kind == "inplace" and op.inplace and "." not in name)
                or (kind == "view" and op.is_view)
                or (kind == "op" and (op.is_function or op.is_method))
            ):
                found.append((name, op))
    return tuple(found)


def op(b: Builder) -> None:
    _apply(b, *b.choose.one_of(catalogue("op")))


def view(b: Builder) -> None:
    _apply(b, *b.choose.one_of(catalogue("view")))


def inplace(b: Builder) -> None:
    name, chosen = b.choose.one_of(catalogue("inplace"))
    try:
        positional, keywords = arguments.draw(b, chosen)
    except arguments.Unfit:
        return
    form: Any = "inplace"
    operator = _OPERATORS.get(name)
    if (
        operator in ("add", "sub", "mul", "truediv", "pow")
        and len(positional) == 2
        and not keywords
        and b.choose.coin(0.25)
    ):
        name, form = operator, "augmented"
    b.emit(s.Apply(name, tuple(positional), tuple(keywords.items()), (), form))


def _apply(b: Builder, name: str, chosen: Op) -> None:
    if len(b.tensors) >= MAX_TENSORS and b.choose.coin(0.5):
        return
    try:
        positional, keywords = arguments.draw(b, chosen)
    except arguments.Unfit:
        return
    form = _form(b, name, chosen, positional, keywords)
    out = b.fresh()
    if form == "operator":
        name = _OPERATORS[name]
    elif form == "out":
        keywords["out"] = s.Ref(_out_tensor(b, positional))
    results = chosen.signature.rpartition("->")[2].count("Tensor,") + 1
    outs: tuple[str, ...] = (out, *(b.fresh() for _ in range(results - 1)))
    unpack = False
    if chosen.multi_output_view and (count := _count(b, chosen, positional, keywords)):
        outs, unpack = (out, *(b.fresh() for _ in range(count - 1))), True
    b.emit(s.Apply(name, tuple(positional), tuple(keywords.items()), outs, form, unpack))
    made = b.tensors.get(out)
    if made is not None and made.numel() > 4 * MAX_NUMEL:
        b.emit(s.Delete((out,)))


def _form(b: Builder, name: str, chosen: Op, positional: list[Any], keywords: dict[str, Any]) -> Any:
    forms = []
    first_is_tensor = bool(positional) and isinstance(positional[0], s.Ref)
    if chosen.is_method and "." not in name and first_is_tensor:
        forms.append("method")
    if chosen.is_function:
        forms.append("function")
        if chosen.out and "-> (" not in chosen.signature and b.choose.coin(0.04):
            forms = ["out"]
    arity = 1 if name in ("neg", "abs") else 2
    if name in _OPERATORS and first_is_tensor and len(positional) == arity and not keywords:
        forms.append("operator")
    return b.choose.one_of(forms)


def _out_tensor(b: Builder, positional: list[Any]) -> str:
    like = next((b.tensors[a.name] for a in positional if isinstance(a, s.Ref) and a.name in b.tensors), None)
    if b.choose.coin(0.1):
        found = b.pick()
        if found is not None:
            return found
    shape = tuple(like.shape) if like is not None else (2,)
    return making.new(b, shape, like.dtype.name if like is not None else "float32", False)


def _count(b: Builder, chosen: Op, positional: list[Any], keywords: dict[str, Any]) -> int:
    """How many tensors a multi-output view gives here: known by trying it on the reference's metadata."""
    t = b.tensors.get(positional[0].name) if positional and isinstance(positional[0], s.Ref) else None
    if t is None or chosen.name != "unbind":
        return 0
    dim = keywords.get("dim", positional[1] if len(positional) > 1 else 0)
    if not isinstance(dim, int) or not t.ndim or not -t.ndim <= dim < t.ndim:
        return 0
    return int(t.shape[dim])
