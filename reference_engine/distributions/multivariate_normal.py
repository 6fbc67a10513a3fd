"""The multivariate normal distribution."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions.distribution import _ONE, Distribution
from reference_engine.distributions.utils import _standard_normal, lazy_property

__all__ = ["MultivariateNormal"]


def _batch_mv(bmat: Any, bvec: Any) -> Any:
    """Products of a batch of matrices and one of vectors, which broadcast."""
    return torch.matmul(bmat, bvec.unsqueeze(-1)).squeeze(-1)


def _batch_mahalanobis(bL: Any, bx: Any) -> Any:
    """|L^-1 x|², of factors of the shape `(*b, n, n)` and vectors of the shape `(*a, *b', n)`.

    Each dimension of b' is a multiple of that of b. Vectors with the same factor are solved for together: their
    dimensions come to the front, `(*a, *(b' / b), *b, n)`.
    """
    n, batch = bx.size(-1), bL.dim() - 2
    outer = bx.dim() - 1 - batch
    split: list[int] = [*bx.shape[:outer]]
    for size, repeated in zip(bL.shape[:-2], bx.shape[outer:-1], strict=False):
        split += [repeated // size, size]
    folds, sizes = (range(outer + start, outer + 2 * batch, 2) for start in (0, 1))
    fronted = bx.reshape((*split, n)).permute([*range(outer), *folds, *sizes, outer + 2 * batch])
    factors = bL.reshape(-1, n, n)
    columns = fronted.reshape(-1, factors.size(0), n).permute(1, 2, 0)
    lengths = torch.linalg.solve_triangular(factors, columns, upper=False).pow(2).sum(-2).t()
    pairs = [at for i in range(batch) for at in (outer + i, outer + batch + i)]
    return lengths.reshape(fronted.shape[:-1]).permute([*range(outer), *pairs]).reshape(bx.shape[:-1])


def _precision_to_scale_tril(P: Any) -> Any:
    """The lower Cholesky factor of the inverse of P: that of P turned round is the inverse of it."""
    turned = torch.linalg.cholesky(torch.flip(P, (-2, -1)))
    inverse = torch.transpose(torch.flip(turned, (-2, -1)), -2, -1)
    identity = torch.eye(P.shape[-1], dtype=P.dtype, device=P.device)
    return torch.linalg.solve_triangular(inverse, identity, upper=False)


def _log_diagonal(tril: Any) -> Any:
    """The logarithm of the determinant of a triangular matrix."""
    return tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)


class ByCovariance:
    """Given by a covariance matrix, by its inverse or by its lower Cholesky factor."""

    _unbroadcasted_scale_tril: Any

    @staticmethod
    def _factor(covariance_matrix: Any, precision_matrix: Any, scale_tril: Any) -> Any:
        """The Cholesky factor, of the batch of the matrix that was given."""
        if scale_tril is not None:
            return scale_tril
        if covariance_matrix is not None:
            return torch.linalg.cholesky(covariance_matrix)
        return _precision_to_scale_tril(precision_matrix)


class MultivariateNormal(ByCovariance, Distribution):
    """Vectors around `loc`, by one of three matrices.

    Args:
        loc: the mean.
        covariance_matrix: positive definite, or
        precision_matrix: its inverse, or
        scale_tril: its lower Cholesky factor.

    Raises:
        ValueError: not one of them, or one without enough dimensions.
    """

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True
    _expands: ClassVar[Any] = {"loc": 1, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2}
    _keeps = ("_unbroadcasted_scale_tril",)

    def __init__(
        self,
        loc: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        matrices = {
            "scale_tril": scale_tril,
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
        }
        given = [name for name, matrix in matrices.items() if matrix is not None]
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        (name,) = given
        matrix = matrices[name]
        if matrix.dim() < 2:
            called = "scale_tril matrix" if name == "scale_tril" else name
            raise ValueError(f"{called} must be at least two-dimensional, with optional leading batch dimensions")
        batch_shape = torch.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        setattr(self, name, matrix.expand((*batch_shape, -1, -1)))
        self.loc = loc.expand((*batch_shape, -1))
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = self._factor(covariance_matrix, precision_matrix, scale_tril)

    def _for_batch(self, matrices: Any) -> Any:
        return matrices.expand(self._batch_shape + self._event_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Any:
        return self._for_batch(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Any:
        return self._for_batch(torch.matmul(self._unbroadcasted_scale_tril, self._unbroadcasted_scale_tril.mT))

    @lazy_property
    def precision_matrix(self) -> Any:
        return self._for_batch(torch.cholesky_inverse(self._unbroadcasted_scale_tril))

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Any = _ONE) -> Any:
        noise = _standard_normal(self._extended_shape(sample_shape), self.loc.dtype, self.loc.device)
        return self.loc + _batch_mv(self._unbroadcasted_scale_tril, noise)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        tril = self._unbroadcasted_scale_tril
        square = _batch_mahalanobis(tril, value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + square) - _log_diagonal(tril)

    def entropy(self) -> Any:
        of_one = 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi))
        entropy = of_one + _log_diagonal(self._unbroadcasted_scale_tril)
        return entropy.expand(self._batch_shape) if self._batch_shape else entropy
