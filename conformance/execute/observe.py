"""Reading the observable state of tensors, without disturbing it.

This is the hot path of the suite: every live tensor is read after every step.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.execute.trace import Glimpse, Number, Seen, TensorState
from conformance.subjects.base import Subject

UNNAMED = "unnamed"


class Observer:
    """Reads the named tensors of a Program and remembers what it saw, to tell what changed."""

    __slots__ = ("_first", "_is_tensor", "_storages", "_subject", "graded", "states")

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._is_tensor = subject.api.Tensor
        self._first: dict[int, str] = {}
        self._storages: dict[object, str] = {}
        self.states: dict[str, TensorState] = {}
        # Reading .grad of a non-leaf warns while there is none, so it is read only of those that were given one.
        self.graded: set[int] = set()

    def name_of(self, value: object) -> str | None:
        """The first name of this very object."""
        return self._first.get(id(value))

    def identify(self, tensors: dict[str, Any]) -> None:
        """Learn which objects have which names."""
        first: dict[int, str] = {}
        for name, tensor in tensors.items():
            first.setdefault(id(tensor), name)
        self._first = first

    def observe(self, tensors: dict[str, Any]) -> dict[str, TensorState]:
        """The states that differ from the last time."""
        self.identify(tensors)
        first = self._first
        self._storages = {}
        states = self.states
        changed: dict[str, TensorState] = {}
        for name, tensor in tensors.items():
            known = first[id(tensor)]
            try:
                state = self._state(tensor, name, None if known == name else known)
            except Exception as error:  # a tensor that outlived the transform it belongs to, for one
                state = _unreadable(error)
            if state != states.get(name):
                changed[name] = states[name] = state
        return changed

    def _state(self, tensor: Any, name: str, same_as: str | None) -> TensorState:
        subject = self._subject
        is_inference = tensor.is_inference()
        is_leaf, grad_fn = _history(tensor)
        retains_grad = tensor.retains_grad
        base = tensor._base
        storage = subject.storage_key(tensor)
        if storage is not None:
            storage = self._storages.setdefault(storage, name)
        grad: TensorState | str | None = None
        if is_leaf or retains_grad or id(tensor) in self.graded:
            held = tensor.grad
            if held is not None:
                grad = self._first.get(id(held)) or self._state(held, name + ".grad", None)
        dtype, layout, device = subject.tags(tensor)
        strided = layout == "strided"
        return TensorState(
            dtype,
            tuple(tensor.shape),
            tensor.stride() if strided else None,
            tensor.storage_offset() if strided else None,
            subject.value_bytes(tensor),
            tensor.requires_grad,
            is_leaf,
            grad_fn,
            tensor.output_nr,
            None if is_inference else tensor._version,
            tensor._is_view(),
            None if base is None else self._first.get(id(base), UNNAMED),
            storage,
            retains_grad,
            is_inference,
            tensor.is_conj(),
            tensor.is_neg(),
            device,
            layout,
            same_as,
            grad,
            None if strided else subject.places(tensor),
        )

    def glimpse(self, tensor: Any) -> Glimpse:
        """A tensor in passing."""
        subject = self._subject
        dtype, layout, _ = subject.tags(tensor)
        return Glimpse(
            self._first.get(id(tensor)),
            dtype,
            tuple(tensor.shape),
            tensor.stride() if layout == "strided" else None,
            subject.value_bytes(tensor),
            tensor.requires_grad,
            _history(tensor)[1],
        )

    def describe(self, value: object) -> Seen:
        """Any result as plain data."""
        if isinstance(value, self._is_tensor):
            return self.glimpse(value)
        if type(value).__name__ == "layout":  # which is a kind of text in one engine
            return ("layout", str(value))
        describe = _DESCRIBE.get(type(value))
        if describe is not None:
            return describe(self, value)
        for kind, describe in _DESCRIBE.items():
            if isinstance(value, kind):
                return describe(self, value)
        name = _node_name(value)
        if name is not None:
            return ("Node", name)
        if type(value).__name__ == "dtype":
            return ("dtype", str(value))
        return ("object", type(value).__name__)


def _node_name(value: Any) -> str | None:
    """What a node of the graph is called; None for what is no node."""
    try:
        _, name = value.next_functions, value.name
    except (AttributeError, RuntimeError):  # an instance of a Function refuses, in versions where it is no node
        return None
    return str(name()) if callable(name) else None


def _unreadable(error: Exception) -> TensorState:
    """The state of a tensor that refuses to be looked at: the refusal."""
    blank: dict[str, Any] = dict.fromkeys(TensorState.__struct_fields__)
    return TensorState(**{**blank, "dtype": f"unreadable: {type(error).__name__}", "shape": ()})


def _history(tensor: Any) -> tuple[bool, str | None]:
    """Whether the tensor is a leaf, and the name of its grad_fn; or what the engine says if it will not tell."""
    try:
        node = tensor.grad_fn
    except RuntimeError as refused:  # a view whose base was changed in a way that leaves it without a history
        return False, f"refused: {clean(str(refused))}"
    return node is None, None if node is None else node.name()


def _number(kind: str, layout: str) -> Callable[[Observer, Any], Seen]:
    def describe(_: Observer, value: Any) -> Seen:
        parts = (value.real, value.imag) if kind == "complex128" else (value,)
        return Number(kind, None, struct.pack(layout, *parts))

    return describe


def _sequence(observer: Observer, value: Any) -> Seen:
    return (type(value).__name__, *[observer.describe(item) for item in value])


def _mapping(observer: Observer, value: Any) -> Seen:
    return (type(value).__name__, *[(observer.describe(k), observer.describe(v)) for k, v in value.items()])


def _array(_: Observer, value: Any) -> Seen:
    return Number(str(value.dtype), tuple(value.shape), np.ascontiguousarray(value).tobytes())


def _itself(_: Observer, value: Any) -> Seen:
    return value


def _text(_: Observer, value: Any) -> Seen:
    return clean(value)


_DESCRIBE: dict[type, Callable[[Observer, Any], Seen]] = {
    type(None): _itself,
    bool: _itself,
    int: _itself,
    str: _text,
    float: _number("float64", "<d"),
    complex: _number("complex128", "<dd"),
    tuple: _sequence,
    list: _sequence,
    dict: _mapping,
    np.ndarray: _array,
    np.generic: _array,
}

# What torch appends to words that come from C++, and what differs from process to process.
_NOISE = re.compile(
    r" \(Triggered internally at [^)]*\)$"
    r"|(?<=for possible resolutions\.) '\S+' is only available for these backends: .*"
    r"| ?Traceback of forward call that (caused the error|induced the previous calculation):.*"
    r"|(?<=0x)[0-9a-f]{6,}"
    r"|^(Tensor|_?TensorBase)\.(?=\w+\(\) takes )",  # whichever of the two the kind of the call has Python name
    re.DOTALL,
)


_MARKS = ("(Trig", "Traceback", "0x", "these backends", "() takes ")


def clean(text: str) -> str:
    """A message without source positions, tracebacks and addresses."""
    return _NOISE.sub("", text) if any(mark in text for mark in _MARKS) else text
