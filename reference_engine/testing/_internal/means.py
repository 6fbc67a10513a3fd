"""Small means of tests: files for a while, matrices of a kind, guards of global choices."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

import reference_engine as torch
from reference_engine import dtypes
from reference_engine.tensor import Tensor

#: NumPy's dtype for each of torch's that it has, and back.
numpy_to_torch_dtype_dict: dict[Any, Any] = {
    np.bool_: dtypes.bool_, np.uint8: dtypes.uint8, np.int8: dtypes.int8, np.int16: dtypes.int16,
    np.int32: dtypes.int32, np.int64: dtypes.int64, np.float16: dtypes.float16, np.float32: dtypes.float32,
    np.float64: dtypes.float64, np.complex64: dtypes.complex64, np.complex128: dtypes.complex128,
}  # fmt: skip
torch_to_numpy_dtype_dict: dict[Any, Any] = {kept: kind for kind, kept in numpy_to_torch_dtype_dict.items()} | {
    dtypes.bfloat16: np.float32,
    dtypes.complex32: np.complex64,
}
#: Absolute errors that older tests allow, by dtype.
dtype2prec_DONTUSE: dict[Any, float] = {
    dtypes.float32: 1e-5, dtypes.float64: 1e-5, dtypes.float16: 1e-2, dtypes.bfloat16: 1e-1,
}  # fmt: skip


@contextlib.contextmanager
def TemporaryFileName(*args: Any, **kwargs: Any) -> Iterator[str]:
    """The name of a file that is gone afterwards."""
    handle, name = tempfile.mkstemp(*args, **kwargs)
    os.close(handle)
    try:
        yield name
    finally:
        if os.path.exists(name):
            os.unlink(name)


@contextlib.contextmanager
def TemporaryDirectoryName(suffix: str | None = None) -> Iterator[str]:
    """The name of a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(suffix=suffix) as name:
        yield name


class BytesIOContext(io.BytesIO):
    """A file in memory that stays open after a ``with`` block."""

    def __enter__(self) -> BytesIOContext:
        return self

    def __exit__(self, *exc: object) -> None:
        pass


class DeterministicGuard:
    """Whether only deterministic algorithms are used, inside."""

    def __init__(self, deterministic: bool, *, warn_only: bool = False, fill_uninitialized_memory: bool = True) -> None:
        self.deterministic, self.warn_only = deterministic, warn_only

    def __enter__(self) -> None:
        self._before = torch.are_deterministic_algorithms_enabled()
        self._warned = torch.is_deterministic_algorithms_warn_only_enabled()
        torch.use_deterministic_algorithms(self.deterministic, warn_only=self.warn_only)

    def __exit__(self, *exc: object) -> None:
        torch.use_deterministic_algorithms(self._before, warn_only=self._warned)


def is_iterable_of_tensors(iterable: Any, include_empty: bool = False) -> bool:
    """Whether it is something to go through in which there are only tensors."""
    if isinstance(iterable, Tensor):
        return False
    try:
        found = list(iterable)
    except TypeError:
        return False
    return all(isinstance(each, Tensor) for each in found) if found else include_empty


def clone_input_helper(input: Any) -> Any:
    """A copy of a tensor, or of each in a sequence."""
    if isinstance(input, Tensor):
        return torch.clone(input)
    return tuple(map(clone_input_helper, input)) if isinstance(input, (list, tuple)) else input


def first_sample(self: Any, samples: Iterable[Any]) -> Any:
    """The first sample, of those that there are."""
    for sample in samples:
        return sample
    raise AssertionError("no samples")


def coalescedonoff(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The test, with sparse tensors that are coalesced, and with others."""

    @functools.wraps(fn)
    def both(self: Any, *args: Any, **kwargs: Any) -> None:
        for coalesced in (True, False):
            fn(self, *args, coalesced=coalesced, **kwargs)

    return both


def decorateIf(decorator: Callable[[Any], Any], predicate: Callable[[dict[str, Any]], bool]) -> Callable[[Any], Any]:
    """Decorates those of the tests written out for which the predicate of their parameters holds."""

    def decorate(fn: Callable[..., Any]) -> Callable[..., Any]:
        decorated = decorator(fn)

        @functools.wraps(fn)
        def chosen(self: Any, *args: Any, **kwargs: Any) -> Any:
            return (decorated if predicate(kwargs) else fn)(self, *args, **kwargs)

        return chosen

    return decorate


# -- matrices ----------------------------------------------------------------------------------------------------------


def random_symmetric_matrix(n: int, *batch: int, **options: Any) -> Tensor:
    """A random symmetric matrix."""
    a = torch.randn(*batch, n, n, **options)
    made: Tensor = (a + a.mT).div(2)
    return made


def random_symmetric_psd_matrix(n: int, *batch: int, **options: Any) -> Tensor:
    """A random symmetric positive semidefinite matrix."""
    a = torch.randn(*batch, n, n, **options)
    made: Tensor = torch.matmul(a, a.mT)
    return made


def random_symmetric_pd_matrix(n: int, *batch: int, **options: Any) -> Tensor:
    """A random symmetric positive definite matrix."""
    return random_symmetric_psd_matrix(n, *batch, **options) + torch.eye(n, **options) * 1e-5


def random_hermitian_matrix(n: int, *batch: int, **options: Any) -> Tensor:
    """A random Hermitian matrix."""
    a = torch.randn(*batch, n, n, **options)
    made: Tensor = (a + a.mH).div(2)
    return made


def random_hermitian_psd_matrix(n: int, *batch: int, **options: Any) -> Tensor:
    """A random Hermitian positive semidefinite matrix."""
    a = torch.randn(*batch, n, n, **options)
    made: Tensor = torch.matmul(a, a.mH)
    return made


def random_hermitian_pd_matrix(n: int, *batch: int, **options: Any) -> Tensor:
    """A random Hermitian positive definite matrix."""
    return random_hermitian_psd_matrix(n, *batch, **options) + torch.eye(n, **options)


def make_fullrank_matrices_with_distinct_singular_values(*shape: int, **options: Any) -> Tensor:
    """Random matrices whose singular values lie between one and two."""
    grad = options.pop("requires_grad", False)
    t = torch.randn(*shape, **options)
    u, _, vh = torch.linalg.svd(t, full_matrices=False)
    few = min(shape[-2:])
    values = torch.linspace(2.0, 1.0, few, dtype=u.real.dtype).to(u.dtype)
    made: Tensor = ((u * values) @ vh).detach()
    return made.requires_grad_(grad)
