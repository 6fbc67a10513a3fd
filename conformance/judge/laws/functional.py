"""The law of functions: a Program with views and in-place changes is a function that can be written without them.

The rewriting is mechanical, and this is how a Program becomes a function. Each memory is one flat tensor that is never
changed: reading a tensor takes its elements by their places, and a change in place makes the memory anew, with these
places replaced. Geometry is taken from the Trace; there are no views, no in-place steps, no versions.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from conformance.execute.trace import TensorState, Trace
from conformance.judge.laws.derivative import in_double
from conformance.judge.laws.law import NotApplicable, Violation, law, refs, run, shown, states_after, wide
from conformance.program import names as n
from conformance.program import steps as s
from conformance.subjects.base import Subject

_GEOMETRY = frozenset({"t", "transpose", "swapaxes", "swapdims", "squeeze", "unsqueeze", "as_strided", "requires_grad"})
# Draws numbers, reads another dtype, changes memory behind the Trace, or cuts the graph on purpose.
_BEYOND = frozenset(
    {
        *("detach", "data", "set", "resize", "resize_as", "copy.copy", "copy.deepcopy", "nn.Parameter", "as_tensor"),
        *("view_as_real", "view_as_complex", "real", "imag", "conj", "adjoint", "H", "mH", "set_grad_enabled"),
        *(
            "bernoulli",
            "multinomial",
            "normal",
            "uniform",
            "random",
            "exponential",
            "cauchy",
            "geometric",
            "log_normal",
        ),
    }
)
_TOLERANCE = 1e-7


class _Rewriting:
    """One Program becoming a function.

    Attributes:
        steps: what is written so far.
        memory: the newest flat tensor of each memory.
        home: the memory that each name of the Program looks into.
    """

    def __init__(self, program: s.Program, trace: Trace, stop: int) -> None:
        self.program, self.trace, self.stop = program, trace, stop
        self.steps: list[s.Step] = []
        self.memory: dict[str, str] = {}
        self.home: dict[str, str] = {}
        self.states: dict[str, TensorState] = {}
        self.sizes: dict[str, int] = {}
        self.count = 0
        self.plain: set[str] = set()  # names whose values are no tensors of the Program's memory

    def fresh(self) -> str:
        self.count += 1
        return f"law{self.count}"

    def emit(self, op: str, *args: Any, form: Any = "function", **kwargs: Any) -> s.Ref:
        out = self.fresh()
        given = tuple(s.Ref(a) if isinstance(a, str) else a for a in args)
        self.steps.append(s.Apply(op, given, tuple(kwargs.items()), (out,), form))
        return s.Ref(out)

    def places(self, name: str, state: TensorState | None = None) -> Any:
        """The index of each element of a tensor in its memory."""
        state = self.states[name] if state is None else state
        if state.stride is None or state.offset is None:
            raise NotApplicable
        grid = np.full(state.shape, state.offset)
        for d, (size, stride) in enumerate(zip(state.shape, state.stride, strict=True)):
            shape = [1] * len(state.shape)
            shape[d] = size
            grid = grid + (np.arange(size) * stride).reshape(shape)
        return grid

    def indices(self, places: Any) -> s.Ref:
        out = self.fresh()
        values = tuple(int(k) for k in places.reshape(-1)) or (0,)
        self.steps.append(s.Make(out, values, tuple(places.shape), "int64"))
        return s.Ref(out)

    def read(self, name: str) -> s.Ref:
        return self.emit("take", self.memory[self.home[name]], self.indices(self.places(name)))

    def replace(self, home: str, places: Any, value: s.Ref) -> None:
        """The memory made anew, with some places replaced."""
        flat = places.reshape(-1)
        if len(set(flat.tolist())) != len(flat):
            raise NotApplicable  # an element written twice: to be refused, which is another law's matter
        where = s.Seq((self.indices(places),))
        self.memory[home] = self.emit("index_put", self.memory[home], where, value).name

    def settle(self, name: str, value: s.Ref) -> None:
        """A tensor with memory of its own."""
        state = self.states[name]
        self.home[name] = name
        zeros = self.fresh()
        self.steps.append(s.Make(zeros, (0,), (max(self.sizes[name], 1),), state.dtype))
        self.memory[name] = zeros
        if 0 not in state.shape:
            self.replace(name, self.places(name), value)

    # -- one step ----------------------------------------------------------------------------------------------

    def step(self, index: int) -> None:
        step, seen = self.program.steps[index], self.trace.steps[index]
        before, self.states = self.states, {**self.states, **seen.tensors}
        if seen.outcome != "ok" or isinstance(step, (s.Delete, s.Read, s.AddHook, s.RemoveHook)):
            if seen.outcome == "raised" and any(_moved(before.get(k), v) for k, v in seen.tensors.items()):
                raise NotApplicable
            return
        for name, state in seen.tensors.items():
            if name not in before and state.storage not in (name, None) and state.storage in self.home:
                self.home[name] = self.home[state.storage]
        if isinstance(step, s.Make):
            self.make(step)
        elif isinstance(step, s.SetItem):
            self.set_item(step, before)
        elif isinstance(step, s.Apply) and step.form in ("inplace", "augmented"):
            self.in_place(step, before)
        elif isinstance(step, (s.Apply, s.GetItem)):
            self.apply(step, before)
        else:
            raise NotApplicable

    def make(self, step: s.Make) -> None:
        leaf = self.fresh()
        self.steps.append(step)
        if step.requires_grad and step.strides is not None:
            raise NotApplicable
        if step.strides is not None:  # what lies between its elements is there too
            whole = tuple(step.values)
            self.steps.append(s.Make(leaf, whole, (len(whole),), step.dtype))
            self.home[step.out], self.memory[step.out] = step.out, leaf
            return
        self.settle(step.out, s.Ref(step.out))

    def arguments(self, step: s.Step, before: dict[str, TensorState], skip: str | None = None) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in n.used(step):
            if name in self.home and name != skip and name in before:
                state = self.states[name]
                self.states[name] = before[name]  # it is read as it was before the step
                found[name] = self.read(name).name
                self.states[name] = state
        return found

    def apply(self, step: Any, before: dict[str, TensorState]) -> None:
        outs = [step.out] if isinstance(step, s.GetItem) else list(step.outs)
        if any(_moved(before.get(k), v) for k, v in self.states.items() if k in before and k not in outs):
            raise NotApplicable  # an op that writes to its arguments
        if any(out not in self.states for out in outs):
            raise NotApplicable
        own = [out for out in outs if out not in self.home]
        if not own:
            return  # views: their places are known
        if len(own) != len(outs) or (isinstance(step, s.Apply) and step.form == "out"):
            raise NotApplicable
        changed = n.renamed(step, self.arguments(step, before))
        results = tuple(self.fresh() for _ in outs)
        if isinstance(changed, s.GetItem):
            changed = msgspec.structs.replace(changed, out=results[0])
        else:
            changed = msgspec.structs.replace(changed, outs=results)
        self.steps.append(changed)
        for out, result in zip(outs, results, strict=True):
            self.settle(out, s.Ref(result))

    def in_place(self, step: s.Apply, before: dict[str, TensorState]) -> None:
        target: Any = step.args[0]
        if not isinstance(target, s.Ref) or target.name not in before:
            raise NotApplicable
        name, op = target.name, step.op
        if op in _GEOMETRY:
            return
        given = self.arguments(step, before)
        state = before[name]
        mine = given[name]
        if op == "zero":
            value = self.emit("zeros_like", mine)
        elif op in ("fill", "copy"):
            source: Any = step.args[1]
            value = self.emit("zeros_like", mine)
            held = s.Ref(given[source.name]) if isinstance(source, s.Ref) else source
            value = (
                self.emit("add", value, held)
                if op == "copy" or isinstance(held, s.Ref)
                else self.emit("full_like", mine, held)
            )
        else:
            changed = n.renamed(step, given)
            out = self.fresh()
            form: Any = "operator" if step.form == "augmented" else "method"
            self.steps.append(msgspec.structs.replace(changed, outs=(out,), form=form))
            value = s.Ref(out)
        value = self.emit("to", value, s.Dtype(state.dtype), form="method")
        self.replace(self.home[name], self.places(name, state), value)

    def set_item(self, step: s.SetItem, before: dict[str, TensorState]) -> None:
        state = before[step.target]
        index = _numpy_index(step.index)
        try:
            places = self.places(step.target, state)[index]
        except IndexError:
            raise NotApplicable from None
        if not places.size:
            return
        if isinstance(step.value, s.Ref):
            value = s.Ref(self.arguments(step, before, skip=step.target).get(step.value.name, ""))
            if not value.name:
                value = self.read(step.target)
            value = self.emit("to", value, s.Dtype(state.dtype), form="method")
        else:
            made = self.fresh()
            if not isinstance(step.value, (bool, int, float)):
                raise NotApplicable
            self.steps.append(s.Make(made, (step.value,), (), state.dtype))
            value = s.Ref(made)
        self.replace(self.home[step.target], np.asarray(places), value)


def _moved(was: TensorState | None, now: TensorState) -> bool:
    return was is not None and (was.value, was.shape, was.stride, was.offset) != (
        now.value,
        now.shape,
        now.stride,
        now.offset,
    )


def _numpy_index(arg: Any) -> Any:
    if isinstance(arg, s.Seq):
        items = [_numpy_index(item) for item in arg.items]
        return tuple(items) if arg.type == "tuple" else items
    if isinstance(arg, s.Slice):
        return slice(arg.start, arg.stop, arg.step)
    if isinstance(arg, s.Ellipsis_):
        return Ellipsis
    if arg is None or isinstance(arg, int):
        return arg
    raise NotApplicable


def _suits(step: s.Step) -> bool:
    if isinstance(step, (s.EnterMode, s.ExitMode, s.CustomFunction, s.SetAttr, s.Backward, s.Grad)):
        return False
    if isinstance(step, s.AddHook):
        return step.on == "retain_grad" or getattr(step.callback, "do", "") == "observe"
    if isinstance(step, s.Read):
        return step.out is None
    if isinstance(step, s.Apply):
        dtype_view = step.op == "view" and any(isinstance(a, s.Dtype) for a in step.args)
        return not (step.op in _BEYOND or "dropout" in step.op or "forward_ad" in step.op or dtype_view)
    return True


@law("law.functional")
def functional(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """Rewritten without views and in-place steps, a Program gives the same values and gradients."""
    at = next((i for i, x in enumerate(program.steps) if isinstance(x, (s.Backward, s.Grad))), None)
    if at is None or trace.steps[at].outcome != "ok" or not all(map(_suits, program.steps[:at])):
        raise NotApplicable
    if not any(_shares(step) for step in program.steps[:at]):
        raise NotApplicable  # it is one already
    double = in_double(program)
    call: Any = double.steps[at]
    roots = refs(call.tensors if isinstance(call, s.Backward) else call.outputs)
    usual = run(s.Program(double.steps[:at], observe="each"), subject)
    states = states_after(usual, at - 1)
    leaves = [
        x.out
        for x in double.steps[:at]
        if isinstance(x, s.Make) and x.requires_grad and x.out in states and _untouched(states[x.out])
    ]
    roots = [
        r for r in dict.fromkeys(roots) if r in states and states[r].requires_grad and states[r].dtype == "float64"
    ]
    if not roots or not leaves:
        raise NotApplicable
    rng = np.random.default_rng(len(program.steps))
    makes = [_weights(f"lawc{k}", np.round(rng.uniform(-2, 2, states[r].shape), 2)) for k, r in enumerate(roots)]
    rewriting = _Rewriting(double, usual, at)
    rewriting.sizes = _sizes(usual)
    for index in range(at):
        rewriting.step(index)
    read = {r: rewriting.read(r).name for r in roots}
    outs = tuple(f"lawg{k}" for k in range(len(leaves)))
    inputs = s.Seq(tuple(map(s.Ref, leaves)))
    cotangents = s.Seq(tuple(s.Ref(m.out) for m in makes))

    def ask(names: list[str]) -> s.Step:
        return s.Grad(outs, s.Seq(tuple(map(s.Ref, names))), inputs, cotangents, allow_unused=True)

    plain = s.Program((*double.steps[:at], *makes, ask(roots)), observe="each")
    pure = s.Program((*rewriting.steps, *makes, ask(list(read.values()))), observe="each")
    one, other = run(plain, subject), run(pure, subject)
    if one.steps[-1].outcome != "ok" or any(t.outcome != "ok" for t in other.steps):
        raise NotApplicable  # refused, or an op that has no out-of-place form
    first, second = states_after(one, len(one.steps) - 1), states_after(other, len(other.steps) - 1)
    for k, name in enumerate(leaves):
        broken = _differ(first.get(outs[k]), second.get(outs[k]), states[name].shape)
        if broken:
            what = f"gradient of {name}"
            told = f"{shown(second.get(outs[k]))} (as a function)"
            return Violation(len(plain.steps) - 1, what, told, shown(first.get(outs[k])), plain)
    for root, name in read.items():
        if _differ(first[root], second[name], states[root].shape):
            return Violation(at, root, f"{shown(second[name])} (as a function)", shown(first[root]), plain)
    return None


def _differ(one: TensorState | None, other: TensorState | None, shape: tuple[int, ...]) -> bool:
    a, b = (np.zeros(shape) if state is None else wide(state) for state in (one, other))
    if a.shape != b.shape:
        return True
    fine = np.isfinite(a) & np.isfinite(b)
    if not fine.all():  # infinities on the way meet zeros in one form and not in the other
        raise NotApplicable
    with np.errstate(all="ignore"):
        size = 1 + max(float(np.max(np.abs(a), initial=0.0)), float(np.max(np.abs(b), initial=0.0)))
    if size > 1e8:
        raise NotApplicable
    return bool(np.any(np.abs(a - b) > _TOLERANCE * size))


def _shares(step: s.Step) -> bool:
    if isinstance(step, (s.SetItem, s.GetItem)):
        return True
    return isinstance(step, s.Apply) and step.form in ("inplace", "augmented")


def _untouched(state: TensorState) -> bool:
    return (
        state.is_leaf and state.requires_grad and state.version == 0 and state.dtype == "float64" and not state.same_as
    )


def _weights(name: str, values: Any) -> s.Make:
    return s.Make(name, tuple(float(v) for v in values.reshape(-1)) or (0.0,), values.shape, "float64")


def _sizes(trace: Trace) -> dict[str, int]:
    """How many elements each memory holds, by the name that had it first."""
    sizes: dict[str, int] = {}
    home: dict[str, str] = {}
    for step in trace.steps:
        for name, state in step.tensors.items():
            own = home.setdefault(name, home.get(state.storage or name, name))
            if state.stride is not None and state.offset is not None and 0 not in state.shape:
                last = state.offset + sum((c - 1) * k for c, k in zip(state.shape, state.stride, strict=True))
                sizes[own] = max(sizes.get(own, 1), last + 1)
    return {**{name: sizes.get(own, 1) for name, own in home.items()}, **sizes}


__all__ = ["functional"]
