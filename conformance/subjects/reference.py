"""The executable specification as a subject: the expected side of every comparison."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from conformance.subjects.base import Subject, Tags


class Reference(Subject):
    """The reference engine.

    Args:
        version: the torch version whose words and switches are in force; None means the newest.
    """

    name = "reference"
    library = "reference_engine"

    def __init__(self, version: str | None = None) -> None:
        super().__init__()
        import reference_engine
        from reference_engine import semantics

        self.api = reference_engine
        self.semantics = semantics.Semantics(version)
        self._using = semantics.using
        self._context: Any = None
        self.take_clauses = semantics.take_cited  # type: ignore[method-assign]
        self.take_evidence = semantics.take_evidence  # type: ignore[method-assign]

    def version(self) -> str:
        return str(self.semantics.version)

    def begin(self) -> None:
        self._context = self._using(self.semantics)
        self._context.__enter__()
        self.take_clauses()
        self.take_evidence()

    def end(self) -> None:
        self.api.set_grad_enabled(True)
        self._context.__exit__(None, None, None)

    def storage_key(self, tensor: Any) -> Hashable | None:
        return id(tensor._storage)

    def value_bytes(self, tensor: Any) -> bytes | None:
        raw: bytes = tensor._read().tobytes()
        return raw

    def tags(self, tensor: Any) -> Tags:
        # The engine has one layout and one device.
        dtype = tensor.dtype
        tags = self._tags.get(dtype)
        if tags is None:
            tags = self._tags[dtype] = Tags(str(dtype).rpartition(".")[2], "strided", "default")
        return tags

    def clean(self, text: str) -> str:
        return text.replace("reference_engine", "torch") if "reference_engine" in text else text
