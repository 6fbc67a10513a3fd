"""Modules that hold the options of one function and apply it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

from reference_engine.nn import functional as F
from reference_engine.nn.module import Module

REQUIRED: Any = inspect.Parameter.empty


class Applied(Module):
    """Calls ``nn.functional.<function>(*inputs, **options)``.

    Subclasses name the function, and their options in the order of the constructor's parameters, with defaults.
    `shown` lists the options that are printed, all if None; a flag `inplace` is printed when it is set.
    """

    function: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {}
    shown: ClassVar[tuple[str, ...] | None] = None
    if TYPE_CHECKING:  # options become attributes

        def __getattr__(self, name: str) -> Any: ...

    passed: ClassVar[tuple[str, ...] | None] = None  # the options handed to the function, all if None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        parameters = [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)
            for name, default in self.options.items()
        ]
        try:
            bound = inspect.Signature(parameters).bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}.__init__() {error}") from None
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            setattr(self, name, value)

    def forward(self, *inputs: Any) -> Any:
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
