"""Recurrent networks over whole sequences: layers of cells, in one direction or both."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from reference_engine import creation
from reference_engine.nn import functional as F
from reference_engine.nn import init
from reference_engine.nn.applied import own_methods
from reference_engine.nn.module import Module
from reference_engine.nn.parameter import Parameter
from reference_engine.nn.utils.rnn import PackedSequence
from reference_engine.tensor import Tensor

State = tuple[Tensor, ...]
Step = Callable[[Tensor, Tensor, State], State]


def _plain(activation: str) -> Step:
    def step(of_input: Tensor, of_hidden: Tensor, state: State) -> State:
        return (getattr(of_hidden + of_input, activation)(),)

    return step


def _gru(of_input: Tensor, of_hidden: Tensor, state: State) -> State:
    reset_i, update_i, new_i = of_input.chunk(3, -1)
    reset_h, update_h, new_h = of_hidden.chunk(3, -1)
    reset, update = (reset_h + reset_i).sigmoid(), (update_h + update_i).sigmoid()
    new = (new_i + new_h * reset).tanh()
    return ((state[0] - new) * update + new,)


def _lstm(of_input: Tensor, of_hidden: Tensor, state: State) -> State:
    enter, forget, value, out = (of_hidden + of_input).chunk(4, -1)
    cell = forget.sigmoid() * state[1] + enter.sigmoid() * value.tanh()
    return out.sigmoid() * cell.tanh(), cell


#: For each mode: the blocks of rows in a weight, and how a step goes from state to state.
_MODES: dict[str, tuple[int, Step]] = {
    "RNN_TANH": (1, _plain("tanh")), "RNN_RELU": (1, _plain("relu")), "GRU": (3, _gru), "LSTM": (4, _lstm),
}  # fmt: skip


#: One step of each kind, for those who make it alone.
STEPS = {mode: step for mode, (_, step) in _MODES.items()}


class RNNBase(Module):
    """What RNN, GRU and LSTM share: the weights of every layer and direction, and the way through the sequence.

    Raises:
        ValueError, TypeError: sizes or a dropout that make no sense.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        self._check_sizes(dropout)
        rows, out = _MODES[mode][0] * hidden_size, proj_size or hidden_size
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for suffix in self._suffixes(layer):
                columns = input_size if layer == 0 else out * (1 + bidirectional)
                shapes: dict[str, Any] = {"weight_ih": (rows, columns), "weight_hh": (rows, out)}
                if bias:
                    shapes.update(bias_ih=rows, bias_hh=rows)
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                for name, shape in shapes.items():
                    self.register_parameter(name + suffix, Parameter(creation.empty(shape, dtype=dtype)))
                self._all_weights.append([name + suffix for name in shapes])
        self.reset_parameters()

    def _check_sizes(self, dropout: Any) -> None:
        if not isinstance(dropout, (int, float)) or dropout is True or not 0 <= self.dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
            )
        if self.dropout > 0 and self.num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={dropout} and num_layers={self.num_layers}",
                stacklevel=3,
            )
        for name in ("input_size", "hidden_size"):
            value = getattr(self, name)
            if not isinstance(value, int):
                raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
        for name in ("hidden_size", "num_layers"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than zero")
        if self.proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if self.proj_size >= self.hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"][: 1 + self.bidirectional]

    def reset_parameters(self) -> None:
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """For GPUs: nothing to do."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def extra_repr(self) -> str:
        defaults = {
            "proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False
        }  # fmt: skip
        parts = [str(self.input_size), str(self.hidden_size)]
        return ", ".join(parts + [f"{n}={getattr(self, n)}" for n, d in defaults.items() if getattr(self, n) != d])

    # -- a call ------------------------------------------------------------------------------------------------

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The outputs of the last layer at every step, and the state of every layer after the last step."""
        several = self.mode == "LSTM"
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx, several)
        if input.dim() not in (2, 3):
            kind = "RNN" if self.mode.startswith("RNN") else self.mode
            tensor = " tensor" if kind == "RNN" else ""
            raise ValueError(f"{kind}: Expected input to be 2D or 3D, got {input.dim()}D{tensor} instead")
        batched = input.dim() == 3
        states: State = () if hx is None else (tuple(hx) if several else (hx,))
        self._check_ranks(states, batched)
        if not batched:
            input, states = input.unsqueeze(1), tuple(state.unsqueeze(1) for state in states)
        elif self.batch_first:
            input = input.transpose(0, 1)
        self._check_shapes(input, states)
        outputs, finals = self._through_layers(input, states or self._zeros(input, input.shape[1]))
        if not batched:
            outputs, finals = outputs.squeeze(1), tuple(final.squeeze(1) for final in finals)
        elif self.batch_first:
            outputs = outputs.transpose(0, 1)
        return outputs, finals if several else finals[0]

    def _forward_packed(self, packed: Any, hx: Any, several: bool) -> Any:
        """Sequences of different lengths: each step is of those that are long enough, which come first."""
        states: State = () if hx is None else (tuple(hx) if several else (hx,))
        if packed.sorted_indices is not None:
            states = tuple(state.index_select(1, packed.sorted_indices) for state in states)
        alive = packed.batch_sizes.tolist()
        if not several:  # an LSTM does not look
            self._check_shapes(packed.data, states, alive[0])
        states = states or self._zeros(packed.data, alive[0])
        outputs, finals = self._through_layers(packed.data, states, alive)
        if packed.unsorted_indices is not None:
            finals = tuple(final.index_select(1, packed.unsorted_indices) for final in finals)
        return PackedSequence(outputs, *packed[1:]), finals if several else finals[0]

    def _check_ranks(self, states: State, batched: bool) -> None:
        rank = 3 if batched else 2
        if all(state.dim() == rank for state in states):
            return
        ranks = [f"{state.dim()}-D" for state in states]
        names, got = ("hx and cx", f"({', '.join(ranks)}) tensors") if len(ranks) > 1 else ("hx", f"{ranks[0]} tensor")
        kind = "batched 3-D" if batched else "unbatched 2-D"
        raise RuntimeError(f"For {kind} input, {names} should also be {rank}-D but got {got}")

    def _check_shapes(self, input: Tensor, states: State, batch: int | None = None) -> None:
        dtype = self.all_weights[0][0].dtype
        if input.dtype != dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({dtype}). "
                f"Convert input: input.to({dtype}), or convert model: model.to({input.dtype})"
            )
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.shape[-1]}"
            )
        shapes = self._state_shapes(input.shape[1] if batch is None else batch)
        for i, (state, expected) in enumerate(zip(states, shapes, strict=False)):
            if tuple(state.shape) != expected:
                name = f"hidden[{i}]" if len(states) > 1 else "hidden"
                raise RuntimeError(f"Expected {name} size {expected}, got {list(state.shape)}")

    def _state_shapes(self, batch: int) -> list[tuple[int, ...]]:
        sizes = [self.proj_size or self.hidden_size] + [self.hidden_size] * (self.mode == "LSTM")
        return [(self.num_layers * (1 + self.bidirectional), batch, size) for size in sizes]

    def _zeros(self, input: Tensor, batch: int) -> State:
        return tuple(creation.zeros(shape, dtype=input.dtype) for shape in self._state_shapes(batch))

    def _through_layers(self, input: Tensor, states: State, alive: list[int] | None = None) -> tuple[Tensor, State]:
        """All layers; `alive` says how many sequences have each step, if they are packed."""
        finals: list[State] = []
        for layer in range(self.num_layers):
            made = []
            for suffix in self._suffixes(layer):
                at = len(finals)
                outputs, final = self._scan(input, tuple(state[at] for state in states), suffix, alive)
                made.append(outputs)
                finals.append(final)
            input = made[0] if len(made) == 1 else _joined(made)
            if self.dropout and layer < self.num_layers - 1:
                input = F.dropout(input, self.dropout, self.training)
        stacked = tuple(_stacked([final[i] for final in finals]) for i in range(len(states)))
        return input, stacked

    def _scan(self, input: Tensor, state: State, suffix: str, alive: list[int] | None) -> tuple[Tensor, State]:
        """One layer in one direction."""
        step = _MODES[self.mode][1]
        named = {name: getattr(self, name + suffix, None) for name in ("weight_hh", "bias_hh", "weight_hr")}
        of_inputs = F.linear(input, getattr(self, f"weight_ih{suffix}"), getattr(self, f"bias_ih{suffix}", None))
        steps = of_inputs.unbind(0) if alive is None else of_inputs.split(alive)
        order = range(len(steps))
        outputs: dict[int, Tensor] = {}
        ends = _Ends(state, backwards=suffix.endswith("_reverse"))
        for time in reversed(order) if ends.backwards else order:
            state = state if alive is None else ends.resized(state, alive[time])
            state = step(steps[time], F.linear(state[0], named["weight_hh"], named["bias_hh"]), state)
            if self.proj_size:
                state = (F.linear(state[0], named["weight_hr"]), *state[1:])
            outputs[time] = state[0]
        made = [outputs[time] for time in order]
        return (_stacked(made), state) if alive is None else (_joined(made, 0), ends.of(state))


