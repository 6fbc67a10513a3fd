"""The chi-squared distribution: the sum of squares of standard normal numbers."""

from __future__ import annotations

from typing import Any, ClassVar

from reference_engine.distributions import constraints
from reference_engine.distributions.gamma import Gamma

__all__ = ["Chi2"]


class Chi2(Gamma):
    """The sum of the squares of `df` standard normal numbers."""

    arg_constraints: ClassVar[Any] = {"df": constraints.positive}
    _expands: ClassVar[Any] = Gamma._expands

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    @property
    def df(self) -> Any:
        return self.concentration * 2
