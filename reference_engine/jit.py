"""``torch.jit`` over an engine that runs eager code: what is scripted or traced is the Python function or module.

TorchScript promises the values and gradients of the Python that it was made from, so here it is that Python. What
belongs to the compiler (graphs, code, saved programs) does not exist and is refused.
"""

from __future__ import annotations

from builtins import isinstance as _is
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, NoReturn, TypeVar

from reference_engine.futures import Future
from reference_engine.nn.module import Module
from reference_engine.semantics import switch, warn

T = TypeVar("T")


def is_scripting() -> bool:
    return False


def is_tracing() -> bool:
    return False


# -- marks -------------------------------------------------------------------------------------------------------------


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """A mark for the script compiler; the function stays as it is."""
    return drop if callable(drop) else lambda function: function


def unused(fn: T) -> T:
    return fn


def script_method(fn: T) -> T:
    return fn


def script_if_tracing(fn: T) -> T:
    return fn


def annotate(the_type: Any, the_value: T) -> T:
    return the_value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Whether an object is of one of some types, as the script compiler understands them."""
    return _is(obj, target_type)


class Attribute(NamedTuple):
    """A value with the type that it is declared to have."""

    value: Any
    type: Any


export = interface = unused

# -- scripting and tracing ---------------------------------------------------------------------------------------------


def _deprecated(name: str) -> None:
    if switch("tensor.script.warns"):
        warn("tensor.script.deprecated", name=name)


class ScriptModule(Module):
    """A module whose methods are marked for scripting."""


def script(obj: T, optimize: None = None, _frames_up: int = 0, _rcb: Any = None, example_inputs: Any = None) -> T:
    """The function, class or module itself."""
    _deprecated("script")
    return obj


def trace(func: T, example_inputs: Any = None, *args: Any, **kwargs: Any) -> T:
    """The function or module itself, after it was run once on the example."""
    _deprecated("trace")
    if example_inputs is not None and callable(func):
        inputs = example_inputs if _is(example_inputs, (tuple, list)) else (example_inputs,)
        func(*inputs)
    return func


def trace_module(mod: T, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> T:
    """The module itself, after each method named was run once on its example."""
    for name, given in inputs.items():
        getattr(mod, name)(*(given if _is(given, (tuple, list)) else (given,)))
    return mod


def freeze(mod: T, preserved_attrs: Any = None, optimize_numerics: bool = True) -> T:
    return mod


def optimize_for_inference(mod: T, other_methods: Any = None) -> T:
    return mod


def fork(func: Callable[..., T], *args: Any, **kwargs: Any) -> Future[T]:
    """A future of the call, which is made at once."""
    future: Future[T] = Future()
    future.set_result(func(*args, **kwargs))
    return future


def wait(future: Any) -> Any:
    return future.wait()


@contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    yield


def _refuse(*args: Any, **kwargs: Any) -> NoReturn:
    raise NotImplementedError(
        "TorchScript programs are not part of this engine: it runs the Python that they are made of"
    )


save = load = _refuse

__all__ = [
    "Attribute", "Final", "Future", "ScriptModule", "annotate", "export", "fork", "freeze", "ignore", "interface",
    "is_scripting",
    "is_tracing", "isinstance", "load", "optimize_for_inference", "optimized_execution", "save", "script",
    "script_if_tracing", "script_method", "trace", "trace_module", "unused", "wait",
]  # fmt: skip
