"""What an engine must offer to be a subject: torch's API, and a way to read values out of it."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Hashable
from types import ModuleType
from typing import Any


class SubjectUnavailable(Exception):
    """The subject can't run here; the text says what is missing."""


class Subject(ABC):
    """An engine under test.

    `api` is a module with torch's public names. Everything else here is how to look into a tensor, kept apart from the
    API because looking must not disturb: no op is run, no graph is touched, no warning is given.
    """

    name: str
    library: str
    api: ModuleType
    device: str = "cpu"

    def __init__(self) -> None:
        self._resolved: dict[str, Any] = {}
        self._text: dict[object, str] = {}
        self.functions: dict[str, Any] = {}
        self.reachable: dict[type, bool] = {}

    @abstractmethod
    def version(self) -> str:
        """The library's version, as it gives it."""

    @abstractmethod
    def value_bytes(self, tensor: Any) -> bytes | None:
        """The elements in row-major order, as the bytes of their dtype; None where there is nothing to read."""

    @abstractmethod
    def storage_key(self, tensor: Any) -> Hashable | None:
        """The same for two tensors if and only if they share a storage; None for a tensor without one."""

    def begin(self) -> None:  # noqa: B027 - most subjects have nothing to prepare
        """Called before each Program."""

    def end(self) -> None:
        """Called after each Program: leave no mode behind."""
        self.api.set_grad_enabled(True)

    def take_clauses(self) -> tuple[str, ...]:
        """The clauses that the engine cited since the last call; only an executable specification can say."""
        return ()

    def take_evidence(self) -> tuple[tuple[str, str], ...]:
        """The gradient formulas that ran since the last call; only an executable specification can say."""
        return ()

    def is_strided(self, tensor: Any) -> bool:
        """Whether the tensor has strides."""
        return tensor.layout is self.api.strided

    def dtype_name(self, tensor: Any) -> str:
        """`float32`, without the module."""
        return self._short(tensor.dtype)

    def layout_name(self, tensor: Any) -> str:
        """`strided`, without the module."""
        return self._short(tensor.layout)

    def device_name(self, tensor: Any) -> str:
        """The device's type, so that a run on another device compares."""
        kind: str = tensor.device.type
        return "default" if kind == self.device else kind

    def _short(self, value: object) -> str:
        text = self._text.get(value)
        if text is None:
            text = self._text[value] = str(value).rpartition(".")[2]
        return text

    def resolve(self, dotted: str) -> Any:
        """The public object of this dotted name under the API, importing a submodule where that is needed."""
        found = self._resolved.get(dotted)
        if found is None:
            found = self._resolved[dotted] = _resolve(self.api, dotted)
        return found

    def clean(self, text: str) -> str:
        """A message of this subject in torch's words."""
        return text


def _resolve(api: ModuleType, dotted: str) -> Any:
    value: Any = api
    walked = ""
    for part in dotted.split("."):
        walked = f"{walked}.{part}"
        try:
            value = getattr(value, part)
        except AttributeError as missing:
            if not isinstance(value, ModuleType):
                raise
            try:
                value = importlib.import_module(api.__name__ + walked)
            except ModuleNotFoundError:
                raise missing from None
    return value
