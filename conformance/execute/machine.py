"""The Machine: the one interpreter of Programs, for every subject."""

from __future__ import annotations

import contextlib
import operator
import warnings
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from conformance.execute import callables
from conformance.execute.arguments import evaluate, evaluate_all, keywords, node, number
from conformance.execute.calls import FORMS, reachable
from conformance.execute.observe import clean
from conformance.execute.scope import Scope, Session, Undefined
from conformance.execute.trace import Outcome, Seen, StepTrace, Trace
from conformance.program import steps as s
from conformance.program.limits import ProgramError
from conformance.program.words import READ_METHODS
from conformance.subjects.base import Subject

# -- results -----------------------------------------------------------------------------------------------------------


def _seen(scope: Scope, value: Any) -> Seen:
    """What to record of a result that got no name."""
    observer = scope.session.observer
    name = observer.name_of(value)
    return ("is", name) if name is not None else observer.describe(value)


def _bind(scope: Scope, outs: tuple[str, ...], result: Any, unpack: bool) -> Seen:
    """Name the result; what is recorded is the part of it that is no tensor, for tensors are observed by name."""
    if not outs and not unpack:
        return None if scope.outer is not None else _seen(scope, result)
    tensor, describe = scope.session.api.Tensor, scope.session.observer.describe
    if len(outs) == 1 and not unpack:
        scope.bind(outs[0], result)
        return None if isinstance(result, tensor) or scope.outer is not None else describe(result)
    values = tuple(result)
    if len(values) > len(outs):
        raise ValueError(f"too many values to unpack (expected {len(outs)})")
    if len(values) < len(outs):
        raise ValueError(f"not enough values to unpack (expected {len(outs)}, got {len(values)})")
    for name, value in zip(outs, values, strict=True):
        scope.bind(name, value)
    if scope.outer is not None or all(isinstance(value, tensor) for value in values):
        return None
    return tuple([None if isinstance(value, tensor) else describe(value) for value in values])


# -- tensors -----------------------------------------------------------------------------------------------------------

_PLAIN = frozenset({bool, int, float})


