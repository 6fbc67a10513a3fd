"""Many tests of one: ``@parametrize`` and the functions that write the tests out."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from reference_engine.dtypes import dtype


class subtest:
    """The arguments of one test, with a name of their own."""

    def __init__(self, arg_values: Any, name: str | None = None, decorators: Iterable[Any] = ()) -> None:
        self.arg_values, self.name, self.decorators = arg_values, name, list(decorators)


class parametrize:
    """One test for each of the values; several decorators make every combination.

    Args:
        arg_str: the names of the arguments, separated by commas.
        arg_values: a value each, or a tuple where there are several names.
        name_fn: gives the name of a test.
    """

    def __init__(self, arg_str: str, arg_values: Iterable[Any], name_fn: Callable[..., str] | None = None) -> None:
        self.names = [name.strip() for name in arg_str.split(",") if name.strip()]
        self.values, self.name_fn = list(arg_values), name_fn

    def __call__(self, fn: Any) -> Any:
        fn.parametrize_with = [self, *getattr(fn, "parametrize_with", [])]
        return fn

    def cases(self) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
        """Name, arguments and decorators of each test."""
        for i, value in enumerate(self.values):
            decorators: list[Any] = []
            name = None
            if isinstance(value, subtest):
                decorators, name, value = value.decorators, value.name, value.arg_values
            values = tuple(value) if len(self.names) > 1 else (value,)
            if name is None and self.name_fn is not None:
                name = self.name_fn(*values)
            if name is None:
                name = "_".join(f"{key}_{_shown(v, i)}" for key, v in zip(self.names, values, strict=True))
            yield name, dict(zip(self.names, values, strict=True)), decorators


def _shown(value: Any, place: int) -> str:
    if isinstance(value, dtype):
        return value.name
    if isinstance(value, (bool, int, float, str)):
        return str(value).replace(".", "_")
    return getattr(value, "__name__", None) or str(place)


def written_out(fn: Any) -> Iterator[tuple[str, Any]]:
    """The tests that a decorated function stands for, each with the end of its name."""
    for combination in itertools.product(*(p.cases() for p in getattr(fn, "parametrize_with", ()))):
        suffix = "".join(f"_{name}" for name, _, _ in combination)
        arguments: dict[str, Any] = {}
        test: Any = fn
        for _, given, _ in combination:
            arguments |= given
        if arguments:
            test = _with_arguments(fn, arguments)
        for _, _, decorators in combination:
            for decorate in decorators:
                test = decorate(test)
        yield suffix, test


def _with_arguments(fn: Any, arguments: dict[str, Any]) -> Any:
    @functools.wraps(fn)
    def test(self: Any, *args: Any, **kwargs: Any) -> Any:
        return fn(self, *args, **kwargs, **arguments)

    del test.__wrapped__  # runners would look for its arguments
    return test


def instantiate_parametrized_tests(cls: Any) -> Any:
    """Write the tests of a class out."""
    for name, fn in list(vars(cls).items()):
        if hasattr(fn, "parametrize_with"):
            delattr(cls, name)
            for suffix, test in written_out(fn):
                test.__name__ = name + suffix
                setattr(cls, name + suffix, test)
    return cls
