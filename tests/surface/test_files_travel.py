"""What one engine saves the other loads."""

from __future__ import annotations

import collections
import io
from typing import Any

import pytest

import reference_engine as engine

torch = pytest.importorskip("torch")


def contents(api: Any) -> dict[str, Any]:
    base = api.arange(12.0).reshape(3, 4)
    return {
        "base": base,
        "transposed": base.t(),
        "row": base[1],
        "parameter": api.nn.Parameter(api.ones(2)),
        "leaf": api.ones(2, requires_grad=True),
        "half": api.ones(2, dtype=api.bfloat16),
        "complex": api.tensor([1 + 2j]).conj(),
        "flags": api.tensor([True, False]),
        "nothing": api.zeros(0, dtype=api.int64),
        "dtype": api.float64,
        "size": api.Size([2, 3]),
        "nested": collections.OrderedDict(a=[1, (2.5, "text", None)]),
        "model": api.nn.Sequential(api.nn.Linear(2, 3), api.nn.BatchNorm1d(3)).state_dict(),
    }


def shown(value: Any) -> Any:
    """A value as data: of a tensor its type, dtype, layout, flag and elements."""
    if hasattr(value, "stride"):
        values = value.detach().resolve_conj()
        values = values.float() if values.is_floating_point() else values
        flags = (value.requires_grad, value.is_conj(), value.storage_offset())
        return type(value).__name__, str(value.dtype), tuple(value.shape), value.stride(), flags, values.tolist()
    if isinstance(value, dict):
        return type(value).__name__, {key: shown(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value).__name__, [shown(each) for each in value]
    return type(value).__name__, str(value)


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "sequence"])
@pytest.mark.parametrize(("writer", "reader"), [(torch, engine), (engine, torch)], ids=["from torch", "to torch"])
def test_a_file_travels(writer: Any, reader: Any, archive: bool) -> None:
    saved = contents(writer)
    file = io.BytesIO()
    writer.save(saved, file, _use_new_zipfile_serialization=archive)
    file.seek(0)
    loaded = reader.load(file)
    assert shown(loaded) == shown(saved)
    loaded["base"].fill_(7)
    assert loaded["row"].tolist() == [7.0] * 4  # one memory still
