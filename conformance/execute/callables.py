"""The functions of a Program: callbacks from the closed list, functions made of steps, custom autograd Functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from conformance.execute.scope import Scope, Session
from conformance.program import steps as s
from conformance.program.limits import ProgramError

Evaluate: TypeAlias = Callable[[Scope, Any], Any]


# -- callbacks ---------------------------------------------------------------------------------------------------------
# Each is given the session, the callback's `value` and the arguments of the call. The first argument is what matters to
# tensor hooks, pack and unpack; hooks of nodes are given tuples.


def _wrong_dtype(session: Session, value: Any, arg: Any, *_: Any) -> Any:
    api = session.api
    return arg.to(api.float64 if arg.dtype != api.float64 else api.float32)


def _raise(session: Session, value: Any, *_: Any) -> Any:
    raise ValueError(value)


def _scale_first(session: Session, value: Any, args: Any, *_: Any) -> Any:
    return (args[0] * value, *args[1:])


def _clear_grad(session: Session, value: Any, arg: Any, *_: Any) -> None:
    arg.grad = None


def _inplace_scale(session: Session, value: Any, arg: Any, *_: Any) -> None:
    arg.mul_(value)


def _inplace_zero(session: Session, value: Any, arg: Any, *_: Any) -> None:
    arg.zero_()


def _keep(session: Session, value: Any, arg: Any, *_: Any) -> None:
    session.keep(value, arg)


def _keep_detached(session: Session, value: Any, arg: Any, *_: Any) -> None:
    session.keep(value, arg.detach())


CALLBACKS: dict[str, Callable[..., Any]] = {
    "observe": lambda session, value, *args: None,
    "identity": lambda session, value, arg, *_: arg,
    "clone": lambda session, value, arg, *_: arg.clone(),
    "scale": lambda session, value, arg, *_: arg * value,
    "add": lambda session, value, arg, *_: arg + value,
    "replace": lambda session, value, *_: value,
    "detach": lambda session, value, arg, *_: arg.detach(),
    "zeros": lambda session, value, arg, *_: session.api.zeros_like(arg),
    "wrong_shape": lambda session, value, arg, *_: session.api.stack([arg, arg]),
    "wrong_dtype": _wrong_dtype,
    "wrong_type": lambda session, value, *_: "not a tensor",
    "raise": _raise,
    "inplace_scale": _inplace_scale,
    "inplace_zero": _inplace_zero,
    "none_tuple": lambda session, value, args, *_: (None,) * len(args),
    "short_tuple": lambda session, value, *_: (),
    "scale_first": _scale_first,
    "clear_grad": _clear_grad,
    "keep": _keep,
    "keep_detached": _keep_detached,
}


def callback(scope: Scope, lit: s.Callback, label: str, evaluate: Evaluate) -> Callable[..., Any]:
    """A callback as a Python function that logs its calls."""
    session, act, value = scope.session, CALLBACKS[lit.do], evaluate(scope, lit.value)

    def call(*args: Any) -> Any:
        session.log(label, args)
        return act(session, value, *args)

    return call


# -- functions made of steps -------------------------------------------------------------------------------------------


def function(scope: Scope, lit: s.FunctionLit, label: str | None, evaluate: Evaluate) -> Callable[..., Any]:
    """A FunctionLit as a Python function; with a label, its calls are logged."""
    session = scope.session

    def call(*args: Any) -> Any:
        if label is not None:
            session.log(label, args)
        if len(args) != len(lit.params):
            raise TypeError(f"function takes {len(lit.params)} positional arguments but {len(args)} were given")
        local = Scope(session, scope, dict(zip(lit.params, args, strict=True)))
        opened = len(session.contexts)
        try:
            for step in lit.steps:
                session.perform(local, step)
            return evaluate(local, lit.result)
        finally:
            # A mode entered in a function ends with it, as a `with` block would.
            while len(session.contexts) > opened:
                context = session.contexts.pop()
                if context is not None:
                    context.__exit__(None, None, None)

    made: Callable[..., Any] = call
    if lit.generator:

        def generate(*args: Any) -> Any:
            yield call(*args)

        made = generate
    for mode in reversed(lit.decorators):
        manager = session.subject.resolve(mode.mode)
        made = manager(
            *[evaluate(scope, arg) for arg in mode.args], **{key: evaluate(scope, arg) for key, arg in mode.kwargs}
        )(made)
    return made


def hook(scope: Scope, lit: s.Callback | s.FunctionLit, label: str, evaluate: Evaluate) -> Callable[..., Any]:
    """The function of a hook, whose calls are logged under the hook's name."""
    make: Any = callback if isinstance(lit, s.Callback) else function
    made: Callable[..., Any] = make(scope, lit, label, evaluate)
    return made


# -- custom Functions --------------------------------------------------------------------------------------------------

_METHODS = ("forward", "backward", "vjp", "setup_context", "jvp", "vmap")


def _with_parameters(call: Callable[..., Any], params: tuple[str, ...], name: str) -> Callable[..., Any]:
    """The same function with named parameters: torch reads them off its code, to find where a keyword belongs."""
    if not all(map(s.is_name, params)):
        raise ProgramError(f"{name} has a parameter without a name")
    listed = ", ".join(params)
    made: Callable[..., Any] = eval(f"lambda {listed}: call({listed})", {"call": call})
    made.__name__, made.__qualname__ = name.rpartition(".")[2], name
    return made


def function_class(scope: Scope, definition: s.FunctionDef, evaluate: Evaluate) -> Any:
    """The subclass of torch.autograd.Function that a definition describes."""
    api = scope.session.api
    members: dict[str, Any] = {}
    for name in _METHODS:
        lit: s.FunctionLit | None = getattr(definition, name)
        if lit is None:
            continue
        method = function(scope, lit, None if name == "forward" else f"{definition.name}.{name}", evaluate)
        if definition.once_differentiable and name in ("backward", "vjp"):
            method = api.autograd.function.once_differentiable(method)
        if name == "forward":
            method = _with_parameters(method, lit.params, f"{definition.name}.forward")
        members[name] = staticmethod(method)
    if definition.generate_vmap_rule is not None:
        members["generate_vmap_rule"] = definition.generate_vmap_rule
    members |= {name: evaluate(scope, value) for name, value in definition.attributes}
    return type(definition.name, (api.autograd.Function,), members)
