"""``torch.distributions.utils``: parameters as tensors of one shape, probabilities and logits, triangles as vectors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import reference_engine as torch
from reference_engine.dtypes import finfo, get_default_dtype
from reference_engine.modes import enable_grad
from reference_engine.overrides import is_tensor_like
from reference_engine.size import Size
from reference_engine.tensor import Tensor

euler_constant: Final[float] = 0.5772156649015329

__all__ = [
    "broadcast_all", "logits_to_probs", "clamp_probs", "probs_to_logits", "lazy_property", "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]  # fmt: skip

_NUMBERS = (int, float)


def broadcast_all(*values: Any) -> Any:
    """Numbers and tensors as tensors of one shape; numbers have the dtype of the first tensor.

    Raises:
        ValueError: something that is neither.
    """
    if not all(is_tensor_like(v) or isinstance(v, _NUMBERS) for v in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__."
        )
    first = next((v for v in values if isinstance(v, Tensor)), None)
    dtype = get_default_dtype() if first is None else first.dtype
    return torch.broadcast_tensors(*(v if is_tensor_like(v) else torch.tensor(v, dtype=dtype) for v in values))


def _broadcast_parameters(*values: Any) -> Any:
    """The same, and the batch shape: that of the tensors, or none where all were numbers."""
    tensors = broadcast_all(*values)
    return *tensors, Size() if all(isinstance(v, _NUMBERS) for v in values) else tensors[0].size()


def _standard_normal(shape: Any, dtype: Any, device: Any = None) -> Any:
    return torch.empty(shape, dtype=dtype, device=device).normal_()


def _sum_rightmost(value: Any, dim: int) -> Any:
    """The sum over the last `dim` dimensions."""
    return value.reshape((*value.shape[:-dim], -1)).sum(-1) if dim else value


def logits_to_probs(logits: Any, is_binary: bool = False) -> Any:
    """Probabilities of logits: of one event against its contrary, or of one of those in the last dimension."""
    return torch.sigmoid(logits) if is_binary else torch.nn.functional.softmax(logits, dim=-1)


def clamp_probs(probs: Any) -> Any:
    """Probabilities in the open interval (0, 1)."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Any, is_binary: bool = False) -> Any:
    """Logits of probabilities, none of them infinite."""
    inside = clamp_probs(probs)
    return torch.log(inside) - torch.log1p(-inside) if is_binary else torch.log(inside)


class lazy_property:
    """An attribute that is computed when it is first asked for, with gradients, and then kept."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        functools.update_wrapper(self, wrapped)  # type: ignore[arg-type]

    def __get__(self, instance: Any, obj_type: Any = None) -> Any:
        if instance is None:
            return _LazyPropertyOfClass(self.wrapped)
        with enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


class _LazyPropertyOfClass(lazy_property, property):
    """What the class shows: both kinds of property."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        property.__init__(self, wrapped)


def _lower(n: int, diag: int, device: Any) -> Any:
    """Where an n x n matrix is on or below the diagonal `diag`."""
    steps = torch.arange(n, device=device)
    return steps < steps.view(-1, 1) + (diag + 1)


def tril_matrix_to_vec(mat: Any, diag: int = 0) -> Any:
    """The lower triangles of a batch of D x D matrices, row after row.

    Raises:
        ValueError: the matrices have no such diagonal.
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat[..., _lower(n, diag, mat.device)]


def vec_to_tril_matrix(vec: Any, diag: int = 0) -> Any:
    """The inverse of `tril_matrix_to_vec`: what is above the diagonal `diag` is zero.

    Raises:
        ValueError: no triangle has so many elements.
    """
    count, step = vec.shape[-1], 1 + 2 * diag
    n = (-step + (step**2 + 8 * count + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2  # where the triangle has `count`
    if round(n) - n > finfo(vec.dtype).eps:
        raise ValueError(
            f"The size of last dimension is {count} which cannot be expressed as "
            "the lower triangular part of a square D x D matrix."
        )
    size = round(n)
    mat = vec.new_zeros((*vec.shape[:-1], size, size))
    mat[..., _lower(size, diag, vec.device)] = vec
    return mat
