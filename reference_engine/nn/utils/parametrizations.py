"""Ready-made parametrizations: orthogonal matrices, and weights with a norm of their own or a bounded one.

Source: https://docs.pytorch.org/docs/stable/nn.html#parametrizations
"""

from __future__ import annotations

import enum
from typing import Any

import reference_engine as torch
from reference_engine import dtypes
from reference_engine.modes import no_grad
from reference_engine.nn import functional as F
from reference_engine.nn.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from reference_engine.nn.module import Module
from reference_engine.nn.utils import parametrize
from reference_engine.tensor import Tensor

# -- orthogonal --------------------------------------------------------------------------------------------------------


def _is_orthogonal(matrix: Any) -> bool:
    rows, columns = matrix.shape[-2:]
    identity = torch.eye(columns, dtype=matrix.dtype)
    return bool(torch.allclose(matrix.mH @ matrix, identity, atol=10.0 * rows * dtypes.finfo(matrix.dtype).eps))


def _orthonormal_columns(matrix: Any) -> Any:
    """The Q of a QR decomposition whose R has a positive diagonal."""
    reflectors, scales = torch.geqrf(matrix)
    made = torch.linalg.householder_product(reflectors, scales)
    made *= reflectors.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)
    return made


class _OrthMaps(enum.Enum):
    matrix_exp = enum.auto()
    cayley = enum.auto()
    householder = enum.auto()


class _Orthogonal(Module):
    """An orthogonal matrix from the entries below the diagonal of any matrix, times a fixed one (`base`)."""

    base: Any

    def __init__(self, weight: Tensor, orthogonal_map: _OrthMaps, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map is _OrthMaps.householder:
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Any) -> Any:
        wide = X.size(-2) < X.size(-1)
        tall = X.mT if wide else X
        made = self._by_reflections(tall) if self.orthogonal_map is _OrthMaps.householder else self._by_skew(tall)
        if hasattr(self, "base"):
            made = self.base @ made
        return made.mT if wide else made

    def _by_skew(self, X: Any) -> Any:
        """The exponential, or Cayley's transform, of a skew-symmetric matrix."""
        rows, columns = X.shape[-2:]
        lower = X.tril()
        if rows != columns:
            lower = torch.cat([lower, lower.new_zeros(rows, rows - columns).expand(*X.shape[:-2], -1, -1)], dim=-1)
        skew = lower - lower.mH
        if self.orthogonal_map is _OrthMaps.matrix_exp:
            made = torch.matrix_exp(skew)
        else:
            identity = torch.eye(rows, dtype=skew.dtype)
            made = torch.linalg.solve(torch.add(identity, skew, alpha=-0.5), torch.add(identity, skew, alpha=0.5))
        return made if rows == columns else made[..., :columns]

    def _by_reflections(self, X: Any) -> Any:
        vectors = X.tril(diagonal=-1)
        scales = 2.0 / (1.0 + (vectors * vectors).sum(dim=-2))
        # the diagonal holds the signs of the columns
        return torch.linalg.householder_product(vectors, scales) * X.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)

    @no_grad()
    def right_inverse(self, Q: Any) -> Any:
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {Q.shape}."
            )
        wide = Q.size(-2) < Q.size(-1)
        tall = Q.mT if wide else Q
        if hasattr(self, "base"):
            self.base = self._base_for(tall)
            minus_identity = torch.zeros_like(Q)
            minus_identity.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
            return minus_identity
        if self.orthogonal_map is not _OrthMaps.householder:
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                "use_trivialization=False."
            )
        reflectors, scales = torch.geqrf(tall)
        reflectors.diagonal(dim1=-2, dim2=-1).sign_()
        reflectors.diagonal(dim1=-2, dim2=-1)[scales == 0.0] *= -1
        return reflectors.mT if wide else reflectors

    @staticmethod
    def _base_for(tall: Any) -> Any:
        """A square orthogonal matrix whose first columns are those of `tall`, made orthonormal."""
        rows, columns = tall.shape[-2:]
        if rows == columns:
            return tall.clone() if _is_orthogonal(tall) else _orthonormal_columns(tall)
        filling = torch.randn(*tall.shape[:-2], rows, rows - columns, dtype=tall.dtype)
        return _orthonormal_columns(torch.cat([tall, filling], dim=-1))


def orthogonal(
    module: Any, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Any:
    """Keep a matrix of `module` orthogonal.

    Args:
        module: the module.
        name: of the matrix, or batch of matrices.
        orthogonal_map: ``matrix_exp`` (the default for square and complex ones), ``cayley`` or ``householder``.
        use_trivialization: start from the present matrix, by way of a factor that is kept fixed.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    chosen = getattr(_OrthMaps, orthogonal_map, None)
    if chosen is None:
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    function = _Orthogonal(weight, chosen, use_trivialization=use_trivialization)
    return parametrize.register_parametrization(module, name, function, unsafe=True)


# -- weight_norm -------------------------------------------------------------------------------------------------------


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Any:
        return torch._weight_norm(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> Any:
        return torch.norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Learn the norm of a weight (``original0``) apart from its direction (``original1``), for each index of `dim`."""
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def from_older_names(state: dict[str, Any], prefix: str, *args: Any) -> None:
        older = [f"{prefix}{name}_{part}" for part in "gv"]
        if all(key in state for key in older):
            for i, key in enumerate(older):
                state[f"{prefix}parametrizations.{name}.original{i}"] = state.pop(key)

    module._register_load_state_dict_pre_hook(from_older_names)
    return module


# -- spectral_norm -----------------------------------------------------------------------------------------------------


class _SpectralNorm(Module):
    """A weight divided by its largest singular value, which some steps of the power method estimate."""

    _u: Any
    _v: Any

    def __init__(self, weight: Any, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        rank = weight.ndim
        if dim >= rank or dim < -rank:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{rank}, {rank - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim, self.eps = dim if dim >= 0 else dim + rank, eps
        if rank > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._as_matrix(weight)
            rows, columns = matrix.size()
            u, v = matrix.new_empty(rows).normal_(0, 1), matrix.new_empty(columns).normal_(0, 1)
            self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
            self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
            self._power_method(matrix, 15)

    def _as_matrix(self, weight: Any) -> Any:
        if self.dim != 0:
            weight = weight.permute(self.dim, *(d for d in range(weight.dim()) if d != self.dim))
        return weight.flatten(1)

    @no_grad()
    def _power_method(self, matrix: Any, steps: int) -> None:
        for _ in range(steps):
            self._u = F.normalize(torch.mv(matrix, self._v), dim=0, eps=self.eps, out=self._u)
            self._v = F.normalize(torch.mv(matrix.H, self._u), dim=0, eps=self.eps, out=self._v)

    def forward(self, weight: Any) -> Any:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._as_matrix(weight)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        # copies, since the next step changes these in place
        u, v = (vector.clone(memory_format=torch.contiguous_format) for vector in (self._u, self._v))
        return weight / torch.vdot(u, torch.mv(matrix, v))

    def right_inverse(self, value: Any) -> Any:
        return value


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Divide a weight by its largest singular value, seen as a matrix with the rows of `dim`."""
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
    function = _SpectralNorm(weight, n_power_iterations, dim, eps)
    return parametrize.register_parametrization(module, name, function)
