"""The LKJ distribution of matrices of correlations, by their Cholesky factors.

D. Lewandowski, D. Kurowicka, H. Joe, "Generating random correlation matrices based on vines and extended onion method",
2009; sampled as an onion is.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions.beta import Beta
from reference_engine.distributions.distribution import _ONE, Distribution
from reference_engine.distributions.utils import broadcast_all
from reference_engine.dtypes import finfo
from reference_engine.size import Size

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """The density det(M)^(concentration - 1) of correlations M = L L^T; a value is L.

    Raises:
        ValueError: fewer than two dimensions.
    """

    arg_constraints: ClassVar[Any] = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _expands: ClassVar[Any] = {"concentration": 0, "_beta": 1}
    _keeps = ("dim",)

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        steps = torch.arange(dim - 1, dtype=self.concentration.dtype, device=self.concentration.device)
        before = torch.cat([steps.new_zeros((1,)), steps])  # how many dimensions each row is added to
        marginal = (self.concentration + 0.5 * (dim - 2)).unsqueeze(-1)
        self._beta = Beta(before + 0.5, marginal - 0.5 * before)
        super().__init__(self.concentration.size(), Size((dim, dim)), validate_args)

    def sample(self, sample_shape: Any = _ONE) -> Any:
        """Each row is a direction of the dimensions before, as long as a beta number says, and what is missing to one
        on the diagonal."""
        squares = self._beta.sample(sample_shape).unsqueeze(-1)
        shape = self._extended_shape(sample_shape)
        normal = torch.randn(shape, dtype=squares.dtype, device=squares.device).tril(-1)
        directions = normal / normal.norm(dim=-1, keepdim=True)
        directions[..., 0, :].fill_(0.0)  # the first row has none
        factor = torch.sqrt(squares) * directions
        rest = torch.clamp(1 - torch.sum(factor**2, dim=-1), min=finfo(factor.dtype).tiny).sqrt()
        factor += torch.diag_embed(rest)
        return factor

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        diagonal, below = value.diagonal(dim1=-1, dim2=-2)[..., 1:], self.dim - 1
        rows = torch.arange(2, self.dim + 1, device=self.concentration.device)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - rows
        alpha = self.concentration + 0.5 * below
        pi = 0.5 * below * math.log(math.pi)
        normalizer = pi + torch.mvlgamma(alpha - 0.5, below) - torch.lgamma(alpha) * below
        return torch.sum(order * diagonal.log(), dim=-1) - normalizer
