"""Custom autograd Functions: what forward saves, changes and returns, what backward gives, in either style."""

from __future__ import annotations

from typing import Any

from conformance.generate.builder import Builder
from conformance.generate.families import calls
from conformance.generate.families.changing import change
from conformance.program import steps as s

CTX = s.Ref("ctx")
_OUTPUTS = ("scale", "product", "same", "view", "dirty", "part", "intermediate", "detached", "number")
_OUTPUT_WEIGHTS = [6, 10, 11.2, 13, 15.5, 16.5, 17.5, 18, 18.2]
_GRADIENTS = ("scale", "saved", "same", "none", "sum", "in_place", "view", "other", "type")
_GRADIENT_WEIGHTS = [5, 9, 11.5, 12.3, 12.8, 13.6, 14.4, 15.4, 15.6]

_VIEWS: tuple[tuple[Any, ...], ...] = (("unsqueeze", 0), ("view", -1), ("transpose", 0, -1), ("t",))


class _Draft:
    """A Function in the making: its inputs, and the steps of its methods."""

    def __init__(self, b: Builder, inputs: int) -> None:
        self.b = b
        self.inputs = [f"a{i}" for i in range(inputs)]
        self.forward: list[s.Step] = []
        self.outputs: list[Any] = []
        self.saved: list[str] = []
        self.dirty: list[str] = []

    def call(self, steps: list[s.Step], op: str, *args: Any, out: str | None = None, form: Any = "method") -> None:
        given = tuple(s.Ref(arg) if isinstance(arg, str) else arg for arg in args)
        steps.append(s.Apply(op, given, (), () if out is None else (out,), form))


def custom(b: Builder) -> None:
    """Define and apply a Function; now and then something it saved or returned is changed before its gradient."""
    x = b.pick_differentiable() or b.pick()
    if x is None:
        return
    args: list[Any] = [s.Ref(x)]
    if b.choose.coin(0.45):
        shape = b.tensors[x].shape
        y = b.pick(lambda t: t.shape == shape)
        args.append(s.Ref(y if y is not None else x))
        if b.choose.coin(0.3):
            args.reverse()
    draft = _Draft(b, len(args))
    count = b.choose.weighted((1, 2), (7, 10))
    for k in range(count):
        _output(draft, k)
    _save(draft)
    separate = b.choose.coin(0.2) and not draft.dirty
    settings = _settings(draft)
    result: Any = draft.outputs[0] if count == 1 and not b.choose.coin(0.1) else s.Seq(tuple(draft.outputs))
    name = b.fresh("Fn")
    forward, setup = _methods(draft, [*settings], result, separate)
    definition = s.FunctionDef(
        name,
        forward,
        _backward(draft, count),
        setup_context=setup,
        jvp=_jvp(draft, count) if b.choose.coin(0.15) else None,
        once_differentiable=b.choose.coin(0.1),
    )
    outs = tuple(b.fresh() for _ in range(count))
    b.emit(s.CustomFunction(definition, tuple(args), outs, unpack=isinstance(result, s.Seq)))
    made = [n for n in outs if n in b.tensors]
    if made and b.choose.coin(0.25):
        change(b, b.choose.one_of([*made, x]))
    rooted = [n for n in made if b.tensors[n].requires_grad]
    if rooted and b.choose.coin(0.4):
        calls.about(b, b.choose.one_of(rooted))


def _output(draft: _Draft, k: int) -> None:
    """One output, and the steps that make it."""
    b, steps, out = draft.b, draft.forward, f"r{k}"
    a = b.choose.one_of(draft.inputs)
    kind = b.choose.weighted(_OUTPUTS, _OUTPUT_WEIGHTS)
    if kind == "scale":
        draft.call(steps, "mul", a, 3.0, out=out)
    elif kind == "product":
        draft.call(steps, "mul", a, draft.inputs[-1], out=out)
    elif kind == "same":
        out = a
    elif kind == "view":
        way: tuple[Any, ...] = b.choose.one_of(_VIEWS)
        draft.call(steps, way[0], a, *way[1:], out=out)
    elif kind == "dirty":
        draft.call(steps, b.choose.one_of(("mul", "add")), a, 2.0, form="inplace")
        if not b.spoil():
            draft.dirty.append(a)
        out = a if not b.spoil() else draft.inputs[0]
    elif kind == "part":
        steps.append(s.GetItem(out, a, s.Ellipsis_()))
        if b.choose.coin(0.3):
            draft.call(steps, "mul", out, 2.0, form="inplace")
    elif kind == "intermediate":
        draft.call(steps, "mul", a, 2.0, out=f"m{k}")
        draft.call(steps, "view", f"m{k}", -1, out=out)
    elif kind == "detached":
        draft.call(steps, "detach", a, out=out)
    else:
        draft.outputs.append(1.0)
        return
    draft.outputs.append(s.Ref(out))