def nested(values: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Flat values as nested lists of a shape without zeros."""
    if not shape:
        return values[0]
    rows: Any = list(values)
    for size in reversed(shape[1:]):
        rows = [rows[i : i + size] for i in range(0, len(rows), size)]
    return rows


def _make(scope: Scope, step: s.Make) -> Seen:
    api, shape = scope.session.api, step.shape
    values: Any = step.values
    if not _PLAIN.issuperset(map(type, values)):
        values = [number(value) for value in values]
    options = {"dtype": scope.session.subject.resolve(step.dtype)}
    if step.strides is not None:
        tensor = api.tensor(list(values), **options).as_strided(shape, step.strides, step.offset)
        if step.requires_grad:
            tensor.requires_grad_()
    else:
        if step.requires_grad:
            options["requires_grad"] = True
        if 0 in shape:
            tensor = api.zeros(shape, **options)
        elif len(values) == 1 and shape:
            tensor = api.full(shape, values[0], **options)
        else:
            tensor = api.tensor(nested(values, shape), **options)
    scope.bind(step.out, tensor)
    return None


# -- calls -------------------------------------------------------------------------------------------------------------


def _apply(scope: Scope, step: s.Apply) -> Seen:
    args = [evaluate(scope, arg) for arg in step.args]
    kwargs = keywords(scope, step.kwargs) if step.kwargs else {}
    outs = step.outs
    if step.form == "augmented" and not outs and type(step.args[0]) is s.Ref:
        outs = (step.args[0].name,)  # `x += y` binds x again
    return _bind(scope, outs, FORMS[step.form](scope, step.op, args, kwargs), step.unpack)


def _getitem(scope: Scope, step: s.GetItem) -> Seen:
    return _bind(scope, (step.out,), scope.lookup(step.source)[evaluate(scope, step.index)], False)


def _setitem(scope: Scope, step: s.SetItem) -> Seen:
    scope.lookup(step.target)[evaluate(scope, step.index)] = evaluate(scope, step.value)
    return None


def _setattr(scope: Scope, step: s.SetAttr) -> Seen:
    target = reachable(scope.session, scope.lookup(step.target))
    if isinstance(target, type):
        raise ProgramError("a Program may not change a class")
    setattr(target, step.name, evaluate(scope, step.value))
    if step.name == "grad":
        scope.session.observer.graded.add(id(target))
    return None


# -- modes -------------------------------------------------------------------------------------------------------------


def _enter(scope: Scope, step: s.EnterMode) -> Seen:
    contexts = scope.session.contexts
    # A refused mode keeps its place, so that its exit does not leave another.
    contexts.append(None)
    manager = scope.session.subject.resolve(step.mode)
    context = manager(*evaluate_all(scope, step.args), **keywords(scope, step.kwargs))
    entered = context.__enter__()
    contexts[-1] = context
    if step.out is not None:
        scope.bind(step.out, entered)
    return None


def _exit(scope: Scope, step: s.ExitMode) -> Seen:
    if not scope.session.contexts:
        raise Undefined("no mode is open")
    context = scope.session.contexts.pop()
    if context is None:
        raise Undefined("the mode was refused")
    context.__exit__(None, None, None)
    return None


# -- hooks -------------------------------------------------------------------------------------------------------------


def _multi_grad(mode: str) -> Callable[[Scope, s.AddHook, Any], Any]:
    def register(scope: Scope, step: s.AddHook, call: Any) -> Any:
        targets = [scope.lookup(name) for name in step.targets]
        options = {} if mode == "all" else {"mode": mode}
        return scope.session.api.autograd.graph.register_multi_grad_hook(targets, call, **options)

    return register


def _retain_grad(scope: Scope, step: s.AddHook, call: Any) -> None:
    scope.lookup(step.targets[0]).retain_grad()


HOOKS: dict[str, Callable[[Scope, s.AddHook, Any], Any]] = {
    "tensor": lambda scope, step, call: scope.lookup(step.targets[0]).register_hook(call),
    "retain_grad": _retain_grad,
    "post_accumulate": lambda scope, step, call: scope.lookup(step.targets[0]).register_post_accumulate_grad_hook(call),
    "node_pre": lambda scope, step, call: node(scope, step.targets[0], step.path).register_prehook(call),
    "node_post": lambda scope, step, call: node(scope, step.targets[0], step.path).register_hook(call),
    "multi_all": _multi_grad("all"),
    "multi_any": _multi_grad("any"),
}


def _add_hook(scope: Scope, step: s.AddHook) -> Seen:
    handle = HOOKS[step.on](scope, step, callables.hook(scope, step.callback, step.out, evaluate))
    if handle is not None:
        scope.bind(step.out, handle)
    return None


def _remove_hook(scope: Scope, step: s.RemoveHook) -> Seen:
    scope.lookup(step.handle).remove()
    return None


# -- autograd ----------------------------------------------------------------------------------------------------------


def _custom_function(scope: Scope, step: s.CustomFunction) -> Seen:
    args = evaluate_all(scope, step.args)
    function = callables.function_class(scope, step.function, evaluate)
    return _bind(scope, step.outs, function.apply(*args, **keywords(scope, step.kwargs)), step.unpack)


_BACKWARD_KEYWORDS = ("retain_graph", "create_graph", "inputs", "grad_variables")
_GRAD_KEYWORDS = tuple(name for name in s.Grad.__struct_fields__ if name not in ("outs", "outputs", "inputs"))


def _given(scope: Scope, step: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: evaluate(scope, arg) for name in names if (arg := getattr(step, name)) is not s.UNSET}


def _backward(scope: Scope, step: s.Backward) -> Seen:
    roots = evaluate(scope, step.tensors)
    gradient = [] if step.grad_tensors is s.UNSET else [evaluate(scope, step.grad_tensors)]
    kwargs = _given(scope, step, _BACKWARD_KEYWORDS)
    if step.form == "method":
        result = roots.backward(*gradient, **kwargs)
    else:
        result = scope.session.api.autograd.backward(roots, *gradient, **kwargs)
    return None if result is None or scope.outer is not None else _seen(scope, result)


def _grad(scope: Scope, step: s.Grad) -> Seen:
    outputs, inputs = evaluate(scope, step.outputs), evaluate(scope, step.inputs)
    result = scope.session.api.autograd.grad(outputs, inputs, **_given(scope, step, _GRAD_KEYWORDS))
    return _bind(scope, step.outs, result, bool(step.outs))


# -- looking -----------------------------------------------------------------------------------------------------------

BUILTINS: dict[str, Callable[[Any], Any]] = {
    "bool": bool,
    "float": float,
    "int": int,
    "complex": complex,
    "len": len,
    "repr": repr,
    "str": str,
    "list": list,
    "index": operator.index,
}


def _read(scope: Scope, step: s.Read) -> Seen:
    target = scope.lookup(step.target)
    builtin = BUILTINS.get(step.what)
    if builtin is not None:
        value = builtin(target)
    else:
        value = getattr(reachable(scope.session, target), step.what)
        if step.what in READ_METHODS:
            value = value()
    if step.out is not None:
        scope.bind(step.out, value)
    return None if scope.outer is not None else _seen(scope, value)


def _delete(scope: Scope, step: s.Delete) -> Seen:
    for name in step.names:
        scope.delete(name)
    return None


HANDLERS: dict[type, Callable[[Scope, Any], Seen]] = {
    s.Make: _make,
    s.Apply: _apply,
    s.GetItem: _getitem,
    s.SetItem: _setitem,
    s.SetAttr: _setattr,
    s.EnterMode: _enter,
    s.ExitMode: _exit,
    s.AddHook: _add_hook,
    s.RemoveHook: _remove_hook,
    s.CustomFunction: _custom_function,
    s.Backward: _backward,
    s.Grad: _grad,
    s.Read: _read,
    s.Delete: _delete,
}


def perform(scope: Scope, step: Any) -> Seen:
    """Do one step in a scope; what it raises, it raises."""
    return HANDLERS[type(step)](scope, step)


# -- the machine -------------------------------------------------------------------------------------------------------


class Machine:
    """Runs steps on a subject and traces them. A context manager, so that no mode and no graph is left behind."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.session = Session(subject, perform)
        self.scope = Scope(self.session)
        self.session.keep = self.scope.bind
        self._warnings: list[warnings.WarningMessage] = []
        self._catch = warnings.catch_warnings(record=True)

    def __enter__(self) -> Machine:
        self._warnings = self._catch.__enter__()
        warnings.simplefilter("always")
        self.subject.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        contexts = self.session.contexts
        while contexts:
            context = contexts.pop()
            if context is not None:
                with contextlib.suppress(Exception):  # the Program left it in a state that it refuses to leave
                    context.__exit__(None, None, None)
        self._release()
        self.subject.end()
        self._catch.__exit__(None, None, None)

    def _release(self) -> None:
        """Break the cycles between a tensor, its .grad and its hooks, that no garbage collector sees through."""
        for name, state in self.session.observer.states.items():
            if state.grad is not None and not state.is_inference:
                tensor = self.scope.tensors.get(name)
                if tensor is not None:
                    tensor.grad = None
        self.scope.names.clear()
        self.scope.tensors.clear()

    @property
    def states(self) -> dict[str, Any]:
        """The last observed state of each live tensor."""
        return self.session.observer.states

    def step(self, step: s.Step, look: bool = True) -> StepTrace:
        """Do one step and trace it; `look` says whether to observe the tensors afterwards."""
        session = self.session
        session.calls.clear()
        self._warnings.clear()
        outcome: Outcome = "ok"
        exception = result = None
        try:
            result = HANDLERS[type(step)](self.scope, step)
        except Undefined:
            outcome = "skipped"
        except Exception as error:
            outcome = "raised"
            exception = (type(error).__name__, self.subject.clean(clean(str(error))))
        said = tuple([(w.category.__name__, self.subject.clean(clean(str(w.message)))) for w in self._warnings])
        calls = tuple(session.calls)
        observer = session.observer
        tensors = {}
        if look:
            tensors = observer.observe(self.scope.tensors)
        else:
            observer.identify(self.scope.tensors)
        api = session.api
        return StepTrace(
            outcome,
            exception,
            said,
            calls,
            self.subject.take_clauses(),  # looking may apply some too: a view's grad_fn is made when it is asked for
            tensors,
            result,
            api.is_grad_enabled(),
            api.is_inference_mode_enabled(),
            self.subject.take_evidence(),
        )


def execute(program: s.Program, subject: Subject) -> Trace:
    """Run a Program on a subject."""
    last = len(program.steps) - 1
    each = program.observe == "each"
    with Machine(subject) as machine:
        traced = [machine.step(step, each or index == last) for index, step in enumerate(program.steps)]
    return Trace(subject.name, tuple(traced))
