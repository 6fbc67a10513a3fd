"""Nonlinearities."""

# ruff: noqa: RUF012 - `options` is declared a class variable in Applied

from __future__ import annotations

import warnings
from typing import Any

from reference_engine import creation
from reference_engine.nn import functional as F
from reference_engine.nn.applied import REQUIRED, Applied
from reference_engine.nn.init import constant_
from reference_engine.nn.module import Module
from reference_engine.nn.parameter import Parameter
from reference_engine.tensor import Tensor


class ReLU(Applied):
    function = "relu"
    options = {"inplace": False}


class ELU(Applied):
    function = "elu"
    options = {"alpha": 1.0, "inplace": False}


class CELU(Applied):
    function = "celu"
    options = {"alpha": 1.0, "inplace": False}


class SELU(Applied):
    function = "selu"
    options = {"inplace": False}


class LeakyReLU(Applied):
    function = "leaky_relu"
    options = {"negative_slope": 0.01, "inplace": False}


class RReLU(Applied):
    function = "rrelu"
    options = {"lower": 1.0 / 8, "upper": 1.0 / 3, "inplace": False}
    passed = ("lower", "upper", "training", "inplace")


class SiLU(Applied):
    function = "silu"
    options = {"inplace": False}


class Mish(Applied):
    function = "mish"
    options = {"inplace": False}


class Hardsigmoid(Applied):
    function = "hardsigmoid"
    options = {"inplace": False}
    shown = ()


class Hardswish(Applied):
    function = "hardswish"
    options = {"inplace": False}
    shown = ()


class Hardtanh(Applied):
    """Between two bounds, which can be given by their older names."""

    function = "hardtanh"
    options = {"min_val": -1.0, "max_val": 1.0, "inplace": False, "min_value": None, "max_value": None}
    passed = ("min_val", "max_val", "inplace")

    def configure(self, options: dict[str, Any]) -> None:
        for older, name in (("min_value", "min_val"), ("max_value", "max_val")):
            if (given := options.pop(older)) is not None:
                warnings.warn(
                    f"keyword argument `{older}` is deprecated and renamed to `{name}`", FutureWarning, stacklevel=4
                )
                options[name] = given
        super().configure(options)
        if self.max_val <= self.min_val:
            raise AssertionError(f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})")

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}" + (", inplace=True" if self.inplace else "")


class ReLU6(Hardtanh):
    """Between zero and six."""

    options = {"inplace": False}

    def configure(self, options: dict[str, Any]) -> None:
        super().configure({"min_val": 0.0, "max_val": 6.0, "min_value": None, "max_value": None, **options})

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Threshold(Applied):
    function = "threshold"
    options = {"threshold": REQUIRED, "value": REQUIRED, "inplace": False}


class GELU(Applied):
    function = "gelu"
    options = {"approximate": "none"}


class Softplus(Applied):
    function = "softplus"
    options = {"beta": 1.0, "threshold": 20.0}


class Softsign(Applied):
    function = "softsign"


class Tanhshrink(Applied):
    function = "tanhshrink"


class LogSigmoid(Applied):
    function = "logsigmoid"


class Softshrink(Applied):
    function = "softshrink"
    options = {"lambd": 0.5}

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardshrink(Applied):
    function = "hardshrink"
    options = {"lambd": 0.5}

    def extra_repr(self) -> str:
        return str(self.lambd)


class GLU(Applied):
    function = "glu"
    options = {"dim": -1}


class Softmax(Applied):
    function = "softmax"
    options = {"dim": None}


class Softmax2d(Module):
    """Over the channels of images."""

    def forward(self, input: Tensor) -> Any:
        rank = input.dim()
        if rank not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {rank}D instead")
        return F.softmax(input, -3, _stacklevel=5)


class LogSoftmax(Applied):
    function = "log_softmax"
    options = {"dim": None}


class Softmin(Applied):
    function = "softmin"
    options = {"dim": None}


class Tanh(Module):
    def forward(self, input: Tensor) -> Tensor:
        return input.tanh()


class Sigmoid(Module):
    def forward(self, input: Tensor) -> Tensor:
        return input.sigmoid()


class PReLU(Module):
    """A leaky ReLU whose slope is learnt."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(creation.empty((num_parameters,), dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The slope to begin with again."""
        constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"
