"""Transforms of vectors and matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions._elementwise_transforms import _Alike, _clipped_sigmoid
from reference_engine.distributions._transform import Transform
from reference_engine.distributions.utils import tril_matrix_to_vec, vec_to_tril_matrix
from reference_engine.dtypes import finfo
from reference_engine.nn.functional import logsigmoid, pad, softplus
from reference_engine.size import Size


def _need(shape: Any, dims: int) -> None:
    if len(shape) < dims:
        raise ValueError("Too few dimensions on input")


class ReshapeTransform(Transform):
    """The last dimensions of a value in another shape.

    Raises:
        ValueError: shapes of different sizes, or a value of another shape.
    """

    bijective = True

    def __init__(self, in_shape: Any, out_shape: Any, cache_size: int = 0) -> None:
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ValueError("in_shape, out_shape have different numbers of elements")
        super().__init__(cache_size=cache_size)

    @constraints.dependent_property
    def domain(self) -> Any:
        return constraints.independent(constraints.real, len(self.in_shape))

    @constraints.dependent_property
    def codomain(self) -> Any:
        return constraints.independent(constraints.real, len(self.out_shape))

    def _recached(self, cache_size: int) -> Any:
        return ReshapeTransform(self.in_shape, self.out_shape, cache_size=cache_size)

    def _call(self, x: Any) -> Any:
        return x.reshape(x.shape[: x.dim() - len(self.in_shape)] + self.out_shape)

    def _inverse(self, y: Any) -> Any:
        return y.reshape(y.shape[: y.dim() - len(self.out_shape)] + self.in_shape)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return x.new_zeros(x.shape[: x.dim() - len(self.in_shape)])

    @staticmethod
    def _replaced(shape: Any, ending: Size, by: Size) -> Any:
        _need(shape, len(ending))
        cut = len(shape) - len(ending)
        if shape[cut:] != ending:
            raise ValueError(f"Shape mismatch: expected {shape[cut:]} but got {ending}")
        return shape[:cut] + by

    def forward_shape(self, shape: Any) -> Any:
        return self._replaced(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self._replaced(shape, self.out_shape, self.in_shape)


# -- the simplex -----------------------------------------------------------------------------------------------------


class SoftmaxTransform(_Alike):
    """exp x, divided by the sum; not bijective. One of the inverse images is log y."""

    domain, codomain = constraints.real_vector, constraints.simplex

    def _call(self, x: Any) -> Any:
        shares = (x - x.max(-1, True)[0]).exp()
        return shares / shares.sum(-1, True)

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def forward_shape(self, shape: Any) -> Any:
        _need(shape, 1)
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        return self.forward_shape(shape)


class StickBreakingTransform(_Alike):
    """Each number says how much of what is left of a stick is broken off; all zero gives pieces of one length."""

    domain, codomain = constraints.real_vector, constraints.simplex
    bijective = True

    @staticmethod
    def _offset(pieces: int, like: Any) -> Any:
        """The logarithm of how many pieces are still to come after each break."""
        return (pieces - like.new_ones(like.shape[-1]).cumsum(-1)).log()

    def _call(self, x: Any) -> Any:
        broken = _clipped_sigmoid(x - self._offset(x.shape[-1] + 1, x))
        left = (1 - broken).cumprod(-1)
        return pad(broken, [0, 1], value=1) * pad(left, [1, 0], value=1)

    def _inverse(self, y: Any) -> Any:
        pieces = y[..., :-1]
        left = torch.clamp(1 - pieces.cumsum(-1), min=finfo(y.dtype).tiny)
        return pieces.log() - left.log() + self._offset(y.shape[-1], pieces)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        x = x - self._offset(x.shape[-1] + 1, x)
        return (-x + logsigmoid(x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        _need(shape, 1)
        return shape[:-1] + Size((shape[-1] + 1,))

    def inverse_shape(self, shape: Any) -> Any:
        _need(shape, 1)
        return shape[:-1] + Size((shape[-1] - 1,))


# -- matrices --------------------------------------------------------------------------------------------------------


def _with_diagonal(matrix: Any, change: Callable[[Any], Any]) -> Any:
    """What is below the diagonal of a matrix, with another diagonal."""
    return matrix.tril(-1) + change(matrix.diagonal(dim1=-2, dim2=-1)).diag_embed()


class LowerCholeskyTransform(_Alike):
    """The lower triangle of a matrix, with the exponential of its diagonal."""

    domain, codomain = constraints.independent(constraints.real, 2), constraints.lower_cholesky

    def _call(self, x: Any) -> Any:
        return _with_diagonal(x, torch.exp)

    def _inverse(self, y: Any) -> Any:
        return _with_diagonal(y, torch.log)


class PositiveDefiniteTransform(_Alike):
    """L L^T, of the factor that `LowerCholeskyTransform` makes."""

    domain, codomain = constraints.independent(constraints.real, 2), constraints.positive_definite

    def _call(self, x: Any) -> Any:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Any) -> Any:
        return LowerCholeskyTransform().inv(torch.linalg.cholesky(y))


class CorrCholeskyTransform(Transform):
    """The Cholesky factor of correlations, of the numbers below its diagonal row by row.

    Their tanh says how much of what is left of the unit length of a row each element takes, as when a stick is broken.
    """

    domain, codomain = constraints.real_vector, constraints.corr_cholesky
    bijective = True

    def _call(self, x: Any) -> Any:
        x = torch.tanh(x)
        eps = finfo(x.dtype).eps
        taken = vec_to_tril_matrix(x.clamp(min=-1 + eps, max=1 - eps), diag=-1)
        left = (1 - taken**2).sqrt().cumprod(-1)
        taken = taken + torch.eye(taken.shape[-1], dtype=taken.dtype, device=taken.device)
        return taken * pad(left[..., :-1], [1, 0], value=1)

    def _inverse(self, y: Any) -> Any:
        left = pad((1 - torch.cumsum(y * y, dim=-1))[..., :-1], [1, 0], value=1)
        taken = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (taken.log1p() - taken.neg().log1p()) / 2

    def log_abs_det_jacobian(self, x: Any, y: Any, intermediates: Any = None) -> Any:
        left = tril_matrix_to_vec(1 - (y * y).cumsum(dim=-1), diag=-2)
        of_breaking = 0.5 * left.log().sum(-1)
        return of_breaking + -2 * (x + softplus(-2 * x) - math.log(2.0)).sum(dim=-1)

    def forward_shape(self, shape: Any) -> Any:
        _need(shape, 1)
        count = shape[-1]
        n = round((0.25 + 2 * count) ** 0.5 + 0.5)
        if n * (n - 1) // 2 != count:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return shape[:-1] + Size((n, n))

    def inverse_shape(self, shape: Any) -> Any:
        _need(shape, 2)
        n = shape[-1]
        if shape[-2] != n:
            raise ValueError("Input is not square")
        return shape[:-2] + Size((n * (n - 1) // 2,))
