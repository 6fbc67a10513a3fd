"""Different transforms for parts of a tensor along one dimension."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions._transform import Transform
from reference_engine.distributions.utils import _sum_rightmost, lazy_property


class _OfParts(Transform):
    """Takes a tensor apart, and puts it together again.

    Raises:
        AssertionError: what is given are no transforms, or the tensor has not as many parts.
    """

    def __init__(self, tseq: Sequence[Any], dim: int = 0, cache_size: int = 0) -> None:
        if not all(isinstance(t, Transform) for t in tseq):
            raise AssertionError("All elements of tseq must be Transform instances")
        super().__init__(cache_size=cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.dim = dim

    def _apart(self, tensor: Any) -> list[Any]:
        raise NotImplementedError

    def _together(self, parts: Sequence[Any]) -> Any:
        raise NotImplementedError

    def _wanted(self) -> tuple[int, str]:
        """The size that a tensor must have, and what it is called."""
        raise NotImplementedError

    def _check(self, tensor: Any, name: str, called: str = "tensor") -> None:
        if not -tensor.dim() <= self.dim < tensor.dim():
            raise AssertionError(f"dim {self.dim} out of range for {called} with {tensor.dim()} dimensions")
        size, (wanted, what) = tensor.size(self.dim), self._wanted()
        if size != wanted:
            raise AssertionError(f"{name}.size({self.dim}) = {size} must equal {what} {wanted}")

    def _mapped(self, tensor: Any, name: str, apply: Callable[[Any, Any], Any]) -> Any:
        self._check(tensor, name)
        return self._together([apply(t, part) for t, part in zip(self.transforms, self._apart(tensor), strict=False)])

    def _call(self, x: Any) -> Any:
        return self._mapped(x, "x", lambda t, part: t(part))

    def _inverse(self, y: Any) -> Any:
        return self._mapped(y, "y", lambda t, part: t.inv(part))

    def _stretches(self, x: Any, y: Any) -> list[Any]:
        self._check(x, "x", "x")
        self._check(y, "y", "y")
        parts = zip(self.transforms, self._apart(x), self._apart(y), strict=False)
        return [t.log_abs_det_jacobian(before, after) for t, before, after in parts]

    @property
    def bijective(self) -> Any:
        return all(t.bijective for t in self.transforms)


class CatTransform(_OfParts):
    """Transforms for parts of given lengths, by default 1."""

    def __init__(
        self, tseq: Sequence[Any], dim: int = 0, lengths: Sequence[int] | None = None, cache_size: int = 0
    ) -> None:
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(f"lengths ({len(self.lengths)}) must match transforms ({len(self.transforms)})")

    @lazy_property
    def event_dim(self) -> Any:
        return max(t.event_dim for t in self.transforms)

    @lazy_property
    def length(self) -> Any:
        return sum(self.lengths)

    def _wanted(self) -> tuple[int, str]:
        return self.length, "length"

    def _recached(self, cache_size: int) -> Any:
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _apart(self, tensor: Any) -> list[Any]:
        starts = [sum(self.lengths[:i]) for i in range(len(self.lengths))]
        return [tensor.narrow(self.dim, *at) for at in zip(starts, self.lengths, strict=True)]

    def _together(self, parts: Sequence[Any]) -> Any:
        return torch.cat(parts, dim=self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        stretches = [
            _sum_rightmost(stretch, self.event_dim - t.event_dim)
            for t, stretch in zip(self.transforms, self._stretches(x, y), strict=True)
        ]
        # dim counts from the last dimension; those of a value are summed away
        dim = self.dim - x.dim() if self.dim >= 0 else self.dim
        dim += self.event_dim
        return torch.cat(stretches, dim=dim) if dim < 0 else sum(stretches)

    @constraints.dependent_property
    def domain(self) -> Any:
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self) -> Any:
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)


class StackTransform(_OfParts):
    """Transforms for slices, one each."""

    def _wanted(self) -> tuple[int, str]:
        return len(self.transforms), "len(transforms)"

    def _recached(self, cache_size: int) -> Any:
        return StackTransform(self.transforms, self.dim, cache_size)

    def _apart(self, tensor: Any) -> list[Any]:
        return [tensor.select(self.dim, i) for i in range(tensor.size(self.dim))]

    def _together(self, parts: Sequence[Any]) -> Any:
        return torch.stack(parts, dim=self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return torch.stack(self._stretches(x, y), dim=self.dim)

    @constraints.dependent_property
    def domain(self) -> Any:
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self) -> Any:
        return constraints.stack([t.codomain for t in self.transforms], self.dim)
