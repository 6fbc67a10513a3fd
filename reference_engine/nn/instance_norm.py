"""Normalisation of every channel of every sample by itself."""

from __future__ import annotations

import warnings
from typing import Any

from reference_engine.nn import functional as F
from reference_engine.nn.normalization import _NormBase
from reference_engine.tensor import Tensor


class _InstanceNorm(_NormBase):
    dimensions: int

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype=dtype, bias=bias)

    def forward(self, input: Tensor) -> Any:
        rank, without_batch = input.dim(), self.dimensions + 1
        if rank not in (without_batch, without_batch + 1):
            raise ValueError(f"expected {without_batch}D or {without_batch + 1}D input (got {rank}D input)")
        channels = input.size(rank - self.dimensions - 1)
        if channels != self.num_features:
            if self.affine:
                raise ValueError(
                    f"expected input's size at dim={rank - self.dimensions - 1} to match num_features "
                    f"({self.num_features}), but got: {channels}."
                )
            warnings.warn(
                f"input's size at dim={rank - self.dimensions - 1} does not match num_features. You can silence this "
                "warning by not passing in num_features, which is not used because affine=False",
                stacklevel=3,
            )
        if rank == without_batch:
            return self._normalised(input.unsqueeze(0)).squeeze(0)
        return self._normalised(input)

    def _normalised(self, input: Any) -> Any:
        return F.instance_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or not self.track_running_stats, 0.0 if self.momentum is None else self.momentum, self.eps,
        )  # fmt: skip


class InstanceNorm1d(_InstanceNorm):
    dimensions = 1


class InstanceNorm2d(_InstanceNorm):
    dimensions = 2


class InstanceNorm3d(_InstanceNorm):
    dimensions = 3