class _Ends:
    """Where sequences of a packed batch begin and end: forwards the shorter ones leave, backwards they enter."""

    def __init__(self, initial: State, backwards: bool) -> None:
        self.initial, self.backwards = initial, backwards
        self.left: list[State] = []  # the last states of those that have ended, the shortest first

    def resized(self, state: State, count: int) -> State:
        """The state of the first `count` sequences."""
        if self.backwards and (not self.left or len(state[0]) < count):
            begun = len(state[0]) if self.left else 0
            self.left = [state]
            entering = tuple(part[begun:count] for part in self.initial)
            if not begun:
                return entering
            return tuple(_joined([here, new], 0) for here, new in zip(state, entering, strict=True))
        if not self.backwards and len(state[0]) > count:
            self.left.append(tuple(part[count:] for part in state))
            return tuple(part[:count] for part in state)
        return state

    def of(self, state: State) -> State:
        """The last states of all sequences, given those of the ones that lasted to the end."""
        if self.backwards or not self.left:
            return state
        parts = [state, *reversed(self.left)]
        return tuple(_joined([part[i] for part in parts], 0) for i in range(len(state)))


def _stacked(tensors: list[Tensor]) -> Tensor:
    import reference_engine as engine

    made: Tensor = engine.stack(tensors)
    return made


def _joined(tensors: list[Tensor], dim: int = -1) -> Tensor:
    import reference_engine as engine

    made: Tensor = engine.cat(tensors, dim)
    return made


@own_methods("forward")
class RNN(RNNBase):
    """Elman's network: ``tanh(W x + b + U h + c)``, or with ``relu``.

    Raises:
        ValueError: another nonlinearity, or a projection.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if proj_size:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        self.nonlinearity = nonlinearity
        super().__init__(
            f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, dtype=dtype,
        )  # fmt: skip


@own_methods("forward")
class GRU(RNNBase):
    """Gated recurrent units.

    Raises:
        ValueError: a projection.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("proj_size"):
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


@own_methods("forward")
class LSTM(RNNBase):
    """Long short-term memory; the state is a pair, hidden and cell."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)
