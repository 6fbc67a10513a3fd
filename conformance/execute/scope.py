"""Where the names of a Program live while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.execute.observe import Observer
from conformance.execute.trace import Call
from conformance.subjects.base import Subject


class Undefined(NameError):
    """A step names a value that no earlier step made: the step is skipped."""


class Session:
    """What all scopes of one running Program share."""

    __slots__ = ("api", "calls", "contexts", "functions", "keep", "observer", "perform", "reachable", "subject")

    def __init__(self, subject: Subject, perform: Callable[[Scope, Any], object]) -> None:
        self.subject = subject
        self.api: Any = subject.api
        self.perform = perform
        self.observer = Observer(subject)
        self.calls: list[Call] = []
        self.contexts: list[Any] = []
        # Names a value from inside of a hook: bound by the Machine to the outermost scope.
        self.keep: Callable[[str, Any], None] = lambda name, value: None
        # What `calls` has found out about functions and classes; kept with the subject, for all its Programs.
        self.functions = subject.functions
        self.reachable = subject.reachable

    def log(self, label: str, args: tuple[Any, ...]) -> None:
        """Note that a hook, or a method of a custom Function, was called."""
        describe = self.observer.describe
        self.calls.append(Call(label, tuple([describe(arg) for arg in args])))


class Scope:
    """Names and their values: those of the Program, or those local to one call of a function in it."""

    __slots__ = ("names", "outer", "session", "tensors")

    def __init__(self, session: Session, outer: Scope | None = None, names: dict[str, Any] | None = None) -> None:
        self.session = session
        self.outer = outer
        self.names: dict[str, Any] = {} if names is None else names
        # The live tensors, of the outermost scope only: they are what is observed.
        self.tensors: dict[str, Any] = {}

    def lookup(self, name: str) -> Any:
        """The value of a name, here or further out."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        raise (Undefined if self.outer is None else NameError)(f"name '{name}' is not defined")

    def bind(self, name: str, value: Any) -> None:
        """Give a value a name."""
        self.names[name] = value
        if self.outer is None:
            if isinstance(value, self.session.api.Tensor):
                self.tensors[name] = value
            else:
                self.tensors.pop(name, None)

    def delete(self, name: str) -> None:
        """Forget a name of this scope."""
        if name not in self.names:
            self.lookup(name)  # raises where there is no such name at all
        self.names.pop(name, None)
        self.tensors.pop(name, None)
        self.session.observer.states.pop(name, None)
