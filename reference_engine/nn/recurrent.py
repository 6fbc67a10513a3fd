"""One step of a recurrent network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from reference_engine import creation
from reference_engine.nn import functional as F
from reference_engine.nn import init
from reference_engine.nn.applied import own_methods
from reference_engine.nn.module import Module
from reference_engine.nn.parameter import Parameter
from reference_engine.semantics import switch
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

    def _batch(self, input: Tensor, hidden: Sequence[Tensor | None], names: Sequence[str]) -> list[Tensor]:
        """The input and the hidden states as batches: of one where there is none, of zeros where there is no state.

        Raises:
            ValueError: neither vectors nor matrices. RuntimeError: sizes that do not fit.
        """
        kind = type(self).__name__
        for name, value in zip(("input", *names), (input, *hidden), strict=True):
            if value is not None and value.dim() not in (1, 2):
                raise ValueError(f"{kind}: Expected {name} to be 1D or 2D, got {value.dim()}D instead")
        batched = input.dim() == 2
        rows = input if batched else input.unsqueeze(0)
        zeros = creation.zeros((rows.shape[0], self.hidden_size), dtype=input.dtype)
        states = [zeros if h is None else h if batched else h.unsqueeze(0) for h in hidden]
        if rows.shape[1] != self.input_size:
            raise RuntimeError(
                f"input has inconsistent input_size: got {rows.shape[1]} expected {self.input_size}"
            )  # fmt: skip
        for number, state in enumerate(states):
            self._check_state(rows, f"hidden{number}", state)
        return [rows, *states]

    def _check_state(self, rows: Tensor, name: str, state: Tensor) -> None:
        if state.dim() != 2 and switch("nn.rnn_cell.rank_of_state"):
            raise RuntimeError(f"Expected 2D {name} (batch x hidden_size), but got {state.dim()}D tensor")
        if state.shape[0] != rows.shape[0]:
            raise RuntimeError(f"Input batch size {rows.shape[0]} doesn't match {name} batch size {state.shape[0]}")
        if state.shape[1] != self.hidden_size:
            raise RuntimeError(
                f"{name} has inconsistent hidden_size: got {state.shape[1]}, expected {self.hidden_size}"
            )  # fmt: skip

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
        rows, hidden = self._batch(input, [hx], ["hidden"])
        of_input, of_hidden = self._maps(rows, hidden)
        total = of_hidden + of_input
        made = total.tanh() if self.nonlinearity == "tanh" else total.relu()
        return made if input.dim() == 2 else made.squeeze(0)

    def extra_repr(self) -> str:
        text = super().extra_repr()
        return text if self.nonlinearity == "tanh" else text + f", nonlinearity={self.nonlinearity}"


@own_methods("__init__")
class LSTMCell(_Gated):
    """Long short-term memory."""

    num_chunks = 4

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> Any:
        rows, hidden, cell = self._batch(input, [None, None] if hx is None else list(hx), ["hx[0]", "hx[1]"])
        of_input, of_hidden = self._maps(rows, hidden)
        enter, forget, value, out = (of_hidden + of_input).chunk(4, -1)
        cell = forget.sigmoid() * cell + enter.sigmoid() * value.tanh()
        made = out.sigmoid() * cell.tanh(), cell
        return made if input.dim() == 2 else tuple(each.squeeze(0) for each in made)


@own_methods("__init__")
class GRUCell(_Gated):
    """Gated recurrent unit."""

    num_chunks = 3

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Any:
        rows, hidden = self._batch(input, [hx], ["hidden"])
        of_input, of_hidden = self._maps(rows, hidden)
        reset_i, update_i, new_i = of_input.chunk(3, -1)
        reset_h, update_h, new_h = of_hidden.chunk(3, -1)
        reset, update = (reset_h + reset_i).sigmoid(), (update_h + update_i).sigmoid()
        new = (new_i + new_h * reset).tanh()
        made = (hidden - new) * update + new
        return made if input.dim() == 2 else made.squeeze(0)
