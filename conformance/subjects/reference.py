"""The executable specification as a subject: the expected side of every comparison."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from conformance.subjects.base import Places, Subject, Tags


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
        return None if tensor._sparse is not None else id(tensor._storage)

    def value_bytes(self, tensor: Any) -> bytes | None:
        if tensor._storage.meta:
            return None
        raw: bytes = (tensor if tensor._sparse is None else tensor.detach().to_dense())._read().tobytes()
        return raw

    def places(self, tensor: Any) -> Places | None:
        kept = tensor._sparse
        if kept is None:
            return None
        *indices, values = (part._read().tobytes() for part in kept.parts().values())
        return Places(kept.nnz, tuple(indices), values, getattr(kept, "coalesced", None))

    def tags(self, tensor: Any) -> Tags:
        meta = tensor._storage.meta
        key = tensor.dtype, meta, None if tensor._sparse is None else tensor._sparse.layout
        tags = self._tags.get(key)
        if tags is None:
            layout = str(tensor.layout).removeprefix("torch.")
            tags = self._tags[key] = Tags(str(tensor.dtype).rpartition(".")[2], layout, "meta" if meta else "default")
        return tags

    def clean(self, text: str) -> str:
        return text.replace("reference_engine", "torch") if "reference_engine" in text else text
