"""The named tuples that ops with several results return: ``torch.return_types.max``."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any


class Results(tuple):  # type: ignore[type-arg]
    """A tuple whose entries also have names. Unlike a Python named tuple it is made from one sequence."""

    __slots__ = ()
    _fields: tuple[str, ...] = ()
    n_fields = n_sequence_fields = 0
    n_unnamed_fields = 0

    def __new__(cls, values: Sequence[Any]) -> Results:
        return super().__new__(cls, values)

    def __repr__(self) -> str:
        body = ",\n".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
        return f"{type(self).__module__}.{type(self).__name__}(\n{body})"

    def __reduce__(self) -> Any:
        return type(self), (tuple(self),)


def _kind(name: str, *fields: str) -> type[Results]:
    body: dict[str, Any] = {
        "__slots__": (), "__module__": "torch.return_types", "__doc__": f"What {name} returns: {', '.join(fields)}.",
        "_fields": fields, "__match_args__": fields, "n_fields": len(fields), "n_sequence_fields": len(fields),
    }  # fmt: skip
    for i, field in enumerate(fields):
        body[field] = property(itemgetter(i))
    return type(name, (Results,), body)


max = _kind("max", "values", "indices")
min = _kind("min", "values", "indices")
median = _kind("median", "values", "indices")
nanmedian = _kind("nanmedian", "values", "indices")
mode = _kind("mode", "values", "indices")
sort = _kind("sort", "values", "indices")
topk = _kind("topk", "values", "indices")
kthvalue = _kind("kthvalue", "values", "indices")
cummax = _kind("cummax", "values", "indices")
cummin = _kind("cummin", "values", "indices")
aminmax = _kind("aminmax", "min", "max")
histogram = _kind("histogram", "hist", "bin_edges")
histogramdd = _kind("histogramdd", "hist", "bin_edges")
frexp = _kind("frexp", "mantissa", "exponent")
slogdet = _kind("slogdet", "sign", "logabsdet")
linalg_slogdet = _kind("linalg_slogdet", "sign", "logabsdet")
linalg_inv_ex = _kind("linalg_inv_ex", "inverse", "info")
linalg_solve_ex = _kind("linalg_solve_ex", "result", "info")
linalg_cholesky_ex = _kind("linalg_cholesky_ex", "L", "info")
linalg_lu = _kind("linalg_lu", "P", "L", "U")
linalg_lu_factor = _kind("linalg_lu_factor", "LU", "pivots")
linalg_lu_factor_ex = _kind("linalg_lu_factor_ex", "LU", "pivots", "info")
lu_unpack = _kind("lu_unpack", "P", "L", "U")
linalg_eigh = _kind("linalg_eigh", "eigenvalues", "eigenvectors")
linalg_eig = _kind("linalg_eig", "eigenvalues", "eigenvectors")
linalg_qr = _kind("linalg_qr", "Q", "R")
linalg_svd = _kind("linalg_svd", "U", "S", "Vh")
linalg_lstsq = _kind("linalg_lstsq", "solution", "residuals", "rank", "singular_values")
qr = _kind("qr", "Q", "R")
svd = _kind("svd", "U", "S", "V")
geqrf = _kind("geqrf", "a", "tau")
triangular_solve = _kind("triangular_solve", "solution", "cloned_coefficient")
linalg_ldl_factor = _kind("linalg_ldl_factor", "LD", "pivots")
linalg_ldl_factor_ex = _kind("linalg_ldl_factor_ex", "LD", "pivots", "info")


def written(kind: type[Results]) -> type[Results]:
    """What an op that returns ``kind`` returns where its results were given as ``out=``."""
    made: type[Results] = globals()[f"{kind.__name__}_out"]
    return made


def _with_out_forms(kinds: dict[str, Any]) -> dict[str, Any]:
    found = [kind for kind in kinds.values() if isinstance(kind, type) and issubclass(kind, Results)]
    return {f"{kind.__name__}_out": _kind(f"{kind.__name__}_out", *kind._fields) for kind in found if kind._fields}


globals().update(_with_out_forms(globals()))
