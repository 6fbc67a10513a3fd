"""Normalisation."""

from __future__ import annotations

import numbers
from typing import Any

from reference_engine import creation, dtypes
from reference_engine.nn import functional as F
from reference_engine.nn import init
from reference_engine.nn.applied import own_methods
from reference_engine.nn.module import Module
from reference_engine.nn.parameter import Parameter
from reference_engine.tensor import Tensor


class _Affine(Module):
    """A weight that begins as ones and a bias that begins as zeros, of one shape; either may be missing."""

    weight: Any
    bias: Any

    def _register_affine(self, shape: tuple[int, ...], weight: bool, bias: bool | None, dtype: Any) -> None:
        """``bias=None``: there is no such attribute."""
        for name, wanted in (("weight", weight), ("bias", bias)):
            if wanted is not None:
                made = Parameter(creation.empty(shape, dtype=dtype)) if wanted else None
                self.register_parameter(name, made)

    def reset_parameters(self) -> None:
        """Ones and zeros again."""
        if self.weight is not None:
            init.ones_(self.weight)
        if getattr(self, "bias", None) is not None:
            init.zeros_(self.bias)


class LayerNorm(_Affine):
    """Over the last dimensions of each sample."""

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, numbers.Integral) else normalized_shape
        self.normalized_shape, self.eps, self.elementwise_affine = tuple(shape), eps, elementwise_affine
        self._register_affine(self.normalized_shape, elementwise_affine, elementwise_affine and bias, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Any:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(_Affine):
    """By the root of the mean square over the last dimensions."""

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, numbers.Integral) else normalized_shape
        self.normalized_shape, self.eps, self.elementwise_affine = tuple(shape), eps, elementwise_affine
        self._register_affine(self.normalized_shape, elementwise_affine, None, dtype)
        self.reset_parameters()

    def forward(self, x: Tensor) -> Any:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class LocalResponseNorm(Module):
    """By the neighbouring channels."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Any:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class GroupNorm(_Affine):
    """Over groups of channels."""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups != 0:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self._register_affine((num_channels,), affine, affine and bias, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Any:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class _NormBase(_Affine):
    """What normalisation over the batch and of each sample share: running statistics and parameters."""

    allowed: tuple[int, ...]
    expected: str
    _version = 2  # since when the batches are counted

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self._register_affine((num_features,), affine, affine and bias, dtype)
        tracked = track_running_stats
        for name in ("running_mean", "running_var"):
            self.register_buffer(name, creation.empty(num_features, dtype=dtype) if tracked else None)
        counted = creation.zeros((), dtype=dtypes.int64) if tracked else None
        self.register_buffer("num_batches_tracked", counted)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        self.reset_running_stats()
        super().reset_parameters()

    def reset_running_stats(self) -> None:
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
        version, key = local_metadata.get("version", None), f"{prefix}num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            counted = self.num_batches_tracked
            state_dict[key] = creation.zeros((), dtype=dtypes.int64) if counted is None else counted
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def _check_rank(self, input: Tensor) -> None:
        if input.dim() not in self.allowed:
            raise ValueError(f"expected {self.expected} input (got {input.dim()}D input)")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


@own_methods("__init__")
class _BatchNorm(_NormBase):
    """Over the batch."""

    def forward(self, input: Tensor) -> Any:
        self._check_rank(input)
        factor = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                factor = 1.0 / float(self.num_batches_tracked)
        by_batch = self.training or (self.running_mean is None and self.running_var is None)
        keep = not self.training or self.track_running_stats
        return F.batch_norm(
            input,
            self.running_mean if keep else None,
            self.running_var if keep else None,
            self.weight,
            self.bias,
            by_batch,
            factor,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    allowed, expected = (2, 3), "2D or 3D"


class BatchNorm2d(_BatchNorm):
    allowed, expected = (4,), "4D"


class BatchNorm3d(_BatchNorm):
    allowed, expected = (5,), "5D"