def _save(draft: _Draft) -> None:
    """Inputs, outputs, or neither."""
    b = draft.b
    results = [out.name for out in draft.outputs if isinstance(out, s.Ref)]
    for name in dict.fromkeys((*draft.inputs, *results)):
        if b.choose.coin(0.35):
            draft.saved.append(name)


def _settings(draft: _Draft) -> list[s.Step]:
    """What the context is told."""
    b, steps = draft.b, list[s.Step]()
    if draft.saved:
        draft.call(steps, "save_for_backward", "ctx", *draft.saved)
    if draft.dirty:
        draft.call(steps, "mark_dirty", "ctx", *dict.fromkeys(draft.dirty))
    if b.choose.coin(0.1):
        marked = b.choose.one_of(draft.outputs)
        if isinstance(marked, s.Ref):
            draft.call(steps, "mark_non_differentiable", "ctx", marked.name)
    if b.choose.coin(0.12):
        draft.call(steps, "set_materialize_grads", "ctx", False)
    return steps


def _methods(
    draft: _Draft, settings: list[s.Step], result: Any, separate: bool
) -> tuple[s.FunctionLit, s.FunctionLit | None]:
    """forward, and setup_context in the style that has it."""
    if not separate:
        early = draft.b.choose.coin(0.3) and not any(name.startswith(("r", "m")) for name in draft.saved)
        steps = (*settings, *draft.forward) if early and not _marks(settings) else (*draft.forward, *settings)
        return s.FunctionLit(("ctx", *draft.inputs), steps, result), None
    given: list[s.Step] = [s.GetItem(name, "inputs", i) for i, name in enumerate(draft.inputs)]
    outputs = draft.outputs if isinstance(result, s.Seq) else draft.outputs[:1]
    for i, out in enumerate(outputs):
        if isinstance(out, s.Ref) and out.name not in draft.inputs:
            given.append(s.GetItem(out.name, "output", i) if isinstance(result, s.Seq) else _same("output", out.name))
    return (
        s.FunctionLit(tuple(draft.inputs), tuple(draft.forward), result),
        s.FunctionLit(("ctx", "inputs", "output"), (*given, *settings)),
    )


def _marks(settings: list[s.Step]) -> bool:
    return any(isinstance(x, s.Apply) and x.op.startswith("mark_") for x in settings)


def _same(source: str, out: str) -> s.Step:
    """Another name for a value."""
    return s.Apply("copy.copy", (s.Ref(source),), (), (out,))


def _backward(draft: _Draft, count: int) -> s.FunctionLit:
    b, steps = draft.b, list[s.Step]()
    given = [f"g{k}" for k in range(count)]
    kept: list[str] = []
    if draft.saved and b.choose.coin(0.8):
        kept = [f"k{i}" for i in range(len(draft.saved))]
        steps.append(s.Apply("saved_tensors", (CTX,), (), tuple(kept), "property", True))
    wanted = len(draft.inputs)
    if b.spoil():
        wanted += 1 if b.choose.coin(0.5) else -1
    results = [_gradient(draft, steps, f"d{i}", b.choose.one_of(given), given, kept) for i in range(wanted)]
    result: Any = results[0] if len(results) == 1 else s.Seq(tuple(results))
    return s.FunctionLit(("ctx", *given), tuple(steps), result)


def _gradient(draft: _Draft, steps: list[s.Step], out: str, g: str, given: list[str], kept: list[str]) -> Any:
    """What backward returns for one input."""
    b = draft.b
    kind = b.choose.weighted(_GRADIENTS, _GRADIENT_WEIGHTS)
    if kind == "saved" and kept:
        draft.call(steps, "mul", g, b.choose.one_of(kept), out=out)
    elif kind in ("scale", "saved"):
        draft.call(steps, "mul", g, 3.0, out=out)
    elif kind == "same":
        return s.Ref(g)
    elif kind == "none":
        return None
    elif kind == "sum":
        draft.call(steps, "sum", g, out=out)
    elif kind == "in_place":
        draft.call(steps, "mul", g, 2.0, form="inplace")
        return s.Ref(g)
    elif kind == "view":
        draft.call(steps, "view_as", g, g, out=out)
    elif kind == "other" and len(given) > 1:
        draft.call(steps, "add", given[0], given[1], out=out)
    elif kind == "type":
        return "a"
    else:
        return s.Ref(g)
    return s.Ref(out)


def _jvp(draft: _Draft, count: int) -> s.FunctionLit:
    b, steps = draft.b, list[s.Step]()
    tangents = [f"t{i}" for i in range(len(draft.inputs))]
    results: list[Any] = []
    for k in range(count):
        t = b.choose.one_of(tangents)
        kind = b.choose.weighted(("scale", "same", "none", "add"), (5, 8, 8.5, 11))
        if kind == "same":
            results.append(s.Ref(t))
        elif kind == "none":
            results.append(None)
        else:
            draft.call(steps, "mul", t, 3.0, out=f"d{k}")
            results.append(s.Ref(f"d{k}"))
    return s.FunctionLit(("ctx", *tangents), tuple(steps), results[0] if count == 1 else s.Seq(tuple(results)))
