"""The multivariate normal distribution whose covariance is that of a few factors, and a diagonal.

With the covariance W W^T + D, by Woodbury's formula and the matrix determinant lemma everything comes from the small
*capacitance* matrix I + W^T D^-1 W.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions.distribution import _ONE, Distribution
from reference_engine.distributions.multivariate_normal import _batch_mahalanobis, _batch_mv, _log_diagonal
from reference_engine.distributions.utils import _standard_normal, lazy_property

__all__ = ["LowRankMultivariateNormal"]


def _cholesky_of_one_more(gram: Any) -> Any:
    """The Cholesky factor of I + K."""
    n = gram.size(-1)
    gram = gram.contiguous()
    gram.view(-1, n * n)[:, :: n + 1] += 1
    return torch.linalg.cholesky(gram)


def _weighted(W: Any, D: Any) -> Any:
    """W^T D^-1"""
    return W.mT / D.unsqueeze(-2)


def _batch_capacitance_tril(W: Any, D: Any) -> Any:
    """The Cholesky factor of I + W^T D^-1 W."""
    return _cholesky_of_one_more(torch.matmul(_weighted(W, D), W))


def _batch_lowrank_logdet(W: Any, D: Any, capacitance_tril: Any) -> Any:
    """log det (W W^T + D)"""
    return 2 * _log_diagonal(capacitance_tril) + D.log().sum(-1)


def _batch_lowrank_mahalanobis(W: Any, D: Any, x: Any, capacitance_tril: Any) -> Any:
    """x^T (W W^T + D)^-1 x"""
    projected = _batch_mv(_weighted(W, D), x)
    return (x.pow(2) / D).sum(-1) - _batch_mahalanobis(capacitance_tril, projected)


class LowRankMultivariateNormal(Distribution):
    """Vectors around `loc` with the covariance `cov_factor cov_factor^T + diag(cov_diag)`.

    Args:
        loc: the mean, of the shape `(*b, n)`.
        cov_factor: of the shape `(*b, n, m)`.
        cov_diag: positive, of the shape `(*b, n)`.

    Raises:
        ValueError: shapes that do not fit.
    """

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True
    _expands: ClassVar[Any] = {"loc": 1, "cov_diag": 1, "cov_factor": 2}
    _keeps = ("_unbroadcasted_cov_factor", "_unbroadcasted_cov_diag", "_capacitance_tril")

    def __init__(self, loc: Any, cov_factor: Any, cov_diag: Any, validate_args: bool | None = None) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event_shape = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        if cov_factor.shape[-2:-1] != event_shape:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event_shape[0]} x m")
        if cov_diag.shape[-1:] != event_shape:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event_shape}")
        try:
            columns = torch.broadcast_tensors(loc.unsqueeze(-1), cov_factor, cov_diag.unsqueeze(-1))
        except RuntimeError as clash:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag {cov_diag.shape}"
            ) from clash
        self.loc, self.cov_factor, self.cov_diag = columns[0][..., 0], columns[1], columns[2][..., 0]
        self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag = cov_factor, cov_diag
        self._capacitance_tril = _batch_capacitance_tril(cov_factor, cov_diag)
        super().__init__(self.loc.shape[:-1], event_shape, validate_args=validate_args)

    @property
    def _parts(self) -> tuple[Any, Any]:
        return self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag

    def _for_batch(self, matrices: Any) -> Any:
        return matrices.expand(self._batch_shape + self._event_shape + self._event_shape)

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @lazy_property
    def variance(self) -> Any:
        factor, diagonal = self._parts
        return (factor.pow(2).sum(-1) + diagonal).expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Any:
        """The root of D by the factor of I + D^-1/2 W W^T D^-1/2."""
        factor, diagonal = self._parts
        root = diagonal.sqrt().unsqueeze(-1)
        scaled = factor / root
        return self._for_batch(root * _cholesky_of_one_more(torch.matmul(scaled, scaled.mT)))

    @lazy_property
    def covariance_matrix(self) -> Any:
        factor, diagonal = self._parts
        return self._for_batch(torch.matmul(factor, factor.mT) + torch.diag_embed(diagonal))

    @lazy_property
    def precision_matrix(self) -> Any:
        factor, diagonal = self._parts
        solved = torch.linalg.solve_triangular(self._capacitance_tril, _weighted(factor, diagonal), upper=False)
        return self._for_batch(torch.diag_embed(diagonal.reciprocal()) - solved.mT @ solved)

    def rsample(self, sample_shape: Any = _ONE) -> Any:
        factor, diagonal = self._parts
        shape = self._extended_shape(sample_shape)
        of_factors = _standard_normal(shape[:-1] + self.cov_factor.shape[-1:], self.loc.dtype, self.loc.device)
        of_each = _standard_normal(shape, self.loc.dtype, self.loc.device)
        return self.loc + _batch_mv(factor, of_factors) + diagonal.sqrt() * of_each

    def _log_det(self) -> Any:
        return _batch_lowrank_logdet(*self._parts, self._capacitance_tril)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        square = _batch_lowrank_mahalanobis(*self._parts, value - self.loc, self._capacitance_tril)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + self._log_det() + square)

    def entropy(self) -> Any:
        entropy = 0.5 * (self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._log_det())
        return entropy.expand(self._batch_shape) if self._batch_shape else entropy
