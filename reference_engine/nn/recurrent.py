"""One step of a recurrent network."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from reference_engine import creation
from reference_engine.nn import functional as F
from reference_engine.nn import init
from reference_engine.nn.applied import own_methods
from reference_engine.nn.module import Module
from reference_engine.nn.parameter import Parameter
from reference_engine.tensor import Tensor


class RNNCellBase(Module):
    """Weights for input and hidden state, one block of rows a gate."""

    num_chunks: ClassVar[int]

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        Module.__init__(self)
        self.input_size, self.hidden_size, self.has_bias = input_size, hidden_size, bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(creation.empty((rows, input_size), dtype=dtype))
        self.weight_hh = Parameter(creation.empty((rows, hidden_size), dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(creation.empty(rows, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _maps(self, input: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        return F.linear(input, self.weight_ih, self.bias_ih), F.linear(hidden, self.weight_hh, self.bias_hh)

    def _initial(self, input: Tensor) -> Tensor:
        return creation.zeros((*input.shape[:-1], self.hidden_size), dtype=input.dtype)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        return text if self.has_bias else text + f", bias={self.has_bias}"


class _Gated(RNNCellBase):
    """A cell whose gates say all about it."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, self.num_chunks, device, dtype)


class RNNCell(RNNCellBase):
    """``tanh(W x + b + U h + c)``."""

    num_chunks = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, self.num_chunks, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Any:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        of_input, of_hidden = self._maps(input, self._initial(input) if hx is None else hx)
        total = of_hidden + of_input
        return total.tanh() if self.nonlinearity == "tanh" else total.relu()

    def extra_repr(self) -> str:
        text = super().extra_repr()
        return text if self.nonlinearity == "tanh" else text + f", nonlinearity={self.nonlinearity}"


@own_methods("__init__")
class LSTMCell(_Gated):
    """Long short-term memory."""

    num_chunks = 4

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> Any:
        zeros = self._initial(input)
        hidden, cell = (zeros, zeros) if hx is None else hx
        of_input, of_hidden = self._maps(input, hidden)
        enter, forget, value, out = (of_hidden + of_input).chunk(4, -1)
        cell = forget.sigmoid() * cell + enter.sigmoid() * value.tanh()
        return out.sigmoid() * cell.tanh(), cell


@own_methods("__init__")
class GRUCell(_Gated):
    """Gated recurrent unit."""

    num_chunks = 3

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Any:
        hidden = self._initial(input) if hx is None else hx
        of_input, of_hidden = self._maps(input, hidden)
        reset_i, update_i, new_i = of_input.chunk(3, -1)
        reset_h, update_h, new_h = of_hidden.chunk(3, -1)
        reset, update = (reset_h + reset_i).sigmoid(), (update_h + update_i).sigmoid()
        new = (new_i + new_h * reset).tanh()
        return (hidden - new) * update + new
