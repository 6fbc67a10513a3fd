"""The schema that the annotations of a function say: ``torch.library.infer_schema``."""

from __future__ import annotations

import collections.abc
import functools
import inspect
import sys
import typing
from collections.abc import Callable, Iterable
from types import GenericAlias
from typing import Any, NoReturn

from reference_engine import dtypes
from reference_engine.devices import device
from reference_engine.tensor import Tensor

_NUMBER: Any = int | float | bool


def _sequences(kind: Any) -> list[Any]:
    made: list[Any] = [typing.Sequence[kind], typing.List[kind]]  # noqa: UP006
    return [*made, GenericAlias(collections.abc.Sequence, (kind,)), GenericAlias(list, (kind,))]


@functools.cache
def parameter_types() -> dict[Any, str]:
    """What a parameter may be annotated with, and how that is written."""
    found: dict[Any, str] = {}
    for kind, text, lists, of_optional, optional_lists in (
        (Tensor, "Tensor", True, True, False),
        (int, "SymInt", True, False, True),
        (float, "float", True, False, True),
        (bool, "bool", True, False, True),
        (str, "str", False, False, False),
        (_NUMBER, "Scalar", True, False, False),
        (dtypes.dtype, "ScalarType", False, False, False),
        (device, "Device", False, False, False),
    ):
        found |= {kind: text, typing.Optional[kind]: f"{text}?"}  # noqa: UP045
        if lists:
            found |= dict.fromkeys(_sequences(kind), f"{text}[]")
        if of_optional:
            found |= dict.fromkeys(_sequences(typing.Optional[kind]), f"{text}?[]")  # noqa: UP045
        if optional_lists:
            found |= {typing.Optional[each]: f"{text}[]?" for each in _sequences(kind)}  # noqa: UP045
    return found


@functools.cache
def return_types() -> dict[Any, str]:
    lists: Any = typing.List[Tensor]  # noqa: UP006
    return {
        Tensor: "Tensor", lists: "Tensor[]", list[Tensor]: "Tensor[]", int: "SymInt", float: "float", bool: "bool",
        _NUMBER: "Scalar",
    }  # fmt: skip


def infer_schema(
    prototype_function: Callable[..., Any], /, *, mutates_args: str | Iterable[str], op_name: str | None = None,
    tags: Any = (),
) -> str:  # fmt: skip
    """The schema that the annotations of a function say.

    Args:
        mutates_args: the parameters that are written to, or "unknown".

    Raises:
        ValueError: an annotation is missing or not supported, or something else than tensors is written to.
    """
    signature = inspect.signature(prototype_function)
    space = sys.modules[prototype_function.__module__].__dict__ if prototype_function.__module__ in sys.modules else {}
    space = {**space, **getattr(prototype_function, "__globals__", {})}
    mutated = mutates_args if isinstance(mutates_args, str) else tuple(mutates_args)
    if isinstance(mutated, str) and mutated != "unknown":
        raise ValueError(
            "mutates_args must either be a sequence of the names of the arguments that are mutated or the string "
            "'unknown'. "
        )

    def refuse(words: str) -> NoReturn:
        shown = f"infer_schema(func): {words} Got func with signature {signature})"
        raise ValueError(
            shown.replace("reference_engine.tensor.Tensor", "torch.Tensor").replace("reference_engine.", "torch.")
        )

    def kind_of(annotation: Any) -> Any:
        return eval(annotation, space) if isinstance(annotation, str) else annotation

    shown, kwarg_only = [], False
    for index, parameter in enumerate(signature.parameters.values()):
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            refuse("We do not support positional-only args, varargs, or varkwargs.")
        if parameter.kind is parameter.KEYWORD_ONLY and not kwarg_only:
            shown.append("*")
            kwarg_only = True
        text = _parameter(parameter, kind_of, refuse)
        tensors = text.startswith("Tensor")
        if (mutated == "unknown" and tensors) or (mutated != "unknown" and parameter.name in mutated):
            if not tensors:
                refuse(
                    f"Parameter {parameter.name} is in mutable_args but only Tensors or collections of Tensors can be "
                    "mutated"
                )
            text = f"Tensor(a{index}!){text.removeprefix('Tensor')}"
        shown.append(f"{text} {parameter.name}{_default(parameter, refuse)}")
    unknown = set() if mutated == "unknown" else set(mutated) - set(signature.parameters)
    if unknown:
        refuse(
            f"{unknown} in mutates_args were not found in the custom op's signature. mutates_args should contain the "
            "names of all args that the custom op mutates, or just the string 'unknown' if you don't know."
        )
    return f"{op_name or ''}({', '.join(shown)}) -> {_returned(signature.return_annotation, kind_of, refuse)}"


def _parameter(parameter: inspect.Parameter, kind_of: Callable[[Any], Any], refuse: Callable[[str], NoReturn]) -> str:
    if parameter.annotation is parameter.empty:
        refuse(f"Parameter {parameter.name} must have a type annotation.")
    kind, known = kind_of(parameter.annotation), parameter_types()
    if kind in known:
        return known[kind]
    what = f"Parameter {parameter.name} has unsupported type {parameter.annotation}. "
    valid = f"The valid types are: {known.keys()}."
    if getattr(kind, "__origin__", None) is tuple:
        inside = [each for each in kind.__args__ if each is not Ellipsis]
        as_list: Any = typing.List[inside[0] if len(set(inside)) == 1 else typing.Union[tuple(inside)]]  # type: ignore[misc]  # noqa: UP006, UP007
        example = f"For example, {as_list}.\n\n" if as_list in known else "\n\n"
        refuse(
            f"{what}We do not support Tuple inputs in schema. As a workaround, please try to use List instead. "
            f"{example}{valid}"
        )
    return refuse(what + valid)


def _default(parameter: inspect.Parameter, refuse: Callable[[str], NoReturn]) -> str:
    value = parameter.default
    if value is parameter.empty:
        return ""
    if value is None or isinstance(value, (int, float, bool)):
        return f"={value}"
    if isinstance(value, (str, device)):
        return f'="{value}"'
    if isinstance(value, dtypes.dtype):
        return f"={str(value).removeprefix('torch.')}"
    return refuse(
        f"Parameter {parameter.name} has an unsupported default value type {type(value)}. "
        "Please file an issue on GitHub so we can prioritize this."
    )


def _returned(annotation: Any, kind_of: Callable[[Any], Any], refuse: Callable[[str], NoReturn]) -> str:
    if annotation is inspect.Signature.empty:
        refuse("No return type annotation was provided. Please add one.")
    kind, known = kind_of(annotation), return_types()
    if kind is None:
        return "()"
    many = getattr(kind, "__origin__", None) is tuple
    kinds = list(kind.__args__) if many else [kind]
    for each in kinds:
        if each not in known:
            refuse(f"Return has unsupported type {each}. The valid types are: {known}.")
    shown = ", ".join(known[each] for each in kinds)
    return f"({shown})" if many and len(kinds) > 1 else shown
