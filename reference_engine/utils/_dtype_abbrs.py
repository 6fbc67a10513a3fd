"""``torch.utils._dtype_abbrs``: dtypes by a letter and a number, for logs."""

from __future__ import annotations

from reference_engine import dtypes

_LETTERS = {"uint": "u", "int": "i", "float": "f", "complex": "c", "bfloat": "bf", "bool": "b8"}


def _short(name: str) -> str:
    kind = name.rstrip("0123456789")
    return _LETTERS[kind] + name[len(kind) :]


dtype_abbrs = {d: _short(d.name) for d in dtypes.ALL}
