"""What autocast does to a call: some functions are computed in a narrower type, some in float32, some in the widest.

Source: https://docs.pytorch.org/docs/stable/amp.html#cpu-op-specific-behavior
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from reference_engine import dtypes

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


class _State(threading.local):
    """Of a thread."""

    enabled = False
    dtype: dtypes.dtype = dtypes.bfloat16
    depth = 0  # of nested blocks
    caches = True

    def __init__(self) -> None:
        self.cast: dict[int, tuple[Tensor, int, Tensor]] = {}  # leaves, and what they were cast to


state = _State()

NARROWED = frozenset((
    "matmul", "mm", "bmm", "mv", "addmm", "addbmm", "baddbmm", "addmv", "chain_matmul", "linalg.vecdot",
    "linalg.multi_dot", "nn.functional.linear", "nn.functional.conv1d", "nn.functional.conv2d",
    "nn.functional.conv3d", "nn.functional.conv_transpose1d", "nn.functional.conv_transpose2d",
    "nn.functional.conv_transpose3d", "nn.functional.prelu", "prelu", "nn.functional.scaled_dot_product_attention",
))  # fmt: skip
"""Computed in the type of the block."""

WIDENED = frozenset((
    "prod", "cdist", "trace", "polar", "cholesky", "inverse", "cholesky_inverse", "cholesky_solve", "pinverse",
    "geqrf", "qr", "svd", "triangular_solve", "view_as_complex", "orgqr", "ormqr", "lu_solve",
    "nn.functional.avg_pool3d", "nn.functional.binary_cross_entropy", "nn.functional.mse_loss",
    "nn.functional.nll_loss", "nn.functional.cross_entropy", "nn.functional.l1_loss", "nn.functional.smooth_l1_loss",
    "nn.functional.huber_loss", "nn.functional.soft_margin_loss", "nn.functional.kl_div",
    "nn.functional.binary_cross_entropy_with_logits", "nn.functional.cosine_embedding_loss",
    "nn.functional.hinge_embedding_loss", "nn.functional.poisson_nll_loss", "nn.functional.margin_ranking_loss",
    "nn.functional.triplet_margin_loss", "nn.functional.adaptive_avg_pool3d", "nn.functional.max_pool3d",
    "linalg.cond", "linalg.matrix_rank", "linalg.solve", "linalg.cholesky", "linalg.svdvals", "linalg.eigvals",
    "linalg.eigvalsh", "linalg.inv", "linalg.householder_product", "linalg.tensorinv", "linalg.tensorsolve",
    "linalg.eig", "linalg.eigh", "linalg.lstsq", "fft.fft", "fft.ifft", "fft.fft2", "fft.ifft2", "fft.fftn",
    "fft.ifftn", "fft.rfft", "fft.irfft", "fft.rfft2", "fft.irfft2", "fft.rfftn", "fft.irfftn", "fft.hfft",
    "fft.ihfft",
))  # fmt: skip
"""Computed in float32."""

WIDEST = frozenset(["cat", "stack", "index_copy"])
"""Computed in the widest type among the arguments."""


def affects(name: str) -> bool:
    return name in NARROWED or name in WIDENED or name in WIDEST


def cast(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call as it is made inside an enabled block."""
    if name in NARROWED:
        wanted = state.dtype
    elif name in WIDENED:
        wanted = dtypes.float32
    else:
        wanted = state.dtype
        for value in _tensors((args, kwargs)):
            if value._dtype is dtypes.float32:
                wanted = dtypes.float32
    return tuple(_as(value, wanted) for value in args), {key: _as(value, wanted) for key, value in kwargs.items()}


def _tensors(value: Any) -> list[Any]:
    if isinstance(value, (tuple, list)):
        return [tensor for each in value for tensor in _tensors(each)]
    if isinstance(value, dict):
        return _tensors(list(value.values()))
    return [value] if hasattr(value, "_storage") else []


def _as(value: Any, wanted: dtypes.dtype) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(_as(each, wanted) for each in value)
    if not hasattr(value, "_storage") or not value.is_floating_point():
        return value
    if value._dtype is dtypes.float64 or value._dtype is wanted:
        return value
    kept = state.caches and wanted is state.dtype and value._dtype is dtypes.float32
    if not (kept and value.is_leaf and value.requires_grad and not value._is_view()):
        return value.to(wanted)
    known, version = state.cast.get(id(value)), value._version_counter.value
    if known is None or known[1] != version:  # never cast, or changed in place since
        known = state.cast[id(value)] = value, version, value.to(wanted)
    return known[2]
