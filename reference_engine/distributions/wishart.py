"""The Wishart distribution: sums of squares of normal vectors."""

from __future__ import annotations

import math
import warnings
from typing import Any, ClassVar

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions.chi2 import Chi2
from reference_engine.distributions.distribution import _ONE
from reference_engine.distributions.exp_family import ExponentialFamily
from reference_engine.distributions.multivariate_normal import ByCovariance, _log_diagonal
from reference_engine.distributions.utils import _NUMBERS, lazy_property
from reference_engine.dtypes import finfo
from reference_engine.size import Size

__all__ = ["Wishart"]

_LOG_2 = math.log(2)


def _mvdigamma(x: Any, p: int) -> Any:
    """The slope of the logarithm of the multivariate gamma function."""
    if not x.gt((p - 1) / 2).all():
        raise AssertionError("Wrong domain for multivariate digamma function.")
    halves = torch.arange(p, dtype=x.dtype, device=x.device).div(2)
    return torch.digamma(x.unsqueeze(-1) - halves.expand((*x.shape, -1))).sum(-1)


class Wishart(ByCovariance, ExponentialFamily):
    """The sum of x x^T of `df` normal vectors x with mean zero; `df` may be any number above n - 1.

    Args:
        df: degrees of freedom.
        covariance_matrix: positive definite, n x n, or
        precision_matrix: its inverse, or
        scale_tril: its lower Cholesky factor.

    Raises:
        AssertionError: not one of them.
        ValueError: one without enough dimensions, or too few degrees of freedom.
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0
    _expands: ClassVar[Any] = {
        "df": 0,
        "covariance_matrix": 2,
        "precision_matrix": 2,
        "scale_tril": 2,
        "_unbroadcasted_scale_tril": 2,
        "_dist_chi2": 1,
    }

    @property
    def arg_constraints(self) -> Any:
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self.event_shape[-1] - 1),
        }

    def __init__(
        self,
        df: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        matrices = {
            "scale_tril": scale_tril,
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
        }
        given = [name for name, matrix in matrices.items() if matrix is not None]
        if len(given) != 1:
            raise AssertionError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        (name,) = given
        matrix = matrices[name]
        if matrix.dim() < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        if isinstance(df, _NUMBERS):
            batch_shape = Size(matrix.shape[:-2])
            self.df = torch.tensor(df, dtype=matrix.dtype, device=matrix.device)
        else:
            batch_shape = torch.broadcast_shapes(matrix.shape[:-2], df.shape)
            self.df = df.expand(batch_shape)
        n = matrix.shape[-1]
        if self.df.le(n - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {n - 1}.")
        setattr(self, name, matrix.expand((*batch_shape, -1, -1)))
        if self.df.lt(n).any():
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.",
                stacklevel=2,
            )
        super().__init__(batch_shape, matrix.shape[-2:], validate_args=validate_args)
        tril = self._unbroadcasted_scale_tril = self._factor(covariance_matrix, precision_matrix, scale_tril)
        before = torch.arange(n, dtype=tril.dtype, device=tril.device).expand((*batch_shape, -1))
        self._dist_chi2 = Chi2(df=self.df.unsqueeze(-1) - before)

    def _for_batch(self, matrices: Any) -> Any:
        return matrices.expand(self._batch_shape + self._event_shape)

    def _by_df(self, matrices: Any) -> Any:
        return self.df.view((*self._batch_shape, 1, 1)) * matrices

    @lazy_property
    def scale_tril(self) -> Any:
        return self._for_batch(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Any:
        return self._for_batch(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.transpose(-2, -1))

    @lazy_property
    def precision_matrix(self) -> Any:
        tril = self._unbroadcasted_scale_tril
        identity = torch.eye(self._event_shape[-1], device=tril.device, dtype=tril.dtype)
        return self._for_batch(torch.cholesky_solve(identity, tril))

    @property
    def mean(self) -> Any:
        return self._by_df(self.covariance_matrix)

    @property
    def mode(self) -> Any:
        factor = self.df - self.covariance_matrix.shape[-1] - 1
        factor[factor <= 0] = torch.nan
        return factor.view((*self._batch_shape, 1, 1)) * self.covariance_matrix

    @property
    def variance(self) -> Any:
        V = self.covariance_matrix
        diagonal = V.diagonal(dim1=-2, dim2=-1)
        return self._by_df(V.pow(2) + torch.einsum("...i,...j->...ij", diagonal, diagonal))

    def _bartlett_sampling(self, sample_shape: Any = _ONE) -> Any:
        """M. S. Bartlett's decomposition: a factor with roots of chi-squared numbers on the diagonal, and standard
        normal ones below it."""
        p = self._event_shape[-1]
        roots = self._dist_chi2.rsample(sample_shape).sqrt()
        noise = roots.clamp(min=finfo(roots.dtype).eps).diag_embed(dim1=-2, dim2=-1)
        i, j = torch.tril_indices(p, p, offset=-1)
        shape = Size(sample_shape) + self._batch_shape + Size((p * (p - 1) // 2,))
        noise[..., i, j] = torch.randn(shape, dtype=noise.dtype, device=noise.device)
        factor = self._unbroadcasted_scale_tril @ noise
        return factor @ factor.transpose(-2, -1)

    def rsample(self, sample_shape: Any = _ONE, max_try_correction: int | None = None) -> Any:
        """Values as a differentiable function of the parameters; singular ones are drawn again.

        torch draws those again that are *not* singular, once, and warns of them. So that a seed gives the numbers that
        it gives there, they are drawn again here too, but nothing is said about it.

        Args:
            max_try_correction: how often, by default 10 times.
        """
        sample = self._bartlett_sampling(Size(sample_shape))
        again = self._any_of_batch(self.support.check(sample))
        for _ in range(10 if max_try_correction is None else max_try_correction):
            if not again.any():
                break
            fresh = self._bartlett_sampling(again[again].shape)
            sample[again] = fresh
            again[again.clone()] = self._any_of_batch(~self.support.check(fresh))
        return sample

    def _any_of_batch(self, mask: Any) -> Any:
        return mask.amax([-1 - i for i in range(len(self._batch_shape))]) if self._batch_shape else mask

    def _log_scale(self) -> Any:
        """Half the logarithm of det 2V."""
        return self._event_shape[-1] * _LOG_2 / 2 + _log_diagonal(self._unbroadcasted_scale_tril)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        nu, p = self.df, self._event_shape[-1]
        trace = torch.cholesky_solve(value, self._unbroadcasted_scale_tril).diagonal(dim1=-2, dim2=-1).sum(dim=-1)
        power = (nu - p - 1) / 2 * torch.linalg.slogdet(value).logabsdet
        return -nu * self._log_scale() - torch.mvlgamma(nu / 2, p=p) + power - trace / 2

    def entropy(self) -> Any:
        nu, p = self.df, self._event_shape[-1]
        slope = (nu - p - 1) / 2 * _mvdigamma(nu / 2, p=p)
        return (p + 1) * self._log_scale() + torch.mvlgamma(nu / 2, p=p) - slope + nu * p / 2

    @property
    def _natural_params(self) -> Any:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Any, y: Any) -> Any:
        p = self._event_shape[-1]
        half = y + (p + 1) / 2
        return half * (-torch.linalg.slogdet(-2 * x).logabsdet + _LOG_2 * p) + torch.mvlgamma(half, p=p)
