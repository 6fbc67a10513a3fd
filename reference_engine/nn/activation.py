"""Nonlinearities."""

# ruff: noqa: RUF012 - `options` is declared a class variable in Applied

from __future__ import annotations

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


class ReLU6(Applied):
    function = "relu6"
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

    def forward(self, *inputs: Any) -> Any:
        return F.rrelu(*inputs, self.lower, self.upper, self.training, self.inplace)


class SiLU(Applied):
    function = "silu"
    options = {"inplace": False}


class Mish(Applied):
    function = "mish"
    options = {"inplace": False}


class Hardsigmoid(Applied):
    function = "hardsigmoid"
    options = {"inplace": False}


class Hardswish(Applied):
    function = "hardswish"
    options = {"inplace": False}


class Hardtanh(Applied):
    function = "hardtanh"
    options = {"min_val": -1.0, "max_val": 1.0, "inplace": False}


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


class _Shrink(Applied):
    options = {"lambd": 0.5}

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softshrink(_Shrink):
    function = "softshrink"


class Hardshrink(_Shrink):
    function = "hardshrink"


class GLU(Applied):
    function = "glu"
    options = {"dim": -1}


class Softmax(Applied):
    function = "softmax"
    options = {"dim": None}


class Softmax2d(Applied):
    """Over the channels of images."""

    function = "softmax"

    def forward(self, *inputs: Any) -> Any:
        rank = inputs[0].dim()
        if rank not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {rank}D instead")
        return inputs[0].softmax(-3)


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
