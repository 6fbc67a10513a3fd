"""Modules that hold the options of one function and apply it."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from reference_engine.nn import functional as F
from reference_engine.nn.module import Module

REQUIRED: Any = inspect.Parameter.empty


class Applied(Module):
    """Calls ``nn.functional.<function>(*inputs, **options)``.

    Subclasses name the function, their inputs, and their options in the order of the constructor's parameters, with
    defaults. A class that declares `options` gets an ``__init__`` with these parameters, and one that declares
    `function` or `inputs` a ``forward``: methods as if written by hand, since Python's refusals name them. `shown`
    lists the options that are printed, all if None; a flag `inplace` is printed when it is set.
    """

    function: ClassVar[str]
    inputs: ClassVar[tuple[str, ...]] = ("input",)
    options: ClassVar[dict[str, Any]] = {}
    by_keyword: ClassVar[bool] = False  # options are given by keyword alone
    shown: ClassVar[tuple[str, ...] | None] = None
    passed: ClassVar[tuple[str, ...] | None] = None  # the attributes handed to the function; all options if None
    if TYPE_CHECKING:  # options become attributes

        def __getattr__(self, name: str) -> Any: ...

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declared = vars(cls)
        if "options" in declared and "__init__" not in declared:
            setattr(cls, "__init__", _method(cls, "__init__", cls.options, cls.by_keyword, _initialise))  # noqa: B010
        if declared.keys() & {"function", "inputs"} and "forward" not in declared and hasattr(cls, "function"):
            inputs = dict.fromkeys(cls.inputs, REQUIRED)
            setattr(cls, "forward", _method(cls, "forward", inputs, False, _forward))  # noqa: B010

    def configure(self, options: dict[str, Any]) -> None:
        """Keep the options that the constructor was given."""
        for name, value in options.items():
            setattr(self, name, value)

    def apply_to(self, *inputs: Any) -> Any:
        """The function of the inputs."""
        passed = self.options if self.passed is None else self.passed
        return getattr(F, self.function)(*inputs, **{name: getattr(self, name) for name in passed})

    def extra_repr(self) -> str:
        names = self.options if self.shown is None else self.shown
        described = []
        for name in names:
            value = getattr(self, name)
            if name != "inplace" or self.shown is not None or value:
                described.append(f"{name}={value!r}")
        return ", ".join(described)


def _initialise(self: Applied, **options: Any) -> None:
    Module.__init__(self)
    self.configure(options)


def _forward(self: Applied, **inputs: Any) -> Any:
    return self.apply_to(*inputs.values())


def _method(
    cls: type, name: str, parameters: dict[str, Any], by_keyword: bool, behaviour: Callable[..., Any]
) -> Callable[..., Any]:
    """A method with these parameters, which hands them to a function by their names."""
    listed = [
        key if default is REQUIRED else f"{key}=_defaults[{key!r}]"
        for key, default in parameters.items()
    ]  # fmt: skip
    head = ", ".join(["self", *(["*"] if by_keyword else []), *listed])
    handed = ", ".join(["self", *(f"{key}={key}" for key in parameters)])
    space = {"_defaults": parameters, "_behaviour": behaviour}
    exec(f"def {name}({head}):\n    return _behaviour({handed})\n", space)
    made: Any = space[name]
    made.__module__ = cls.__module__
    return named_after(cls, made)


def named_after(cls: type, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, called as a method of this class is."""
    function.__qualname__ = f"{cls.__qualname__}.{function.__name__}"
    return function


def own_methods(*names: str) -> Callable[[type], type]:
    """A decorator of classes that inherit methods which torch writes in each of them: refusals name the class."""

    def give(cls: type) -> type:
        for name in names:
            found: Any = getattr(cls, name)
            copy = types.FunctionType(
                found.__code__, found.__globals__, name, found.__defaults__, found.__closure__
            )  # fmt: skip
            copy.__dict__.update(found.__dict__)
            copy.__kwdefaults__, copy.__doc__ = found.__kwdefaults__, found.__doc__
            copy.__annotations__, copy.__module__ = found.__annotations__, found.__module__
            setattr(cls, name, named_after(cls, copy))
        return cls

    return give
