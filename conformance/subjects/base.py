"""What an engine must offer to be a subject: torch's API, and a way to read values out of it."""

from __future__ import annotations

import importlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Hashable
from types import ModuleType
from typing import Any, NamedTuple

import msgspec


class SubjectUnavailable(Exception):
    """The subject can't run here; the text says what is missing."""


class Tags(NamedTuple):
    """What kind of tensor it is, in words without the name of a library."""

    dtype: str
    layout: str
    device: str


class Places(msgspec.Struct, frozen=True, gc=False):
    """What a tensor is made of that specifies only some of its elements."""

    nnz: int
    indices: tuple[bytes, ...]  # int64: one matrix of coordinates, or where rows begin and their columns
    values: bytes  # in the dtype of the tensor
    coalesced: bool | None  # only coordinates may be


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
        self._tags: dict[object, Tags] = {}
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

    def places(self, tensor: Any) -> Places | None:
        """What a tensor that is not strided is made of; None where that cannot be read."""
        return None

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

    def tags(self, tensor: Any) -> Tags:
        """The words for the tensor's dtype, layout and device."""
        key = (tensor.dtype, tensor.layout, tensor.device)
        tags = self._tags.get(key)
        if tags is None:
            dtype, layout = (str(value).rpartition(".")[2] for value in key[:2])
            device = str(tensor.device.type)
            # The subject's own device goes by one word, so that Traces from different devices compare.
            tags = self._tags[key] = Tags(dtype, layout, "default" if device == self.device else device)
        return tags

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
            name = api.__name__ + walked
            if not isinstance(value, ModuleType) or name in sys.modules:  # imported, and kept back by the version
                raise
            try:
                value = importlib.import_module(name)
            except ModuleNotFoundError:
                raise missing from None
    return value
